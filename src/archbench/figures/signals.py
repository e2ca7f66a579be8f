"""Signals on their way through networks and back."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers


def signals_by_layer(sizes: pd.DataFrame) -> Figure:
    """Activations (left) and gradients (right) by layer, a line an arm, with the range over its seeds.

    `sizes`: columns arm, layer, and for activation and gradient <name>, <name>_low, <name>_high, in the order of the
    legend. What is 0 or no number is not drawn, for the axis is logarithmic.
    """
    arms = list(dict.fromkeys(sizes["arm"]))
    drawn = figure(8.4, 3.6 + 0.2 * ((len(arms) + 3) // 4))
    palette, shapes, dashes = colors(arms), markers(arms), line_styles(arms)
    handles = []
    for axes, name in zip(drawn.subplots(1, 2), ("activation", "gradient"), strict=True):
        handles = []
        for arm in arms:
            own = sizes[(sizes["arm"] == arm) & (sizes[name] > 0) & (sizes[name] < float("inf"))]
            low = own[f"{name}_low"].where(own[f"{name}_low"] > 0, own[name])
            high = own[f"{name}_high"].where(own[f"{name}_high"] < float("inf"), own[name])
            axes.fill_between(own["layer"], low, high, color=palette[arm], alpha=0.2, linewidth=0)
            handles += axes.plot(
                own["layer"], own[name], color=palette[arm], marker=shapes[arm], linestyle=dashes[arm], markersize=4
            )
        axes.set(xlabel="layer with a kernel, from the input", ylabel=f"{name}, root mean square")
        log_axis(axes, "y")
    legend_below(drawn, handles, arms, columns=4)
    return drawn
