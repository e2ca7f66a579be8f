"""What a choice is, drawn: an activation with its slope, a schedule as the rates that runs had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles


def function_and_slope(x: np.ndarray, y: np.ndarray, *, name: str) -> Figure:
    """`y` of `x`, and its slope by differences."""
    drawn = figure(5.2, 2.9)
    axes = drawn.subplots()
    axes.axhline(0, color="#8a929b", linewidth=0.8)
    palette = colors([name, "slope"])
    axes.plot(x, y, color=palette[name])
    axes.plot(x, np.gradient(y, x), color=palette["slope"], linestyle="--")
    axes.set(xlabel="input", ylabel="output, and its slope")
    legend_below(drawn, axes.get_lines()[1:], [name, "slope"])
    return drawn


def rates_by_epoch(rates: Mapping[str, Sequence[float]]) -> Figure:
    """Label -> the rate after every epoch, as a share of the largest."""
    drawn = figure(5.2, 2.7 + 0.2 * ((len(rates) + 1) // 2))
    axes = drawn.subplots()
    palette, patterns = colors(list(rates)), line_styles(list(rates))
    for label, own in rates.items():
        shares = np.asarray(own) / max(own)
        axes.plot(range(1, len(own) + 1), shares, color=palette[label], linestyle=patterns[label])
    axes.set(xlabel="epoch", ylabel="learning rate / its largest", ylim=(-0.03, 1.05))
    axes.locator_params(axis="x", integer=True)
    legend_below(drawn, axes.get_lines(), list(rates))
    return drawn
