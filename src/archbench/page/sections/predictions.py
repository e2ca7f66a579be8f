"""What predictions look like."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.page import formats
from archbench.page.section import Folded, Section, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.leaderboard import by_benchmark


@section("predictions", order=500, needs=("runs",), source="archbench")
def predictions(results: Results, place: Workplace) -> Iterator[Section]:
    """The pictures of the first finished seed of every benchmark, behind a line each; the first one is open."""
    folded: list[Folded] = []
    for benchmark, seeds in by_benchmark(results.runs).items():
        if shown := place.gallery.pictures(seeds):
            folded.append(Folded(formats.file_name("pictures", benchmark), benchmark, shown, is_open=not folded))
    if folded:
        what = Text("What the first finished seed of every benchmark says about test examples.")
        yield Section("pictures", "Predictions", [what, *folded], brief=False)
