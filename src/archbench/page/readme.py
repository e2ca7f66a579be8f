"""The report as Markdown, for readers of the repository: the summary, the leaderboards, the main figures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archbench.page.content import Row, Section, columns

if TYPE_CHECKING:
    from archbench.page.report import Page


def readme(page: Page) -> str:
    """README.md of a report; whatever a name holds, it stays text."""
    parts = [
        f"# {escape(page.title)}",
        f"Pipeline {escape(page.pipeline)}.",
        "\n".join(f"- {escape(sentence)}" for sentence in page.summary),
        "The whole report is [index.html](index.html), which opens from disk; its numbers are in [tables](tables).",
        *(
            part
            for section in (*page.boards, *page.classification, *page.studies, *page.comparisons)
            for part in _section(section)
        ),
    ]
    if page.reference:
        parts += _section(page.reference)
    if page.gaps:
        parts += ["## Runs that did not finish", table(page.gaps)]
    if page.speed:
        parts += ["## Speed", table(page.speed)]
    if page.hardware:
        parts += ["## What ran where", table(page.hardware)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"## {escape(section.title)}", escape(section.remark)]
    if section.rows:
        parts.append(table(section.rows))
    for part in section.parts:
        parts += [f"### {escape(part.title)}", table(part.rows)]
    for shown in section.figures:
        parts += [f"![{escape(shown.alt)}](figures/{shown.file})", f"_{escape(shown.caption)}_"]
    return parts


def table(rows: list[Row]) -> str:
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
