"""Padding and programs: what it costs that examples are of unlike length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

import pandas as pd

from archbench.page import formats
from archbench.page.section import File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.leaderboard import by_benchmark
from archbench.results.runs import Run

REMARK = (
    "Examples of unlike length are padded to the longest of their group of like length, of which a task has as many as "
    "its option `buckets` says; each group is a program of its own. Padding: its share in what the device reads of the "
    "training split. More groups have less of it, and more programs to compile."
)


@section("padding", order=250, needs=("runs",), source="archbench")
def padding(results: Results, place: Workplace) -> Iterator[Section]:
    """The share of padding and the compiled programs of each benchmark whose examples are of unlike length."""
    named = {name: [run for run in runs if run.finished] for name, runs in by_benchmark(results.runs).items()}
    rows = [_row(name, runs) for name, runs in named.items() if any(run.metrics.get("padding") for run in runs)]
    if not rows:
        return
    table = pd.DataFrame(rows)
    place.write_table("padding.csv", table)
    shown = [
        {
            "Benchmark": row.benchmark,
            "Buckets": str(row.buckets),
            "Padding": f"{row.padding:.1%}",
            "Programs": str(row.programs),
            "Compile": formats.seconds(row.compile_seconds),
            "Seeds": f"n={row.n}",
        }
        for row in table.itertuples()
    ]
    yield Section("padding", "Padding and programs", [Text(REMARK), Table(shown), File("padding.csv")])


def _row(name: str, runs: Sequence[Run]) -> dict[str, object]:
    """Means over the seeds; programs and seconds are the most of any, since later seeds may share what is compiled."""
    return {
        "benchmark": name,
        "buckets": runs[0].settings["task"].get("buckets", 1),
        "padding": fmean(run.metrics["padding"] for run in runs),
        "programs": max(run.metrics["programs"] for run in runs),
        "compile_seconds": max(run.timings["compile_seconds"] for run in runs),
        "n": len(runs),
    }
