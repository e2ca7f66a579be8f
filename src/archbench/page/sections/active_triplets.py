"""Triplets that still teach: which share of those in a batch costs anything, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from archbench.figures.active import active_share
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results

ACTIVE = "train_active"
"""The column of a history that tells the share."""


@section("active_triplets", order=262, needs=("runs",), source="Schroff et al. 2015, arXiv:1503.03832, section 3.2")
def active_triplets(results: Results, place: Workplace) -> Iterator[Section]:
    """Every benchmark whose history has the share of active triplets; none where there is no such."""
    rows = [
        {"benchmark": run.benchmark, "seed": run.seed, "epoch": int(row["epoch"]), "active": float(row[ACTIVE])}
        for run in results.runs
        if run.finished
        for row in run.rows
        if ACTIVE in row
    ]
    if not rows:
        return
    table = pd.DataFrame(rows)
    place.write_table("active-triplets.csv", table)
    drawn = partial(active_share, table)
    title = "Triplets that teach"
    caption = "Share of active triplets among those of an epoch, the mean over seeds. One that costs 0 has no slope."
    shown = place.gallery.keep(drawn, "active-triplets", title, caption)
    means = table.groupby(["benchmark", "epoch"], sort=False)["active"].mean()
    ends = {
        benchmark: (own.iloc[0], own.iloc[-1], table[table["benchmark"] == benchmark]["seed"].nunique())
        for benchmark, own in means.groupby("benchmark", sort=False)
    }
    cells = [
        {
            "Benchmark": benchmark,
            "Active, first epoch": formats.value(first, 3),
            "Active, last epoch": formats.value(last, 3),
            "Seeds": f"n={seeds}",
        }
        for benchmark, (first, last, seeds) in ends.items()
    ]
    remark = (
        "A triplet teaches while its negative is not yet farther than its positive by the margin. Of triplets drawn at "
        "random fewer and fewer do as training goes on; mining looks for those that still do (Schroff et al. 2015)."
    )
    yield Section("active-triplets", title, [Text(remark), Table(cells), File("active-triplets.csv"), Figures([shown])])
