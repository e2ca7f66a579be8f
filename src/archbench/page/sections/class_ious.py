"""Which classes the networks of a segmentation find, and which they miss: a mean over classes hides it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from archbench.figures.detections import grouped_bars
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.interval import mean_interval
from archbench.results.runs import Run

SUFFIX = "_class_iou"
"""What the names of these scores end with, after that of the class."""


@section("class_ious", order=250, needs=("runs",), source="Long et al. 2014, section 5, arXiv:1411.4038")
def class_ious(results: Results, place: Workplace) -> Iterator[Section]:
    """Of every data set whose pixels have classes: the IoU of each class by each network."""
    datasets: dict[str, list[Run]] = {}
    for run in results.runs:
        if run.finished and _classes(run):
            datasets.setdefault(run.settings["dataset"], []).append(run)
    for dataset, runs in datasets.items():
        yield _section(dataset, runs, place)


def _section(dataset: str, runs: Sequence[Run], place: Workplace) -> Section:
    stem, title = formats.file_name("class-iou", dataset), f"Classes of pixels: {dataset}"
    table = pd.DataFrame(
        [
            {"benchmark": run.benchmark, "seed": run.seed, "class": name, "iou": run.test_score(name + SUFFIX)}
            for run in runs
            for name in _classes(run)
        ]
    )
    place.write_table(f"{stem}.csv", table)
    classes = list(dict.fromkeys(table["class"]))
    found = {
        benchmark: {name: mean_interval(own.loc[own["class"] == name, "iou"]) for name in classes}
        for benchmark, own in table.groupby("benchmark", sort=False)
    }
    seeds = table.groupby("benchmark")["seed"].nunique()
    rows = [
        {
            "Network": benchmark,
            **{formats.words(name): formats.score(iou) for name, iou in of_classes.items()},
            "Seeds": f"n={seeds[benchmark]}",
        }
        for benchmark, of_classes in found.items()
    ]
    means, halves = (
        pd.DataFrame([[getattr(iou, part) for iou in own.values()] for own in found.values()], list(found), classes)
        for part in ("mean", "half")
    )
    drawn = partial(grouped_bars, means.rename(columns=formats.words), "test IoU", halves.rename(columns=formats.words))
    caption = (
        "Intersection over union of each class over all test pixels of a known class: means over seeds, and lines of "
        "their 95\u00a0% intervals."
    )
    shown = place.gallery.keep(drawn, stem, title, caption)
    remark = (
        "Intersection over union of each class over the whole test split, the mean over seeds; ± is half the 95\u00a0% "
        "interval over them. 1 is perfect."
    )
    return Section(stem, title, [Text(remark), Table(rows), File(f"{stem}.csv"), Figures([shown])])


def _classes(run: Run) -> list[str]:
    return [name.removesuffix(SUFFIX) for name in run.scores.get("test", {}) if name.endswith(SUFFIX)]
