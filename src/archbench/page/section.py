"""What a report is made of: sections, and the blocks that they hold. Templates and the README only lay them out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from archbench.page import formats
from archbench.page.figures import Gallery, Shown
from archbench.page.known import Known

PAGES = "pages"
"""The folder of all pages but the home page, with what they share."""

Row = dict[str, str]
"""Head of a column -> cell. A row of a single, empty cell is a line across the table, with that head on it."""


class Link(str):
    """Text that leads somewhere else than to a page of the report, to the address `to`."""

    to: str

    def __new__(cls, text: str, to: str) -> Link:  # noqa: D102
        link = super().__new__(cls, text)
        link.to = to
        return link


@dataclass(frozen=True)
class Workplace:
    """Where the figures and the tables of a report go, and what it knows of catalogues."""

    gallery: Gallery
    write_table: Callable[..., None]
    """Takes the name of a file below `tables/`, the table, and as `digits` how many of a number stay (None: all)."""
    known: Known = field(default_factory=Known)
    out: Path | None = None
    """The folder of the report; None where no page is written, so that nothing can be linked to."""

    def linked(self, text: str, path: Path) -> str:
        """`text` as a link from a page of the report to a file or folder; the text alone where that is not there."""
        if self.out is None or not path.exists():
            return text
        return Link(text, quote(Path(os.path.relpath(path, self.out / PAGES)).as_posix()))


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Heading:
    """A smaller heading inside a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Facts:
    """What is so of one thing: a name and what goes with it, a line each."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows below the heads of their columns."""

    kind: ClassVar[str] = "table"
    rows: Sequence[Row]
    groups: Sequence[tuple[str, int]] = ()
    """What stands above the heads, each over so many columns; empty where nothing does."""
    brief: bool = True
    """Whether it stands open on its page; a long list that few read is folded away."""


@dataclass(frozen=True)
class File:
    """The link to a table as CSV, below `tables/`."""

    kind: ClassVar[str] = "file"
    name: str
    words: str = "This table as CSV"
    after: str = ""
    """What follows the link."""


@dataclass(frozen=True)
class Figures:
    """Figures one below the other, each with its caption."""

    kind: ClassVar[str] = "figures"
    shown: Sequence[Shown]


@dataclass(frozen=True)
class Folded:
    """Figures behind a line that opens them."""

    kind: ClassVar[str] = "folded"
    anchor: str
    title: str
    shown: Sequence[Shown]
    is_open: bool


@dataclass(frozen=True)
class Included:
    """A piece of HTML that is written by hand, beside the template."""

    kind: ClassVar[str] = "included"
    file: str


Block = Text | Heading | Facts | Table | File | Figures | Folded | Included


@dataclass(frozen=True)
class Answer:
    """A line of the table of questions: what was asked, what to choose, and what that stands on."""

    question: str
    choose: Sequence[str]
    """The choices that cannot be told from the best, the cheapest first; none where nothing is ranked."""
    gain: str = formats.NOTHING
    """Of the first of them over the usual choice, with its interval."""
    cost: str = formats.NOTHING
    """What the first of them takes."""
    n: str = formats.NOTHING
    sure: str = ""
    """How sure the gain is."""
    shows: bool = False
    """Whether the first of them is surely better than the usual choice."""


@dataclass(frozen=True)
class Section:
    """A page of the report: a heading and what stands below it."""

    anchor: str
    title: str
    blocks: Sequence[Block]
    listed: bool = True
    """Whether it stands among the contents."""
    brief: bool = True
    """Whether the README names it."""
    lead: str = ""
    """The answer in a sentence, which stands first."""
    answer: Answer | None = None
    """Its line in the table of questions, where it has one to answer."""
    at_home: bool = False
    """Whether the home page says its lead: what failed, what is missing, what differs from the reference."""
    names: Sequence[str] = ()
    """What it is found by, beside its title: the first cell of a row that is one of these names links to it."""

    @property
    def file(self) -> str:
        """The file of the page, below `pages/`."""
        return f"{formats.file_name(self.anchor)}.html"


def columns(rows: Sequence[Row]) -> list[str]:
    """The heads of a table: those of its first row that is no line across it."""
    return list(max(rows, key=len, default={}))
