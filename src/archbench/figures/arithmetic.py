"""What convolutions cost and see."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers


def costs_by_layer(layers: pd.DataFrame) -> Figure:
    """Receptive field (left) and multiply-adds (right) by layer, a line a network.

    `layers`: columns arm, layer, side (of the field), multiply_adds. What is 0 or no number is not drawn.
    """
    arms = list(dict.fromkeys(layers["arm"]))
    drawn = figure(8.4, 3.4 + 0.2 * ((len(arms) + 3) // 4))
    palette, shapes, dashes = colors(arms), markers(arms), line_styles(arms)
    for axes, column, words in zip(
        drawn.subplots(1, 2),
        ("side", "multiply_adds"),
        ("receptive field, pixels a side", "multiply-adds of an example"),
        strict=True,
    ):
        handles = []
        for arm in arms:
            own = layers[(layers["arm"] == arm) & (layers[column] > 0)]
            look = {"color": palette[arm], "marker": shapes[arm], "linestyle": dashes[arm], "markersize": 4}
            handles += axes.plot(own["layer"], own[column], **look)
        axes.set(xlabel="convolution or pooling, from the input", ylabel=words)
        log_axis(axes, "y")
    legend_below(drawn, handles, arms, columns=4)
    return drawn


def weights_by_channels(blocks: pd.DataFrame) -> Figure:
    """Weights of a block by its channels, a line a block; `blocks`: columns channels, block, weights."""
    names = list(dict.fromkeys(blocks["block"]))
    drawn = figure(5.2, 3.6)
    axes, palette, shapes = drawn.subplots(), colors(names), markers(names)
    handles = []
    for name in names:
        own = blocks[blocks["block"] == name]
        handles += axes.plot(own["channels"], own["weights"], color=palette[name], marker=shapes[name])
    axes.set(xlabel="channels", ylabel="weights of a block")
    log_axis(axes, "x")
    log_axis(axes, "y")
    legend_below(drawn, handles, names)
    return drawn
