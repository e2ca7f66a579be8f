"""How well networks fit what they train on, by depth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from archbench.figures.layers import loss_by_depth
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.interval import Interval
from archbench.results.layers import degrades, fit_by_depth

REMARK = (
    "A deeper net can do what a shallower one does, by layers that pass on what they are given; where its loss on the "
    "data that it trains on is higher all the same, training fails, and it is not overfitting. Shortcuts pass on by "
    "themselves (He et al. 2015, arXiv:1512.03385). In inference mode, without penalties."
)


@section(
    "degradation_probe", order=453, needs=("probes",), source="He et al. 2015, arXiv:1512.03385, sections 1 and 4.2"
)
def degradation_probe(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of degradation: the loss on training data by depth."""
    for probe in results.probes:
        if probe.kind == "degradation":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    fit = fit_by_depth(probe.tables["networks"])
    name, title = formats.file_name("probe", probe.name), f"Loss on training data by depth: {probe.name}"
    place.write_table(f"{name}.csv", probe.tables["networks"])
    words = {False: "Without shortcuts", True: "With shortcuts"}
    said = [
        f"{words[kind]} the deepest net's loss is {abs(more):.3g} {'above' if more > 0 else 'below'} the shallowest's."
        for kind, more in degrades(fit).items()
    ]
    shown = place.gallery.keep(partial(loss_by_depth, fit), name, title, "Bar: 95\u00a0% interval over the seeds.")
    rows = [
        {
            "Network": row.arm,
            "Layers": str(row.depth),
            "Shortcuts": "yes" if row.shortcuts else "no",
            "Loss": formats.score(Interval(row.loss, math.nan, row.loss_half, row.n)),
            "Error": formats.score(
                Interval(row.error, math.nan, row.error_half, 0 if math.isnan(row.error) else row.n)
            ),
            "Seeds": f"n={row.n}",
        }
        for row in fit.itertuples()
    ]
    return Section(name, title, [Text(" ".join([REMARK, *said])), Figures([shown]), Table(rows), File(f"{name}.csv")])
