"""Units that no gradient passes."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, markers


def dead_units(epochs: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """The share of dead units by epoch (left) and, after the last, by layer (right), a line an arm.

    `epochs` and `layers`: columns arm, epoch or layer, dead, dead_low, dead_high; bands from low to high.
    """
    arms = list(dict.fromkeys(epochs["arm"]))
    drawn = figure(8.4, 3.4 + 0.2 * ((len(arms) + 3) // 4))
    palette, shapes, dashes = colors(arms), markers(arms), line_styles(arms)
    for axes, table, across in zip(
        drawn.subplots(1, 2, sharey=True), (epochs, layers), ("epoch", "layer"), strict=True
    ):
        handles = []
        for arm in arms:
            own = table[table["arm"] == arm]
            axes.fill_between(
                own[across], own["dead_low"], own["dead_high"], color=palette[arm], alpha=0.2, linewidth=0
            )
            look = {"color": palette[arm], "marker": shapes[arm], "linestyle": dashes[arm], "markersize": 4}
            handles += axes.plot(own[across], own["dead"], **look)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel={"epoch": "epochs of training", "layer": "activation, from the input"}[across])
        axes.set(ylim=(-0.02, 1.02), ylabel="share of dead units")
    legend_below(drawn, handles, arms, columns=4)
    return drawn
