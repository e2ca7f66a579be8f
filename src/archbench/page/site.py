"""The report as a site: a home page with the table of questions, and a page for every section, which open from disk."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archbench.page.answers import answer_rows
from archbench.page.figures import Shown
from archbench.page.section import PAGES, Block, Figures, Row, Section, columns

HERE = Path(__file__).parent
SHARED = ("style.css", "site.js")
LINKED = ("Architecture", "Study")
"""The columns whose cells link to the page of what they name, beside the first column of every table."""


@dataclass(frozen=True)
class Page:
    """All that the templates and the README show."""

    title: str
    pipeline: str
    summary: list[str]
    sections: list[Section]

    @property
    def questions(self) -> list[Row]:
        """The table of questions."""
        return answer_rows([section.answer for section in self.sections if section.answer])

    @cached_property
    def pages(self) -> dict[str, str]:
        """Name -> the page that tells of it, below `pages/`; of two pages with a name the first."""
        found: dict[str, str] = {}
        for section in self.sections:
            asked = [section.answer.question] if section.answer else []
            for name in (*asked, section.title, *section.names):
                found.setdefault(name, section.file)
        return found


def write_site(page: Page, out: Path) -> None:
    """Write index.html and everything below `pages/`; what an earlier report left there is gone."""
    shutil.rmtree(out / PAGES, ignore_errors=True)
    (out / PAGES).mkdir(parents=True)
    for name, text in render(page).items():
        (out / name).write_text(text, encoding="utf-8")
    for name in SHARED:
        shutil.copyfile(HERE / name, out / PAGES / name)


def render(page: Page) -> dict[str, str]:
    """Every file that is made of the page: its name -> its text."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,  # every name of params.yaml may hold anything
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"columns": columns, "page": page, "pages": page.pages, "LINKED": LINKED}
    home, one = environment.get_template("home.html"), environment.get_template("section.html")
    written = {"index.html": home.render(questions=page.questions, to=f"{PAGES}/", home="index.html")}
    way = [section for section in page.sections if section.listed]
    for section in page.sections:
        before, after = _neighbours(section, way)
        first, blocks = _shaped(section.blocks)
        written[f"{PAGES}/{section.file}"] = one.render(
            section=section, first=first, blocks=blocks, before=before, after=after, to="", home="../index.html"
        )
    return written | {f"{PAGES}/names.js": _names(page)}


def _neighbours(section: Section, way: Sequence[Section]) -> tuple[Section | None, Section | None]:
    """The page before and the page after, of those among the contents."""
    if section not in way:
        return None, None
    place = way.index(section)
    return way[place - 1] if place else None, way[place + 1] if place + 1 < len(way) else None


def _shaped(blocks: Sequence[Block]) -> tuple[list[Shown], list[Block]]:
    """The first figure, which every page opens with, and the blocks without it."""
    place = next((place for place, block in enumerate(blocks) if isinstance(block, Figures) and block.shown), None)
    if place is None:
        return [], list(blocks)
    first, *others = blocks[place].shown
    return [first], [*blocks[:place], *([Figures(others)] if others else []), *blocks[place + 1 :]]


def _names(page: Page) -> str:
    """What the search looks through, as a script: a page that is opened from disk may load nothing else."""
    return f"const NAMES = {json.dumps(sorted(page.pages.items()), indent=0)};\n"


LINK = re.compile(r'<a href="([^"#]+)(#[^"]*)?">(.*?)</a>')


def mend_links(site: Path, copy: Path, gone: Sequence[Path]) -> None:
    """Have the pages of `copy` lead where those of `site`, which it is a copy of, lead.

    What lies below one of the folders `gone`, or is served by this machine, they name without leading there.
    """
    for page in copy.rglob("*.html"):
        before = (site / page.relative_to(copy)).parent

        def mended(found: re.Match[str], page: Path = page, before: Path = before) -> str:
            address, place, text = found[1], found[2] or "", found[3]
            parts = urlsplit(address)
            if parts.scheme:
                return text if parts.hostname in ("127.0.0.1", "localhost") else found[0]
            target = (before / unquote(address)).resolve()
            if target.is_relative_to(site.resolve()):
                return found[0]
            if any(target.is_relative_to(folder.resolve()) for folder in gone):
                return text
            return f'<a href="{quote(Path(os.path.relpath(target, page.parent)).as_posix())}{place}">{text}</a>'

        page.write_text(LINK.sub(mended, page.read_text(encoding="utf-8")), encoding="utf-8")
