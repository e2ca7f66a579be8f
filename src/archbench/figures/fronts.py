"""Scores against what they cost, with the front of those that nothing cheaper beats."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETDOWN, CARETUP

from archbench.figures.style import colors, figure, log_axis, markers, shorten
from archbench.results.gains import pareto_front

COSTS = {
    "parameters": "trainable parameters",
    "multiply_adds": "multiply-adds of one example",
    "train_seconds": "training seconds, mean of the seeds",
    "peak_memory_bytes": "peak memory of the process, bytes",
}
FRAME = 5.0
"""How far below the median the frame reaches, in distances from the median to the best: one net that learned nothing
would flatten all others."""
LINE = 0.055
"""Height of a label, in heights of a panel."""


def score_against_costs(scores: pd.DataFrame, *, metric: str, maximize: bool, families: Sequence[str]) -> Figure:
    """A panel a cost, logarithmic; a small dot a benchmark, coloured by family, and the Pareto front of the means.

    `scores`: columns name, family, mean, interval_low, interval_high, whole and those of `COSTS`. `families` are all
    there may be, so that a family looks alike in every figure. Only nets on the front are named; one that not every
    seed, of at least two, stands behind is hollow and never on it. A net without a cost, or with
    none at all, is not in that panel. Beyond the frame, a triangle at its edge.
    """
    drawn = figure(9.6, 7.4)
    panels = drawn.subplots(2, 2).ravel()
    low, high = frame(scores["mean"], maximize=maximize)
    for axes, (cost, title) in zip(panels, COSTS.items(), strict=True):
        shown = scores[(scores[cost] > 0) & np.isfinite(scores[cost])].reset_index(drop=True)
        front = pareto_front(list(shown[cost]), list(shown["mean"].where(shown["whole"])), maximize=maximize)
        room = (high - low) * (LINE * (len(front) + 1)) / max(1 - LINE * (len(front) + 1), 0.3)
        axes.set_ylim((low, high + room) if maximize else (low - room, high))
        axes.set(xlabel=title, ylabel=f"test {metric}")
        if len(shown):
            axes.set_xlim(shown[cost].min() / 1.6, shown[cost].max() * 1.6)
            log_axis(axes, "x")
        _dots(axes, shown, cost, (low, high), families, front)
        _name_front(axes, shown, cost, front, maximize)
    _legend(drawn, families, set(scores["family"]))
    return drawn


def frame(means: pd.Series, *, maximize: bool) -> tuple[float, float]:
    """The lowest and the highest score that a panel shows, without room for names."""
    worst, best = (means.min(), means.max()) if maximize else (means.max(), means.min())
    reach = FRAME * (means.median() - best)
    if reach and abs(worst - means.median()) > abs(reach):
        worst = means.median() + reach
    margin = 0.06 * abs(best - worst) or 0.05 * abs(best) or 0.05
    return min(worst, best) - margin, max(worst, best) + margin


def _dots(
    axes: Axes, shown: pd.DataFrame, cost: str, ends: tuple[float, float], families: Sequence[str], front: Sequence[int]
) -> None:
    palette, shapes = colors(families), markers(families)
    for place, row in enumerate(shown.itertuples()):
        x, color = getattr(row, cost), palette[row.family]
        inside = ends[0] <= row.mean <= ends[1]
        marker = shapes[row.family] if inside else CARETDOWN if row.mean < ends[0] else CARETUP
        axes.plot([x, x], [row.interval_low, row.interval_high], color=color, linewidth=0.9, alpha=0.35)
        axes.plot(
            x,
            min(max(row.mean, ends[0]), ends[1]),
            marker=marker,
            color=color,
            markerfacecolor=color if row.whole else "white",
            markersize=7 if place in front else 4.5,
            alpha=1 if place in front else 0.75,
            linestyle="none",
            zorder=4,
        )


def _name_front(axes: Axes, shown: pd.DataFrame, cost: str, front: Sequence[int], maximize: bool) -> None:
    """The line of the front, and its names above it (below, where less is better): nothing else can be there."""
    if not front:
        return
    points = shown.loc[list(front)]
    axes.plot(points[cost], points["mean"], drawstyle="steps-post", color="#222222", linewidth=1.1, zorder=3)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    edge = -math.inf
    for row in points.itertuples():
        x = math.log(getattr(row, cost) / left) / math.log(right / left)
        y = (row.mean - bottom) / (top - bottom)
        height = max((y if maximize else 1 - y) + 0.035, edge + LINE)
        edge = height
        side = {"ha": "left", "x": x} if x < 0.3 else {"ha": "right", "x": x}
        axes.annotate(
            shorten(row.name, 30),
            (getattr(row, cost), row.mean),
            xytext=(side["x"], height if maximize else 1 - height),
            textcoords="axes fraction",
            ha=side["ha"],
            va="bottom" if maximize else "top",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2},
            zorder=5,
        )


def _legend(drawn: Figure, families: Sequence[str], present: set[str]) -> None:
    palette, shapes = colors(families), markers(families)
    shown = [name for name in families if name in present]
    handles = [
        Line2D([], [], marker=shapes[name], color=palette[name], linestyle="none", markersize=6) for name in shown
    ]
    front = Line2D([], [], color="#222222", linewidth=1.1)
    drawn.legend([front, *handles], ["Pareto front", *shown], loc="outside lower center", ncols=4)
