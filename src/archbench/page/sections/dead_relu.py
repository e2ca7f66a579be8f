"""How many units no gradient passes any more."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from archbench.figures.units import dead_units
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.units import dead_by_epoch, dead_by_layer, diverged_seeds

REMARK = (
    "A unit is dead where its activation is flat for every example: no gradient passes, and what leads to it does not "
    "change any more. It is silent where its input is nowhere above 0: a rectifier is then dead, one with a slope "
    "below 0 goes on learning. Rates that are too large push units there in a few steps."
)


@section("dead_relu", order=452, needs=("probes",), source="Maas, Hannun, Ng 2013, section 2")
def dead_relu(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of dead units: their share by epoch and by layer."""
    for probe in results.probes:
        if probe.kind == "dead_relu":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    units = probe.tables["units"]
    epochs, layers = dead_by_epoch(units), dead_by_layer(units)
    ended = diverged_seeds(units, max(probe.settings["probe"].get("epochs", units["epoch"]))).set_index("arm")
    name, title = formats.file_name("probe", probe.name), f"Dead units: {probe.name}"
    place.write_table(f"{name}.csv", units)
    shown = place.gallery.keep(
        partial(dead_units, epochs, layers),
        name,
        title,
        "Left: the share of all units that are dead, by epoch. Right: by activation, after the last epoch. Line: "
        f"median over n={formats.between(epochs['seeds'])} seeds; band: from the least to the largest.",
    )
    rows = [
        {
            "Network": arm,
            "Epochs": str(own["epoch"].max()),
            "Dead at first": f"{own['dead'].iloc[0]:.1%}",
            "Dead at last": f"{own['dead'].iloc[-1]:.1%}",
            "Silent at last": f"{own['silent'].iloc[-1]:.1%}",
            "Blocked at last": f"{own['blocked'].iloc[-1]:.1%}",
            "Seeds": f"n={own['seeds'].iloc[-1]}",
            "Diverged": f"{ended.loc[arm, 'diverged']} of {ended.loc[arm, 'seeds']}",
        }
        for arm, own in epochs.groupby("arm", sort=False)
    ]
    said = " ".join([REMARK, *_diverged(ended)])
    return Section(name, title, [Text(said), Figures([shown]), Table(rows), File(f"{name}.csv")])


def _diverged(ended: pd.DataFrame) -> list[str]:
    """Which networks lost seeds, so that what is said of them is of the epochs before that."""
    lost = [f"{arm} ({own.diverged} of {own.seeds} seeds)" for arm, own in ended.iterrows() if own.diverged]
    if not lost:
        return []
    return [f"Training diverged: {formats.in_words(lost)}; nothing is known of the units of such a seed after that."]
