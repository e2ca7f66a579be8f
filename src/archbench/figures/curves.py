"""Learning curves: how fast and how evenly the networks of one data set learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from archbench.figures.style import colors, figure, legend_below, line_styles
from archbench.results.statistics import mean_interval


def learning_curves(table: pd.DataFrame, *, monitor: str, metric: str, labels: dict[str, str]) -> Figure:
    """Training loss and validation `monitor` against epochs: mean and 95 % interval over seeds.

    `table` holds the rows of one data set in the columns of results.csv; `labels` maps benchmark to what it is
    called, in the order of the legend; `metric` is what `monitor` is called.
    """
    drawn = figure(7.6, 3.1 + 0.2 * ((len(labels) + 1) // 2))
    left, right = drawn.subplots(1, 2)
    curves = table[table["epoch"].notna()].astype({"epoch": float})
    shown = _lines(left, curves[(curves["split"] == "train") & (curves["metric"] == "loss")], labels)
    shown |= _lines(right, curves[(curves["split"] == "validation") & (curves["metric"] == monitor)], labels)
    for axes in (left, right):
        _frame_lines(axes)
    left.set(title="training loss", xlabel="epoch", ylabel="")
    right.set(title=f"validation {metric}", xlabel="epoch", ylabel="")
    legend_below(drawn, shown.values(), [labels[benchmark] for benchmark in shown])
    return drawn


def interval_ends(values: pd.Series) -> tuple[float, float]:
    """Seaborn's error bar: the ends of the t interval; NaN, so no band, for a single seed."""
    interval = mean_interval(values)
    return interval.low, interval.high


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
        sns.lineplot(
            own,
            x="epoch",
            y="value",
            errorbar=interval_ends,
            color=palette[benchmark],
            linestyle=patterns[benchmark],
            ax=axes,
            err_kws={"alpha": 0.15, "linewidth": 0},
        )
        lines[benchmark] = axes.get_lines()[-1]
    return lines
