"""Which runs starve, explode or saturate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archbench.page import formats
from archbench.page.section import File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.health import EXPLODED, SATURATED, STARVED, health_table, marks, watched
from archbench.results.runs import Run

READ = (
    "Every run watches itself in the last step of each epoch, by groups of consecutive layers from the input on: the "
    "norm of the gradient, the step in parts of the weights, which is about a thousandth where training goes well, and "
    f"the share of units that no gradient passes. A group starves whose steps all stay below {STARVED:g} of its "
    f"weights; it explodes with a step of {EXPLODED:g} times its weights or more, and so does a run whose loss is no "
    f"number any more; it saturates where {SATURATED:.0%} of its units or more are dead after the last epoch."
)


@section("health", order=465, needs=("runs",), source="Glorot and Bengio 2010, AISTATS 9; notes of CS231n")
def health(results: Results, place: Workplace) -> Iterator[Section]:
    """The runs that are marked, with the groups of layers that they are marked for."""
    runs = watched(results.runs)
    if not runs:
        return
    place.write_table("health.csv", health_table(runs))
    rows = health_rows(runs)
    found = len({(row["Run"], row["Seed"]) for row in rows})
    said = f"{found} of {formats.plural(len(runs), 'run')} {'is' if found == 1 else 'are'} marked."
    yield Section(
        "health", "Health of training", [Text(f"{READ} {said}"), *([Table(rows)] if rows else []), File("health.csv")]
    )


def health_rows(runs: Sequence[Run]) -> list[Row]:
    """A row a mark of `runs`, which are watched."""
    return [
        {
            "Run": mark.run.benchmark,
            "Seed": str(mark.run.seed),
            "Sign": mark.sign,
            "Layers": "all" if mark.group is None else f"group {mark.group} of {mark.of}",
            "How much": f"{mark.value:.1%} dead" if mark.sign == "saturates" else f"steps up to {mark.value:.2g}",
        }
        for mark in marks(runs)
    ]
