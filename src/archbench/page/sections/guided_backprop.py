"""What classifiers look at."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from archbench.figures.looks import looks
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results

REMARK = (
    "Guided back-propagation shows pixels that raise the score of the likeliest class, through units that speak for it "
    "alone; Grad-CAM the places of the last map that do, as far as they reach. Neither shows why a class is likely: "
    "guided back-propagation draws edges whatever the class is (Adebayo et al. 2018, arXiv:1810.03292)."
)


@section("guided_backprop", order=464, needs=("probes",), source="Springenberg et al. 2014, arXiv:1412.6806")
def guided_backprop(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of what classifiers look at: a gallery, and how much of a picture counts."""
    for probe in results.probes:
        if probe.kind == "guided_backprop":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    scores = probe.tables["scores"]
    name, title = formats.file_name("probe", probe.name), f"What classifiers look at: {probe.name}"
    place.write_table(f"{name}.csv", scores)
    shown = place.gallery.keep(
        partial(looks, scores, probe.arrays("looks")),
        name,
        title,
        "Three rows a network: pictures with the likeliest class, guided back-propagation, Grad-CAM.",
    )
    rows = [
        {
            "Network": arm,
            "Pictures": str(len(own)),
            "Mean score of the likeliest class": f"{own['score'].mean():.3g}",
            "Mean share of the picture above half of the largest": f"{own['share'].mean():.0%}",
        }
        for arm, own in scores.groupby("arm", sort=False)
    ]
    return Section(name, title, [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}.csv")])
