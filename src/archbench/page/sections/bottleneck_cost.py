"""What a bottleneck saves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from archbench.figures.arithmetic import weights_by_channels
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results

REMARK = (
    "A block of two 3 by 3 convolutions, and a bottleneck of 1 by 1, 3 by 3 and 1 by 1 with a quarter of the channels "
    "within (He et al. 2015, figure 5), which read and make as many channels: without biases and normalization."
)


@section("bottleneck_cost", order=457, needs=("probes",), source="He et al. 2015, arXiv:1512.03385, figure 5")
def bottleneck_cost(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of bottlenecks: weights and multiply-adds of both blocks."""
    for probe in results.probes:
        if probe.kind == "bottleneck_cost":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    blocks = probe.tables["blocks"]
    name, title = formats.file_name("probe", probe.name), f"What a bottleneck saves: {probe.name}"
    place.write_table(f"{name}.csv", blocks)
    shown = place.gallery.keep(partial(weights_by_channels, blocks), name, title, "Both axes are logarithmic.")
    rows = [
        {
            "Channels": str(row.channels),
            "Block": row.block,
            "Weights": formats.count(row.weights),
            "Weights, built": formats.count(row.weights_built),
            "Multiply-adds, built": formats.count(row.multiply_adds),
            "Times fewer weights": f"{row.times_fewer:.2f}",
        }
        for row in blocks.itertuples()
    ]
    return Section(name, title, [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}.csv")])
