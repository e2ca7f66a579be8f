"""Costs and errors layer by layer, and how well networks fit by depth."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers


def times_by_layer(costs: pd.DataFrame) -> Figure:
    """Milliseconds (left) and activations in MiB (right) by layer, a line a network.

    `costs`: columns arm, layer, forward_ms, backward_ms, optimizer_ms, activation_bytes.
    """
    arms = list(dict.fromkeys(costs["arm"]))
    drawn = figure(8.4, 3.4 + 0.2 * ((len(arms) + 3) // 4))
    palette, shapes, dashes = colors(arms), markers(arms), line_styles(arms)
    left, right = drawn.subplots(1, 2)
    handles = []
    for arm in arms:
        own = costs[costs["arm"] == arm]
        look = {"color": palette[arm], "marker": shapes[arm], "linestyle": dashes[arm], "markersize": 3}
        handles += left.plot(own["layer"], own[["forward_ms", "backward_ms", "optimizer_ms"]].sum(axis=1), **look)
        right.plot(own["layer"], own["activation_bytes"] / 2**20, **look)
    left.set(xlabel="layer, from the input", ylabel="milliseconds a step")
    right.set(xlabel="layer, from the input", ylabel="activations of a batch, MiB")
    legend_below(drawn, handles, arms, columns=4)
    return drawn


def errors_by_tensor(weights: pd.DataFrame) -> Figure:
    """Relative errors of gradients by weight tensor, a line a network; `weights`: arm, number, relative_error."""
    arms = list(dict.fromkeys(weights["arm"]))
    drawn = figure(6.0, 3.4 + 0.2 * ((len(arms) + 3) // 4))
    axes, palette, shapes = drawn.subplots(), colors(arms), markers(arms)
    handles = []
    for arm in arms:
        own = weights[(weights["arm"] == arm) & (weights["relative_error"] > 0)]
        look = {"color": palette[arm], "marker": shapes[arm], "linestyle": "none", "markersize": 4}
        handles += axes.plot(own["number"], own["relative_error"], **look)
    axes.set(xlabel="weight tensor, from the input", ylabel="relative error")
    log_axis(axes, "y")
    legend_below(drawn, handles, arms, columns=4)
    return drawn


def loss_by_depth(fit: pd.DataFrame) -> Figure:
    """Mean loss on training data by depth, with and without shortcuts; bars are intervals.

    `fit`: columns depth, shortcuts, loss, loss_half.
    """
    drawn = figure(5.2, 3.6)
    axes = drawn.subplots()
    names = {False: "plain", True: "with shortcuts"}
    palette, shapes = colors(list(names.values())), markers(list(names.values()))
    handles, shown = [], []
    for shortcuts, own in fit.groupby("shortcuts"):
        name = names[bool(shortcuts)]
        look = {"color": palette[name], "marker": shapes[name], "capsize": 3}
        handles.append(axes.errorbar(own["depth"], own["loss"], yerr=own["loss_half"].fillna(0), **look))
        shown.append(name)
    axes.set(xlabel="layers with weights", ylabel="loss on training data")
    legend_below(drawn, handles, shown)
    return drawn
