"""Gradients against differences."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from archbench.figures.layers import errors_by_tensor
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.layers import RIGHT, WRONG, gradient_verdicts

REMARK = (
    "The gradient of the training loss against central differences, both in float64, at some numbers of every weight "
    f"tensor: |a - n| / (|a| + |n|). Below {RIGHT:g} a gradient is right; a rectifier or a maximum whose kink lies "
    f"within a step of the differences is off by itself, and says nothing of the rest; most tensors above {WRONG:g} do."
)


@section(
    "gradient_check",
    order=463,
    needs=("probes",),
    source="Nocedal and Wright 2006, Numerical Optimization, section 8.1",
)
def gradient_check(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of gradients: their relative errors by weight tensor."""
    for probe in results.probes:
        if probe.kind == "gradient_check":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    weights = probe.tables["weights"]
    name, title = formats.file_name("probe", probe.name), f"Gradients checked: {probe.name}"
    place.write_table(f"{name}.csv", weights)
    shown = place.gallery.keep(partial(errors_by_tensor, weights), name, title, "What is exact has no point.")
    rows = [
        {
            "Network": row.arm,
            "Weight tensors": str(row.tensors),
            "Median error": f"{row.median:.1e}",
            "Largest error": f"{row.largest:.1e} ({row.weight})",
            "Gradients": row.verdict,
        }
        for row in gradient_verdicts(weights).itertuples()
    ]
    return Section(name, title, [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}.csv")])
