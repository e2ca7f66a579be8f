"""Scores of one data set side by side: every competitor, and how far it is from the best."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from archbench.figures.style import figure, shorten

SEED_OFFSET = 0.26
"""Rows below its mean that a seed's point is drawn, so that neither hides the other."""
LINE = "#8a929b"


def interval_figure(scores: pd.DataFrame, points: pd.DataFrame, *, metric: str, most: float | None = None) -> Figure:
    """Left: mean and 95 % interval of every competitor, with the point of every seed. Right: its paired difference from
    the best, with that one's interval; left out where nothing is compared.

    `scores`: columns label, mean, interval_low, interval_high, difference, difference_low, difference_high, ranked,
    open (neither surely behind the best nor with seeds that have no score: filled), best on top and those not ranked,
    which have no mean to draw, at the bottom. `points`: label, value. The axis ends at `most`, which no score exceeds
    though an interval may.
    """
    compared = bool(scores["difference"].notna().any())
    drawn = figure(8.6 if compared else 6.0, 0.9 + 0.32 * max(len(scores), 2))
    panels = drawn.subplots(1, 1 + compared, sharey=True, squeeze=False, width_ratios=(1, 0.62)[: 1 + compared])[0]
    order = list(scores["label"])
    rows = {
        label: place + SEED_OFFSET * ranked
        for place, (label, ranked) in enumerate(zip(order, scores["ranked"], strict=True))
    }
    sns.scatterplot(
        x=points["value"], y=points["label"].map(rows), color="#555555", s=18, linewidth=0, alpha=0.8, ax=panels[0]
    )
    means = scores[scores["ranked"]]
    _bars(panels[0], means, ("mean", "interval_low", "interval_high"))
    panels[0].set(xlabel=f"test {metric}", ylabel="")
    panels[0].set_yticks(range(len(order)), [shorten(label, 40) for label in order])
    panels[0].set_ylim(len(order) - 0.5, -0.5)
    if most is not None and panels[0].get_xlim()[1] > most:
        panels[0].set_xlim(right=most + 0.01 * (most - panels[0].get_xlim()[0]))
    if compared:
        panels[1].axvline(0, color=LINE, linewidth=1.2, zorder=1)
        _bars(panels[1], scores, ("difference", "difference_low", "difference_high"))
        panels[1].set(xlabel="minus the best, seed by seed")
        panels[1].xaxis.set_major_locator(MaxNLocator(5))
    if 0 < len(means) < len(scores):
        for axes in panels:
            axes.axhline(len(means) - 0.5, color=LINE, linewidth=1.2, linestyle="--")
    return drawn


def _bars(axes: Axes, rows: pd.DataFrame, columns: tuple[str, str, str]) -> None:
    """A diamond with its interval a row, hollow where it is surely apart from the best or not whole."""
    blue = sns.color_palette("colorblind")[0]
    for place, row in zip(rows.index, rows.to_dict("records"), strict=True):
        mean, low, high = (row[column] for column in columns)
        axes.plot([low, high], [place, place], color=blue, linewidth=2.4, zorder=3)
        face = blue if row["open"] else "white"
        axes.plot(mean, place, marker="D", color=blue, markerfacecolor=face, markersize=6.5, zorder=4)
