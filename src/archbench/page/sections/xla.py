"""XLA on and off."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from archbench.page import formats
from archbench.page.section import Answer, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.xla import xla_table


@section("xla", order=240, needs=("runs",), source="OpenXLA, https://openxla.org/xla")
def xla(results: Results, place: Workplace) -> Iterator[Section]:
    """Compile time and speed of every benchmark in the mode it had, and in both where they were measured."""
    table = xla_table(results.runs, results.speed)
    if table.empty:
        return
    place.write_table("xla.csv", table)
    rows = [
        {
            "Benchmark": row.benchmark,
            "Backend": f"{row.backend}, {row.device}",
            "XLA": row.xla,
            "Seeds": f"n={row.n}",
            "Compile": formats.seconds(row.compile_seconds),
            "Step, ms": formats.value(row.step_milliseconds, 3),
            "Examples/s": formats.value(row.examples_per_second, 3),
            "On: compile": formats.seconds(row.on_compile_seconds),
            "On: step, ms": formats.value(row.on_step_milliseconds, 3),
            "Off: compile": formats.seconds(row.off_compile_seconds),
            "Off: step, ms": formats.value(row.off_step_milliseconds, 3),
            "Speed on/off": formats.value(row.on_over_off, 3),
        }
        for row in table.itertuples()
    ]
    remark = (
        "Left: the mode that each run had (XLA auto chooses it), its mean step, the examples (images, for most) that "
        "it trained on a second, and the largest compile time of its seeds. Right: the same benchmark measured in both "
        "modes in turn, a few steps a call, at another time and perhaps on another machine, which the table of speed "
        "names: compare right with right only. A dash: not measured."
    )
    groups = [("", 2), ("In its runs", 5), ("Both modes in turn", 5)]
    blocks = [Text(remark), Table(rows, groups), File("xla.csv")]
    yield Section("xla", "XLA on and off", blocks, answer=_answer(table))


def _answer(table: pd.DataFrame) -> Answer | None:
    """By the benchmarks that were measured in both modes."""
    both = table[table["on_over_off"].notna()]
    if both.empty:
        return None
    faster = int((both["on_over_off"] > 1).sum())
    return Answer(
        question="XLA, on or off?",
        choose=["on" if faster == len(both) else "auto: by network" if faster else "off"],
        gain=f"{formats.value(both['on_over_off'].median(), 3)} times the speed without, in the median",
        cost=f"{formats.seconds(both['on_compile_seconds'].median())} to compile, in the median",
        n=formats.plural(len(both), "benchmark"),
        sure=f"faster in {faster} of {len(both)}",
    )
