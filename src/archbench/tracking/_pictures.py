"""What a run's predictions look like, drawn for the tracking server as the report draws them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from archbench.figures.pictures import PICTURES
from archbench.figures.style import save_svg, style
from archbench.records.read import RunFolder
from archbench.records.run_folder import read_shown


@contextmanager
def drawn(run: RunFolder) -> Iterator[Path]:
    """A folder with the pictures of a run's predictions as SVG, for as long as the context lasts."""
    with TemporaryDirectory() as folder:
        if predictions := read_shown(run.path):
            with style():
                for picture in PICTURES[run.settings["task"]["name"]](predictions):
                    save_svg(picture.figure, Path(folder) / f"{picture.name}.svg")
        yield Path(folder)
