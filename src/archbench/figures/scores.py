"""Scores of one data set side by side: the mean and the interval of every competitor."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from archbench.figures.style import figure, shorten

SEED_OFFSET = 0.26
"""Rows below its mean that a seed's point is drawn, so that neither hides the other."""


def interval_figure(scores: pd.DataFrame, points: pd.DataFrame, *, metric: str) -> Figure:
    """Mean and 95 % interval of every competitor, with the point of every seed.

    `scores`: columns label, mean, interval_low, interval_high, best on top. `points`: label, value.
    """
    drawn = figure(6.0, 0.9 + 0.32 * max(len(scores), 2))
    axes = drawn.subplots()
    order = list(scores["label"])
    below = points["label"].map({label: place + SEED_OFFSET for place, label in enumerate(order)})
    sns.scatterplot(x=points["value"], y=below, color="#555555", s=18, linewidth=0, alpha=0.8, ax=axes)
    blue = sns.color_palette("colorblind")[0]
    for place, row in enumerate(scores.itertuples()):
        axes.plot([row.interval_low, row.interval_high], [place, place], color=blue, linewidth=2.4, zorder=3)
        axes.plot(row.mean, place, marker="D", color=blue, markersize=6.5, zorder=4)
    axes.set(xlabel=f"test {metric}", ylabel="")
    axes.set_yticks(range(len(order)), [shorten(label, 40) for label in order])
    axes.set_ylim(len(order) - 0.5, -0.5)
    return drawn
