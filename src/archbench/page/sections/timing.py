"""Where the time and the memory of a step go."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from archbench.figures.layers import times_by_layer
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.layers import cost_sums, median_costs

REMARK = (
    "Each layer alone, compiled, on random numbers: medians over repeated calls. Backward: what a pass forward and "
    "back takes beyond one forward, the two by turns; where that is less than the noise of the calls it is a dash, "
    "and is left out of the sums. Optimizer: the step on the layer's weights. Calls of small layers are mostly the "
    "call itself, and a whole step, in which the compiler joins layers, takes less than the sum."
)


@section("timing", order=462, needs=("probes",), source="archbench")
def timing(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of times: milliseconds and bytes by layer, and their sums."""
    for probe in results.probes:
        if probe.kind == "timing":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    layers = probe.tables["layers"]
    name, title = formats.file_name("probe", probe.name), f"Time and memory by layer: {probe.name}"
    place.write_table(f"{name}.csv", layers)
    shown = place.gallery.keep(
        partial(times_by_layer, median_costs(layers)),
        name,
        title,
        f"Left: forward, backward and optimizer together. On {probe.machine['device']}.",
    )
    rows = [
        {
            "Network": row.arm,
            "Forward": f"{row.forward_ms:.3g} ms",
            "Backward": _backward(row),
            "Optimizer": f"{row.optimizer_ms:.3g} ms",
            "Slowest layer": f"{row.slowest}: {row.ms:.3g} ms",
            "Activations": formats.memory(row.activation_bytes),
            "Weights": formats.memory(row.weight_bytes),
            "Kept by the optimizer": formats.memory(row.optimizer_bytes),
        }
        for row in cost_sums(layers).itertuples()
    ]
    return Section(name, title, [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}.csv")])


def _backward(row: Any) -> str:
    if row.unknown == row.layers:
        return formats.NOTHING
    left_out = f" (without {formats.plural(row.unknown, 'layer')})" if row.unknown else ""
    return f"{row.backward_ms:.3g} ms{left_out}"
