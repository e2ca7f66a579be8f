"""What `archbench speed` measured."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from archbench.page import formats
from archbench.page.section import File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import SPEED_COLUMNS, Results


@section("speed", order=700, needs=("speed",), source="archbench")
def speed(results: Results, place: Workplace) -> Iterator[Section]:
    """Every measurement beside that of the other side."""
    place.write_table("speed.csv", results.speed)
    rows = [{name: _cell(row[name]) for name in SPEED_COLUMNS} for row in results.speed.to_dict("records")]
    how = "Medians over n repetitions, both sides in one process on the same data. A ratio above 1 is in our favour."
    yield Section("speed", "Speed", [Text(how), Table(rows), File("speed.csv")])


def _cell(value: object) -> str:
    if pd.isna(value):
        return formats.NOTHING
    return formats.value(value) if isinstance(value, float) else str(value)
