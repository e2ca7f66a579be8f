"""How fast networks learn to foretell texts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers

AGAINST = {"tokens": "tokens read", "seconds": "seconds of training"}


def perplexity_curves(points: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Perplexity against tokens and against seconds, both by logarithms: a line a benchmark, a mark an epoch.

    `points`: columns benchmark, tokens, seconds, perplexity; `names` are the benchmarks in the order of the legend.
    """
    drawn = figure(7.6, 3.2 + 0.2 * ((len(names) + 2) // 3))
    panels = drawn.subplots(1, 2, sharey=True)
    palette, shapes, dashes = colors(names), markers(names), line_styles(names)
    handles = []
    for axes, (column, label) in zip(panels, AGAINST.items(), strict=True):
        handles = []
        for name in names:
            own = points[points["benchmark"] == name]
            look = {"color": palette[name], "marker": shapes[name], "linestyle": dashes[name]}
            handles += axes.plot(own[column], own["perplexity"], markersize=4, **look)
        axes.set(xlabel=label)
        log_axis(axes, "x")
        log_axis(axes, "y")
    panels[0].set(ylabel="validation perplexity")
    legend_below(drawn, handles, names, columns=3)
    return drawn
