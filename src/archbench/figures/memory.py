"""How far back networks remember."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, markers


def memory_by_delay(scores: pd.DataFrame, *, metric: str, chance: float) -> Figure:
    """A line a benchmark: the mean score against the delay, with the 95 % interval where there is one.

    `scores`: columns benchmark, delay, mean, low, high, in the order of the legend; `chance` is drawn across.
    """
    names = list(dict.fromkeys(scores["benchmark"]))
    drawn = figure(5.6, 3.6 + 0.2 * ((len(names) + 2) // 3))
    axes = drawn.subplots()
    palette, shapes, dashes = colors(names), markers(names), line_styles(names)
    handles = []
    for name in names:
        own = scores[scores["benchmark"] == name]
        look = {"color": palette[name], "marker": shapes[name], "linestyle": dashes[name]}
        axes.vlines(own["delay"], own["low"], own["high"], color=palette[name], alpha=0.5)
        handles += axes.plot(own["delay"], own["mean"], markersize=5, **look)
    axes.axhline(chance, color="#777777", linewidth=1, linestyle=":")
    axes.set(xlabel="steps to wait", ylabel=metric, ylim=(0, 1.03))
    legend_below(drawn, handles, names, columns=3)
    return drawn
