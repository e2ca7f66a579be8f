"""How signals run through networks and back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from archbench.figures.signals import signals_by_layer
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.signals import by_arm, by_epoch, by_layer


@section("signal_propagation", order=450, needs=("probes",), source="He et al. 2015, arXiv:1502.01852, section 2.2")
def signal_propagation(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of signals: norms by layer, and what a layer multiplies them by."""
    for probe in results.probes:
        if probe.kind == "signal_propagation":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    layers = probe.tables["layers"]
    name = formats.file_name("probe", probe.name)
    place.write_table(f"{name}.csv", layers)
    layers = by_epoch(layers)
    shown = place.gallery.keep(
        partial(signals_by_layer, by_layer(layers)),
        name,
        f"Signals by layer: {probe.name}",
        "Left: what each layer with a kernel gives, before the activation that follows. Right: the gradient of an "
        "example's loss with respect to it. Both as the root mean square over examples and values, on logarithmic "
        f"axes. Line: median over n={formats.between(by_arm(layers)['seeds'])} seeds; band: from the least to the "
        "largest. A layer that no gradient reaches has no point.",
    )
    rows = [
        {
            "Network": row.arm,
            "Layers": str(row.layers),
            "Seeds": f"n={row.seeds}",
            **{
                f"{title}: {words}": _number(getattr(row, f"{signal}_{field}"))
                for title, signal in (("Forward", "activation"), ("Back", "gradient"))
                for words, field in (("starts at", "first"), ("ends at", "last"), ("factor a layer", "factor"))
            },
        }
        for row in by_arm(layers).itertuples()
    ]
    trained = "of finished runs" if probe.settings["trained"] else "with fresh weights"
    data = ", ".join(probe.settings["datasets"])
    if any(probe.tables["layers"]["epoch"]):
        trained = "before and during training"
    remark = (
        f"Networks {trained} on one batch of {data}. Where a layer multiplies the signal by more than 1 on and on, it "
        "explodes with depth, and where by less, it vanishes: forward, the layers say little of the input; back, the "
        "first layers hardly learn. The factor is the geometric mean over the layers, which a change of width or of "
        "branches enters too."
    )
    blocks = [Text(remark), Figures([shown]), Table(rows), File(f"{name}.csv")]
    return Section(name, f"Signals by layer: {probe.name}", blocks)


def _number(size: float) -> str:
    """Of three digits, with a power of ten where signals explode or vanish."""
    return formats.NOTHING if math.isnan(size) else f"{size:.3g}"
