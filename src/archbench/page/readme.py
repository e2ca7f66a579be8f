"""The report as one page of Markdown, for readers of the repository: the table of questions, and where the rest is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archbench.page.section import Row, Section, columns

if TYPE_CHECKING:
    from archbench.page.site import Page


def readme(page: Page) -> str:
    """README.md of a report; whatever a name holds, it stays text."""
    parts = [
        f"# {escape(page.title)}",
        f"Pipeline {escape(page.pipeline)}.",
        "\n".join(f"- {escape(sentence)}" for sentence in page.summary),
        "The whole report is [index.html](index.html), which opens from disk; its numbers are in [tables](tables).",
        *([table(page.questions, page.pages)] if page.questions else []),
        *(
            f"**{_link(section.title, section)}.** {escape(section.lead)}"
            for section in page.sections
            if section.at_home
        ),
        "\n".join(f"- {_link(section.title, section)}" for section in page.sections if _named(section)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _named(section: Section) -> bool:
    return section.listed and section.brief and not section.answer and not section.at_home


def _link(text: str, section: Section) -> str:
    return f"[{escape(text)}](pages/{section.file})"


def table(rows: Sequence[Row], pages: Mapping[str, str] | None = None) -> str:
    """A Markdown table; a row that is a line across it has its words in bold, a cell that names a page links to it."""
    heads = columns(rows)
    body = [_bold(row, heads) if len(row) < len(heads) else _cells(row, pages or {}) for row in rows]
    head = [escape(name) for name in heads]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body))


def _cells(row: Row, pages: Mapping[str, str]) -> list[str]:
    return [f"[{escape(cell)}](pages/{pages[cell]})" if cell in pages else escape(cell) for cell in row.values()]


def _bold(row: Row, heads: list[str]) -> list[str]:
    return [f"**{escape(next(iter(row)))}**", *[""] * (len(heads) - 1)]


def escape(text: str) -> str:
    """`text` without any meaning in Markdown or HTML, on one line."""
    one_line = " ".join(text.split())
    marked = re.sub(r"([\\`*\[\]|~])", r"\\\1", one_line)
    marked = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", marked)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
