"""What a recipe understands and no catalogue holds: keys of params.yaml, and what the field calls them.

`words.csv` is the one table: a word, what it is also called, the level of params.yaml at which its line stands, that
line, the fields of `config.py` that the row explains, what it is, its formula and its source.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

KIND = "settings"
"""What `archbench list` and `show` call these words."""
LEVELS = {
    "params": "params.yaml",
    "training": "training",
    "recipe": "training, a benchmark or an arm",
    "change": "a benchmark or an arm",
    "benchmark": "a benchmark",
    "study": "a study",
    "space": "a key of a study's space",
    "probe": "a probe",
    "speed": "speed",
    "compute": "compute",
    "command": "a terminal",
}
"""The level of a line -> where that is, in words."""


@dataclass(frozen=True)
class Word:
    """One row of the table."""

    name: str
    also: tuple[str, ...]
    """Other names of the same thing."""
    level: str
    where: str
    """The line that sets it, as YAML; at the level `command`, what to type."""
    fields: tuple[str, ...]
    """Fields of the models of `config.py`, `Model.field`."""
    what: str
    formula: str
    source: str
    regularizes: bool

    @property
    def place(self) -> str:
        """Where the line stands, in words."""
        return LEVELS[self.level]


@cache
def words() -> dict[str, Word]:
    """Name -> its row, in the order of the names."""
    with Path(__file__).with_name("words.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Word(
                name=row["word"],
                also=tuple(row["also"].split()),
                level=row["level"],
                where=row["where"],
                fields=tuple(row["fields"].split()),
                what=row["what"],
                formula=row["formula"],
                source=row["source"],
                regularizes=row["regularizes"] == "yes",
            )
            for row in csv.DictReader(file)
        ]
    return {row.name: row for row in sorted(rows, key=lambda row: row.name)}
