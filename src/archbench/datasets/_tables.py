"""Tables of the user's own, CSV or Parquet, as columns of text; what cannot be read is told with its file and line."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archbench.datasets._options import plain
from archbench.datasets._own import EmptyValue, codes, existing, split_named
from archbench.datasets._text import read as read_text
from archbench.errors import UserError, listed, shown

SEPARATORS = ",;\t|"
PARQUET = (".parquet", ".pq")


class BrokenTable(UserError):
    """A table that cannot be read: a row of another length, no header, no rows."""


class NoColumn(UserError):
    """A column that is asked for and that the table lacks."""


@dataclass(frozen=True)
class Table:
    """A table, its values as they are written."""

    name: str
    columns: Mapping[str, list[str]]
    lines: list[int]
    """Of each row, the line of the file where it ends, or its number from 1."""
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int) -> str:
        """`data.csv, line 7`."""
        return f"{self.name}, {self.unit} {self.lines[row]}"

    @property
    def places(self) -> list[str]:
        """The place of every row."""
        return [self.place(row) for row in range(len(self))]

    def column(self, name: str, option: str) -> list[str]:
        """The values of a column that `option` names, none of them empty; raises `NoColumn` or `EmptyValue`."""
        self.check(name, option)
        for row, value in enumerate(self.columns[name]):
            if not value.strip():
                raise EmptyValue(f"{self.place(row)}: the column {shown(name)} is empty. Fill it, or take the row out.")
        return self.columns[name]

    def splits(self, column: str | None) -> list[str | None]:
        """The split of every row by a column of them; None of all where there is none. Raises `WrongSplit`."""
        if column is None:
            return [None] * len(self)
        return [split_named(word, self.place(row)) for row, word in enumerate(self.column(column, "split"))]

    def groups(self, column: str | None) -> np.ndarray | None:
        """The number of every row's group, int32 (row,), by a column of them; None where there is none."""
        return codes(self.column(column, "group"))[0] if column else None

    def check(self, name: str, option: str) -> None:
        """Raise `NoColumn` where the table has no column of this name."""
        if name not in self.columns:
            near = difflib.get_close_matches(name, self.columns, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise NoColumn(
                f"{self.name} has no column {shown(name)}, which {option} names.{hint} It has: {listed(self.columns)}."
            )


def read_table(option: str, given: str) -> Table:
    """The table that an option names; raises `NotThere`, `BrokenText` or `BrokenTable`."""
    path = existing(option, given)
    name = plain(path)
    if not path.is_file():
        raise BrokenTable(f"{name} is a folder, and {option} names a table: a CSV or Parquet file.")
    table = _parquet(path, name) if path.suffix.lower() in PARQUET else _csv(path.read_bytes(), name)
    if not len(table):
        raise BrokenTable(f"{name} has no rows below its header. Give it some.")
    return table


def _csv(content: bytes, name: str) -> Table:
    """Commas, semicolons, tabs or bars between the values: whichever its header has most."""
    text = read_text(content, name, "Save the file as UTF-8.").removeprefix("\ufeff")
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    rows = _rows(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), name)
    header = next(rows, (1, []))[1]
    names = [column.strip() for column in header]
    if not names or not all(names) or len(set(names)) < len(names):
        told = listed(map(repr, names))
        raise BrokenTable(f"{name}, line 1: every column needs a name of its own, and these are {told}.")
    values: list[list[str]] = []
    lines = []
    for line, row in rows:
        if len(row) != len(names):
            raise BrokenTable(f"{name}, line {line}: {len(row)} values, and the header has {len(names)}. Mend it.")
        values.append(row)
        lines.append(line)
    return Table(name, {column: [row[place] for row in values] for place, column in enumerate(names)}, lines)


def _rows(reader: Iterator[list[str]], name: str) -> Iterator[tuple[int, list[str]]]:
    """(line, values) of every row that is not empty."""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BrokenTable(f"{name}, line {reader.line_num}: {error}. Mend the line.") from error
        if row:
            yield reader.line_num, row


def _parquet(path: Path, name: str) -> Table:
    import pandas

    try:
        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise BrokenTable(f"To read {name}, run: pip install pyarrow") from error
    except (OSError, ValueError) as error:
        raise BrokenTable(f"{name} cannot be read as Parquet ({str(error).splitlines()[0]}). Write it anew.") from error
    columns = {str(name): _written(frame[name].tolist(), frame[name].isna()) for name in frame.columns}
    return Table(name, columns, list(range(1, len(frame) + 1)), "row")


def _written(values: Iterable[object], empty: Iterable[bool]) -> list[str]:
    """Values as text, nothing where they are missing."""
    return ["" if nothing else str(value) for value, nothing in zip(values, empty, strict=True)]
