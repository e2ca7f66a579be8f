"""How well the networks of a segmentation follow borders: an interpolated map against one that a decoder refines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, markers
from archbench.page import formats
from archbench.page.figures import MOST_LINES
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.runs import Run

TOLD = "whole_border_mean_iou"
LINES_A_ROW = 2


@section("borders", order=251, needs=("runs",), source="Chen et al. 2018, arXiv:1802.02611, figure 5")
def borders(results: Results, place: Workplace) -> Iterator[Section]:
    """Of every data set whose pixels have classes: mean IoU in bands around the true borders, by network."""
    datasets: dict[str, dict[str, list[Run]]] = {}
    for run in results.runs:
        if not np.isnan(run.test_score("mean_iou")) and TOLD in run.predictions:
            datasets.setdefault(run.settings["dataset"], {}).setdefault(run.benchmark, []).append(run)
    for dataset, networks in datasets.items():
        yield _section(dataset, networks, place)


def _section(dataset: str, networks: Mapping[str, Sequence[Run]], place: Workplace) -> Section:
    stem, title = formats.file_name("borders", dataset), f"Along borders: {dataset}"
    first = next(iter(networks.values()))[0].predictions
    pixels, examples = first["whole_border_pixels"], len(first["whole_mistakes"])
    rows = [np.mean([run.predictions[TOLD] for run in runs], axis=0) for runs in networks.values()]
    table = pd.DataFrame(rows, index=pd.Index(networks, name="benchmark"), columns=pixels)
    whole = {name: np.mean([run.test_score("mean_iou") for run in runs]) for name, runs in networks.items()}
    place.write_table(f"{stem}.csv", table.assign(everywhere=whole).reset_index())
    drawn_ones = sorted(sorted(whole, key=whole.get, reverse=True)[:MOST_LINES], key=list(whole).index)
    few = f" The {MOST_LINES} best of {len(whole)} networks." if len(whole) > MOST_LINES else ""
    drawn = partial(_lines, table.loc[drawn_ones])
    caption = (
        f"Mean IoU of those pixels of all {examples} test pictures that lie at most so far from a true border, the "
        "mean over seeds. FCN-32s and DeepLab v1 to v3 interpolate one coarse map; FCN-16s and 8s, U-Net, FC-DenseNet "
        "and the decoder of DeepLab v3+ also read finer ones on the way up. The narrower the band, the more that tells."
        f"{few}"
    )
    shown = place.gallery.keep(drawn, stem, title, caption)
    cells = [
        {
            "Network": name,
            **{f"{width} px": formats.value(iou, 3) for width, iou in values.items()},
            "Everywhere": formats.value(whole[name], 3),
            "Seeds": f"n={len(networks[name])}",
        }
        for name, values in table.iterrows()
    ]
    remark = (
        f"Mean IoU in bands that reach so many pixels to each side of a true border, over {examples} test pictures."
    )
    return Section(stem, title, [Text(remark), Table(cells), File(f"{stem}.csv"), Figures([shown])])


def _lines(table: pd.DataFrame) -> Figure:
    names = list(table.index)
    drawn = figure(5.6, 3.2 + 0.2 * -(-len(names) // LINES_A_ROW))
    axes = drawn.subplots()
    looks = zip(colors(names).values(), line_styles(names).values(), markers(names).values(), strict=True)
    lines = [
        axes.plot(table.columns, table.loc[name], color=color, linestyle=line, marker=marker, markersize=4)[0]
        for name, (color, line, marker) in zip(names, looks, strict=True)
    ]
    axes.set(xlabel="pixels to each side of a border", ylabel="test mean IoU")
    legend_below(drawn, lines, names, columns=LINES_A_ROW)
    return drawn
