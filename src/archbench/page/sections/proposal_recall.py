"""How many objects proposals find, by how many of them are looked at: what no detector behind them can make good."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from archbench.figures.recall import recall_by_proposals
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results


@section("proposal_recall", order=455, needs=("probes",), source="Hosang et al. 2015, arXiv:1502.05082, section 4")
def proposal_recall(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of proposals: recall by their number."""
    for probe in results.probes:
        if probe.kind == "proposal_recall":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    found = probe.tables["recall"]
    name, title = formats.file_name("probe", probe.name), f"Recall of proposals: {probe.name}"
    place.write_table(f"{name}.csv", found)
    drawn = partial(recall_by_proposals, found)
    caption = (
        "The share of objects that one of the first proposals of a picture overlaps by an IoU of 0.5 at least (left), "
        "and its mean over IoU 0.5, 0.55 to 0.95 (right), by how many proposals are looked at, on a logarithmic axis."
    )
    shown = place.gallery.keep(drawn, name, title, caption)
    remark = (
        "Objects of the test split. What no proposal overlaps, no detector that judges proposals can find: recall is "
        "the most that its own can be. Proposals are taken in the order of their data set. Windows know nothing of a "
        "picture, so that theirs, the small ones first, is none to stop in: all of them are what to compare."
    )
    return Section(name, title, [Text(remark), Figures([shown]), Table(_rows(found)), File(f"{name}.csv")])


def _rows(found: pd.DataFrame) -> list[dict[str, str]]:
    rows = []
    for dataset, own in found.groupby("dataset", sort=False):
        for row in own.itertuples():
            rows.append(
                {
                    "Data set": dataset,
                    "Proposals a picture": str(row.proposals),
                    "Recall at IoU 0.5": formats.value(row.recall_50, 3),
                    "Recall at IoU 0.7": formats.value(row.recall_70, 3),
                    "Average recall": formats.value(row.average_recall, 3),
                    "Objects": f"n={row.objects} in {row.pictures}",
                }
            )
    return rows
