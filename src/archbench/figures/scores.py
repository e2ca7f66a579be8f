"""Scores of one data set: side by side, and against what they cost."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, log_axis, markers, shorten

COSTS = {"parameters": "trainable parameters", "train_seconds": "training seconds, mean of the seeds"}

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


def score_against_costs(scores: pd.DataFrame, *, metric: str) -> Figure:
    """Score against trainable parameters and against training seconds, one marker a benchmark, both costs logarithmic.

    `scores`: columns label, mean, interval_low, interval_high, parameters, train_seconds.
    """
    drawn = figure(7.6, 3.2 + 0.2 * ((len(scores) + 1) // 2))
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, (cost, title) in zip(panels, COSTS.items(), strict=True):
        handles = _scatter(axes, scores, cost)
        axes.set(xlabel=title)
    panels[0].set_ylabel(f"test {metric}")
    legend_below(drawn, handles, list(scores["label"]))
    return drawn


def _scatter(axes: Axes, scores: pd.DataFrame, cost: str) -> list:
    """One point with its interval a row; the points are returned as legend handles."""
    palette, shapes = colors(list(scores["label"])), markers(list(scores["label"]))
    handles = []
    for row in scores.itertuples():
        x, color = getattr(row, cost), palette[row.label]
        axes.plot([x, x], [row.interval_low, row.interval_high], color=color, linewidth=1.2, alpha=0.6)
        handles += axes.plot(x, row.mean, marker=shapes[row.label], color=color, markersize=7, linestyle="none")
    values = scores[cost]
    if len(scores) and (values > 0).all():
        axes.set_xlim(values.min() / 1.6, values.max() * 1.6)
        log_axis(axes, "x")
    return handles
