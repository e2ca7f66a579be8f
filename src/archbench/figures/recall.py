"""Recall by how many proposals of a picture are looked at."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers

SCORES = {"recall_50": "recall at an IoU of 0.5", "average_recall": "average recall, IoU 0.5 to 0.95"}


def recall_by_proposals(found: pd.DataFrame) -> Figure:
    """Recall at an IoU of one half (left) and on average (right), a line a data set.

    `found`: columns dataset, proposals, recall_50 and average_recall, in the order of the legend.
    """
    datasets = list(dict.fromkeys(found["dataset"]))
    drawn = figure(8.4, 3.4 + 0.2 * ((len(datasets) + 3) // 4))
    palette, shapes, dashes = colors(datasets), markers(datasets), line_styles(datasets)
    handles = []
    for axes, (score, words) in zip(drawn.subplots(1, 2), SCORES.items(), strict=True):
        handles = []
        for dataset in datasets:
            own = found[found["dataset"] == dataset]
            style = {"color": palette[dataset], "marker": shapes[dataset], "linestyle": dashes[dataset]}
            handles += axes.plot(own["proposals"], own[score], markersize=4, **style)
        axes.set(xlabel="proposals looked at in a picture", ylabel=words, ylim=(0, 1))
        log_axis(axes, "x")
    legend_below(drawn, handles, datasets, columns=4)
    return drawn
