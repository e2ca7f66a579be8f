"""How far back recurrent networks remember: what they copy after a long wait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from archbench.figures.memory import memory_by_delay
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.interval import mean_interval
from archbench.results.runs import Run

DELAY = re.compile(r"delay_(\d+)")
"""What a split of examples with one wait is called."""


@section("memory", order=260, needs=("runs",), source="Arjovsky, Shah, Bengio 2016, arXiv:1511.06464, section 4.1")
def memory(results: Results, place: Workplace) -> Iterator[Section]:
    """Of every data set with a split for each of several waits: the score of each network by the wait."""
    datasets: dict[str, list[Run]] = {}
    for run in results.runs:
        if run.finished and _delays(run):
            datasets.setdefault(run.settings["dataset"], []).append(run)
    for dataset, runs in datasets.items():
        yield _section(dataset, runs, place)


def _section(dataset: str, runs: Sequence[Run], place: Workplace) -> Section:
    stem, title = formats.file_name("memory", dataset), f"Memory by length: {dataset}"
    metric = runs[0].metrics["monitor"]
    table = pd.DataFrame(
        [
            {"benchmark": run.benchmark, "seed": run.seed, "delay": delay, metric: run.score_on(split, metric)}
            for run in runs
            for split, delay in _delays(run).items()
        ]
    )
    place.write_table(f"{stem}.csv", table)
    scores = {key: mean_interval(own) for key, own in table.groupby(["benchmark", "delay"], sort=False)[metric]}
    delays = sorted(set(table["delay"]))
    rows = [
        {
            "Network": benchmark,
            **{f"{delay} steps": formats.score(scores[benchmark, delay]) for delay in delays},
            "Seeds": f"n={own['seed'].nunique()}",
        }
        for benchmark, own in table.groupby("benchmark", sort=False)
    ]
    points = [
        {"benchmark": name, "delay": delay, "mean": found.mean, "low": found.low, "high": found.high}
        for (name, delay), found in scores.items()
    ]
    names = runs[0].predictions.get("class_names", ())
    chance = 1 / len(names) if len(names) else float("nan")
    drawn = partial(memory_by_delay, pd.DataFrame(points), metric=formats.words(metric), chance=chance)
    caption = (
        f"Mean {formats.words(metric)} over seeds by how many steps lie between what is to be remembered and the "
        "question; bar: 95\u00a0% interval. Dotted: chance."
    )
    remark = (
        "Each network is trained once, on waits of every length together, and tested on each of them. Who remembers "
        "nothing is right as often as chance."
    )
    shown = place.gallery.keep(drawn, stem, title, caption)
    return Section(stem, title, [Text(remark), Figures([shown]), Table(rows), File(f"{stem}.csv")])


def _delays(run: Run) -> dict[str, int]:
    """Split -> its wait."""
    return {split: int(found[1]) for split in run.scores if (found := DELAY.fullmatch(split))}
