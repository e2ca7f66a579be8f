"""Learning curves: how fast and how evenly the networks of one data set learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from archbench.figures.style import colors, figure, legend_below, line_styles
from archbench.results.statistics import mean_interval

TICKS = 6
"""On an axis, at most."""


def learning_curves(table: pd.DataFrame, *, monitor: str, metric: str, labels: dict[str, str]) -> Figure:
    """Training loss and validation `monitor` against epochs: mean and 95 % interval over seeds.

    `table` holds the rows of one data set in the columns of `results_table`; `labels` maps benchmark to what it is
    called, in the order of the legend; `metric` is what `monitor` is called.
    """
    drawn = figure(7.6, 3.1 + 0.2 * ((len(labels) + 1) // 2))
    left, right = drawn.subplots(1, 2)
    curves = table[table["epoch"].notna()].astype({"epoch": float})
    shown = _lines(left, curves[(curves["split"] == "train") & (curves["metric"] == "loss")], labels)
    shown |= _lines(right, curves[(curves["split"] == "validation") & (curves["metric"] == monitor)], labels)
    for axes in (left, right):
        _frame_lines(axes)
        axes.locator_params(nbins=TICKS)
        axes.locator_params(axis="x", integer=True)
    left.set(title="training loss", xlabel="epoch", ylabel="")
    right.set(title=f"validation {metric}", xlabel="epoch", ylabel="")
    legend_below(drawn, shown.values(), [labels[benchmark] for benchmark in shown])
    return drawn


def _frame_lines(axes: Axes) -> None:
    """Limits that fit the lines: the interval of three seeds in a first epoch would flatten all that follows."""
    heights = np.concatenate([line.get_ydata() for line in axes.get_lines()] or [[]])
    heights = heights[np.isfinite(heights)]
    if len(heights) and np.ptp(heights) > 0:
        margin = 0.08 * np.ptp(heights)
        axes.set_ylim(heights.min() - margin, heights.max() + margin)


def _lines(axes: Axes, rows: pd.DataFrame, labels: dict[str, str]) -> dict[str, Line2D]:
    """One mean line with its band a benchmark; the lines are returned by benchmark."""
    palette, patterns = colors(list(labels)), line_styles(list(labels))
    lines = {}
    known = rows.dropna(subset="value")
    for benchmark in labels:
        own = known[known["benchmark"] == benchmark]
        if own.empty:
            continue
        spread = {epoch: mean_interval(values) for epoch, values in own.groupby("epoch")["value"]}
        look = {"color": palette[benchmark], "linestyle": patterns[benchmark]}
        (lines[benchmark],) = axes.plot(list(spread), [found.mean for found in spread.values()], **look)
        ends = np.array([(found.low, found.high) for found in spread.values()])
        if np.isfinite(ends).any():  # a single seed has no interval
            axes.fill_between(list(spread), *ends.T, color=palette[benchmark], alpha=0.15, linewidth=0)
    return lines
