"""The arithmetic of convolutions against the networks that are built."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from archbench.figures.arithmetic import costs_by_layer
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.arithmetic import by_network, sides
from archbench.results.gathered import Results

REMARK = (
    "Each convolution and pooling by the formulas (Dumoulin and Visin 2016) and as it is built. Agree: of how many of "
    "the layers size, parameters and multiply-adds are the same both ways. Field: how many pixels a side one position "
    "of the last of them sees; and on how many it hangs when single rows of the input are lit, which the borders of "
    "the input cut off."
)


@section("conv_arithmetic", order=454, needs=("probes",), source="Dumoulin, Visin 2016, arXiv:1603.07285")
def conv_arithmetic(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of the arithmetic: what layers cost and see, and whether the built network agrees."""
    for probe in results.probes:
        if probe.kind == "conv_arithmetic" and len(probe.tables["layers"]):
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    layers: pd.DataFrame = probe.tables["layers"]
    name, title = formats.file_name("probe", probe.name), f"Arithmetic of convolutions: {probe.name}"
    place.write_table(f"{name}.csv", layers)
    shown = place.gallery.keep(
        partial(costs_by_layer, sides(layers)),
        name,
        title,
        "Left: the positions of the input that one position sees, along the first axis. Right: multiply-adds of "
        "each convolution. By the formulas.",
    )
    rows = [
        {
            "Network": row.arm,
            "Layers": str(row.layers),
            "Agree": f"{row.agree} of {row.layers}",
            "Parameters": formats.count(row.parameters),
            "Multiply-adds": formats.count(row.multiply_adds),
            "Field": row.field or formats.NOTHING,
            "Field, seen": row.field_seen or formats.NOTHING,
        }
        for row in by_network(layers).itertuples()
    ]
    return Section(name, title, [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}.csv")])
