"""What texts of uneven length cost: the share of padding, and how many programs were compiled for how many lengths."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.page import formats
from archbench.page.section import Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results


@section("padding", order=265, needs=("runs",), source="archbench")
def padding(results: Results, place: Workplace) -> Iterator[Section]:
    """Of every benchmark on examples of uneven length: how much of what it reads in training is padding."""
    rows = {}
    for run in results.runs:
        if run.finished and run.metrics.get("padding", 0) > 0:
            rows.setdefault(
                run.benchmark,
                {
                    "Benchmark": run.benchmark,
                    "Padding": f"{run.metrics['padding']:.1%}",
                    "Groups of like length": str(run.settings["task"].get("buckets", 1)),
                    "Compiled programs": formats.count(run.metrics["programs"]),
                },
            )
    if rows:
        remark = (
            "Examples of uneven length are filled up to the longest of their group. The share of padding in what "
            "training reads falls with the number of groups, and the programs that are compiled grow with it."
        )
        yield Section("padding", "Padding", [Text(remark), Table(list(rows.values()))])
