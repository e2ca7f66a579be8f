"""The pages of a report as one text, for tests of what a reader is told wherever it stands."""

import re
from pathlib import Path


def site_text(index: Path) -> str:
    """index.html and every page beside it, those of the contents first; a cell that links is its words alone."""
    home, folder = index.read_text(), index.parent / "pages"
    listed = re.findall('<li><a href="pages/([^"]*)">', home)
    rest = sorted({path.name for path in folder.glob("*.html")} - set(listed))
    pages = [home, *((folder / name).read_text() for name in [*listed, *rest])]
    return re.sub(r"(<td[^>]*>)<a [^>]*>(.*?)</a>", r"\1\2", "\n".join(pages))
