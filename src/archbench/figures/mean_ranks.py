"""Choices over several questions: a critical-difference diagram, and performance profiles."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, shorten

AXIS, INK = "#8a929b", "#1d2126"
ROW = 0.22
"""Inches from a name to the next."""


def critical_differences(means: pd.Series, groups: Sequence[Sequence[str]], critical: float) -> Figure:
    """Mean ranks on a line, the best at the left; a bar joins those that cannot be told apart.

    `means`: choice -> mean rank, the best first. Half of the names stand at the left and half at the right, each with
    a line up to its rank. The bar at the top is as long as the critical difference.
    """
    count = len(means)
    left = (count + 1) // 2
    height = 0.75 + 0.1 * len(groups) + ROW * left
    drawn = figure(7.2, height)
    drawn.set_layout_engine("none")
    axes = drawn.add_axes((0.26, 0, 0.48, 1))
    axes.set_axis_off()
    axes.set(xlim=(1, count), ylim=(height, 0))
    line = 0.5
    axes.plot([1, count], [line, line], color=INK, linewidth=1.2, clip_on=False)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [line - 0.06, line], color=INK, linewidth=1, clip_on=False)
        axes.text(rank, line - 0.13, str(rank), fontsize=8, ha="center", va="center")
    end = 1 + min(critical, count - 1)
    axes.plot([1, end], [0.14, 0.14], color=AXIS, linewidth=2.5, solid_capstyle="butt", clip_on=False)
    axes.text(end + 0.02 * (count - 1), 0.14, f"critical difference {critical:.2f}", fontsize=8, va="center")
    for place, group in enumerate(groups):
        y, edge = line + 0.1 * (place + 1), 0.008 * (count - 1)
        ends = [means[group[0]] - edge, means[group[-1]] + edge]
        axes.plot(ends, [y, y], color="#1f5fa8", linewidth=3, solid_capstyle="butt", clip_on=False)
    gap = 0.012 * (count - 1)
    under = line + 0.1 * len(groups) + 0.16
    for place, (name, rank) in enumerate(means.items()):
        first = place < left
        y = under + ROW * (place if first else count - 1 - place)
        side = 1 - 0.03 * (count - 1) if first else count + 0.03 * (count - 1)
        axes.plot([rank, rank, side], [line, y, y], color=AXIS, linewidth=0.9, clip_on=False)
        at, hang = (side - gap, "right") if first else (side + gap, "left")
        axes.text(at, y, f"{shorten(str(name), 22)} {rank:.2f}", fontsize=8.5, va="center", ha=hang)
    return drawn


def performance_profile(shares: pd.DataFrame, choices: Sequence[str]) -> Figure:
    """The share of problems that each choice solves within so many times the seconds of the fastest.

    `shares`: columns choice, ratio, share, the ratios of a choice rising.
    """
    drawn = figure(6.0, 3.2 + 0.2 * ((len(choices) + 3) // 4))
    axes = drawn.subplots()
    palette, patterns = colors(choices), line_styles(choices)
    most = max(shares["ratio"].max(), 1.5) * 1.15
    for name in choices:
        own = shares[shares["choice"] == name]
        ratios = [1.0, *own["ratio"], most]
        risen = [0.0, *own["share"], own["share"].iloc[-1] if len(own) else 0.0]
        axes.plot(ratios, risen, drawstyle="steps-post", color=palette[name], linestyle=patterns[name])
    axes.set(xlabel="seconds / those of the fastest", ylabel="share of problems solved", ylim=(-0.02, 1.02))
    axes.set_xlim(1, most)
    log_axis(axes, "x")
    legend_below(drawn, axes.get_lines(), list(choices), columns=4)
    return drawn
