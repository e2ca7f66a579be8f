"""What compiling with XLA costs and buys: from the runs themselves, and from measurements of both modes in turn."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd

from archbench.results.leaderboard import by_benchmark
from archbench.results.runs import Run, number
from archbench.results.statistics import mean_interval
from archbench.results.table import describe

CASE = "xla-"
"""What the names of the measurements begin with, in speed.csv; the benchmark's name follows."""
COMPILED = re.compile(r"XLA on, compiled in ([\d.]+) s; baseline: XLA off, ([\d.]+) s")
"""How the note of a measurement tells both compile times."""
MEASURED = ("on_compile_seconds", "on_step_milliseconds", "off_compile_seconds", "off_step_milliseconds", "on_over_off")
COLUMNS = (
    "benchmark", "architecture", "dataset", "backend", "device", "xla", "n", "compile_seconds", "step_milliseconds",
    "examples_per_second", *MEASURED,
)  # fmt: skip


def xla_table(runs: Sequence[Run], speed: pd.DataFrame | None) -> pd.DataFrame:
    """A row a benchmark, backend, device and mode that finished runs had.

    `compile_seconds` is the largest of the seeds, because later seeds of one process take over what the first compiled;
    steps and examples are means. The last columns are from `speed`, the rows of speed.csv; NaN where not measured.
    """
    rows = []
    for benchmark, seeds in by_benchmark(runs).items():
        groups: dict[tuple, list[Run]] = {}
        for run in seeds:
            if run.finished and run.timings:
                facts = run.machine
                groups.setdefault((facts["backend"], facts["device_kind"], facts["xla"]), []).append(run)
        rows += [_row(benchmark, *mode, group, speed) for mode, group in groups.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(benchmark: str, backend: str, device: str, xla: bool, group: list[Run], speed: pd.DataFrame | None) -> tuple:
    facts = describe(group[0])
    compiled, steps, rates = (
        [number(run.timings[name]) for run in group]
        for name in ("compile_seconds", "step_milliseconds", "examples_per_second")
    )
    measured = _measured(speed, backend, benchmark)
    own = (max(compiled), mean_interval(steps).mean, mean_interval(rates).mean)
    mode = "on" if xla else "off"
    return (benchmark, facts["architecture"], facts["dataset"], backend, device, mode, len(group), *own, *measured)


def _measured(speed: pd.DataFrame | None, backend: str, benchmark: str) -> tuple[float, ...]:
    """The values of `MEASURED`, where the benchmark was measured."""
    if speed is not None:
        mine = speed[(speed["case"] == f"{CASE}{benchmark}") & (speed["backend"] == backend)]
        for row in mine.to_dict("records"):
            told = COMPILED.search(str(row["note"]))
            on, off = map(float, told.groups()) if told else (math.nan, math.nan)
            return on, 1e3 / row["ours"], off, 1e3 / row["baseline"], row["ratio"]
    return (math.nan,) * len(MEASURED)
