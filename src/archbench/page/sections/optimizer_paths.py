"""The ways of optimizers over surfaces, and their steps to the bottom."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from archbench.figures.probes import ways
from archbench.page import formats
from archbench.page.section import Figures, File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.surfaces import steps_by_surface

REMARK = (
    "Two numbers and a known surface: a bowl a hundred times as steep one way as the other, a saddle between two "
    "bottoms, Rosenbrock's bent valley, and a bowl with noise on its gradient. Every optimizer with the best of some "
    "rates: steps until a thousandth of the height is left, and that rate; without steps, the share of the height "
    "that is left at last. Two numbers say little of networks; they show what each rule does."
)


@section("optimizer_paths", order=458, needs=("probes",), source="Rosenbrock 1960; Goodfellow et al. 2016")
def optimizer_paths(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of paths: contours with the way of each optimizer, and steps to the bottom."""
    for probe in results.probes:
        if probe.kind == "optimizer_paths":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    name, title = formats.file_name("probe", probe.name), f"Paths of optimizers: {probe.name}"
    bottoms = probe.tables["bottoms"]
    place.write_table(f"{name}.csv", bottoms)
    shown = place.gallery.keep(
        partial(ways, probe.tables),
        name,
        title,
        "From the dot to the cross over lines of equal height, each at the rate in its title.",
    )
    rows: list[Row] = [
        {"Optimizer": optimizer, **{surface: _cell(row) for surface, row in found.items()}}
        for optimizer, found in steps_by_surface(bottoms).items()
    ]
    return Section(name, title, [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}.csv")])


def _cell(row: dict[str, float]) -> str:
    reached = row["steps"] == row["steps"]
    said = f"{row['steps']:.0f} steps" if reached else f"{row['height_left']:.2g} left"
    return f"{said} at {row['rate']:g}"
