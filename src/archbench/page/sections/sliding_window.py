"""How much faster one pass over a picture is than every window of it by itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from archbench.figures.windows import seconds_by_windows
from archbench.page import formats
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.windows import by_size

REMARK = (
    "A classifier of crops over larger pictures: every window cut out of the picture and classified by itself, against "
    "one pass of the same weights over all of it, whose dense layers are convolutions. Both give a score for every "
    "class and window. A difference beyond the rounding of float32 comes from borders of zeros, or from statistics, "
    "that a window has for itself."
)


@section("sliding_window", order=461, needs=("probes",), source="Sermanet et al. 2013, arXiv:1312.6229, section 3.5")
def sliding_window(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of windows: seconds of both forms by the size of the picture, and how far their scores are apart."""
    for probe in results.probes:
        if probe.kind == "sliding_window":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    windows = probe.tables["windows"]
    sizes = by_size(windows)
    name = formats.file_name("probe", probe.name)
    place.write_table(f"{name}.csv", windows)
    shown = place.gallery.keep(
        partial(seconds_by_windows, sizes),
        name,
        f"Windows against one pass: {probe.name}",
        "Left: the median time of one picture. Right: how many times as long cutting windows out takes. All axes "
        f"logarithmic; medians over n={formats.between(sizes['seeds'])} seeds.",
    )
    rows = [
        {
            "Network": row.arm,
            "Picture": f"{row.height} x {row.width}",
            "Windows": formats.count(row.windows),
            "Cut out": _milliseconds(row.cropped_seconds),
            "One pass": _milliseconds(row.whole_seconds),
            "Times faster": f"{row.faster:.3g}",
            "Times fewer multiply-adds": f"{row.fewer:.3g}",
            "Largest difference": f"{row.difference:.1e}",
            "Seeds": f"n={row.seeds}",
        }
        for row in sizes.itertuples()
    ]
    blocks = [Text(REMARK), Figures([shown]), Table(rows), File(f"{name}.csv")]
    return Section(name, f"Windows against one pass: {probe.name}", blocks)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
