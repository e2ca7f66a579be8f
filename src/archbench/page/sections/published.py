"""The papers' numbers and ours."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from archbench.page.classifiers import classifiers
from archbench.page.papers import SAME, paper_rows, under_lines
from archbench.page.section import File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results

GROUPS = [("", 1), ("Published, at full size", 4), ("Here, at the scale given", 4)]


@section("published", order=220, needs=("runs",), source="results/published.csv, a source a row")
def published(results: Results, place: Workplace) -> Iterator[Section]:
    """What the paper of a classifier reports beside its score here; none where no such classifier has a score."""
    rows = paper_rows([(board, entry) for board in classifiers(results) for entry in board.places], results)
    if not rows:
        return
    every = [{**row, "Comparable": "yes" if words == SAME else "no"} for words, found in rows.items() for row in found]
    place.write_table("published.csv", pd.DataFrame(every))
    remark = (
        "Both are in per cent. On the same test data they may be compared, recipe and scale beside them; on other data "
        "they show the difference in data and scale, and are not to be subtracted. The loader says whose data a name "
        "of params.yaml stands for. The source says where each published number was read: one from memory is "
        "unverified."
    )
    blocks = [Text(remark), Table(under_lines(rows), GROUPS), File("published.csv")]
    yield Section("published", "Published and here", blocks)
