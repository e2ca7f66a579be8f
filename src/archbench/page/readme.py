"""The report as Markdown, for readers of the repository: the summary, and the sections but for what is folded away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archbench.page.section import Block, Figures, Heading, Row, Section, Table, Text, columns

if TYPE_CHECKING:
    from archbench.page.report import Page


def readme(page: Page) -> str:
    """README.md of a report; whatever a name holds, it stays text."""
    parts = [
        f"# {escape(page.title)}",
        f"Pipeline {escape(page.pipeline)}.",
        "\n".join(f"- {escape(sentence)}" for sentence in page.summary),
        "The whole report is [index.html](index.html), which opens from disk; its numbers are in [tables](tables).",
        *(part for section in page.sections if section.brief for part in _section(section)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    return [f"## {escape(section.title)}", *(part for block in section.blocks for part in _block(block))]


def _block(block: Block) -> list[str]:
    match block:
        case Text(text):
            return [escape(text)]
        case Heading(text):
            return [f"### {escape(text)}"]
        case Table(rows, brief=True):
            return [table(rows)]
        case Figures(all_shown):
            return [
                part
                for shown in all_shown
                for part in (f"![{escape(shown.alt)}](figures/{shown.file})", f"_{escape(shown.caption)}_")
            ]
    return []


def table(rows: Sequence[Row]) -> str:
    """A Markdown table; a row that is a line across it has its words in bold."""
    heads = columns(rows)
    body = [_bold(row, heads) if len(row) < len(heads) else [escape(cell) for cell in row.values()] for row in rows]
    head = [escape(name) for name in heads]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body))


def _bold(row: Row, heads: list[str]) -> list[str]:
    return [f"**{escape(next(iter(row)))}**", *[""] * (len(heads) - 1)]


def escape(text: str) -> str:
    """`text` without any meaning in Markdown or HTML, on one line."""
    one_line = " ".join(text.split())
    marked = re.sub(r"([\\`*\[\]|~])", r"\\\1", one_line)
    marked = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", marked)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
