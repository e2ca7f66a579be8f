"""How a command shows its result: Rich on a terminal, plain and whole lines in a pipe or a file."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

GAP = "  "
WHOLE = 32
"""A terminal never breaks the cells of a column of at most so many characters: names stay whole."""


def print_json(value: Any) -> None:
    """One JSON document on the standard output; NaN and infinity are not written, dataclasses become objects."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_as_json))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: folded to the width of a terminal, else a line a row with its columns aligned and nothing cut."""
    if not sys.stdout.isatty():
        print(plain_table(columns, rows), end="")
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, header_style="bold", pad_edge=False)
    for place, column in enumerate(columns):
        short = all(len(row[place]) <= WHOLE for row in rows)
        table.add_column(column, overflow="fold", no_wrap=short)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: square brackets in a cell are no markup
    Console().print(table)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned lines below a line of headings."""
    lines = [list(columns), *(list(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    padded = (GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def print_fields(fields: Mapping[str, str]) -> None:
    """A name and its value a line; the further lines of a value stand below its first."""
    width = max(len(name) for name in fields)
    for name, value in fields.items():
        first, *rest = value.splitlines() or [""]
        print(f"{name.ljust(width)}{GAP}{first}".rstrip())
        for line in rest:
            print(f"{' ' * width}{GAP}{line}".rstrip())


def print_title(text: str) -> None:
    """A heading, bold on a terminal."""
    if not sys.stdout.isatty():
        print(text)
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(text, style="bold"))


def bytes_text(count: float) -> str:
    """`1536` as `1.5 KB`, in steps of 1,000."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def seconds_text(seconds: float) -> str:
    """`75` as `1 min 15 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _as_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    return str(value)
