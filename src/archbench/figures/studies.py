"""Figures of a study: what the same budget buys in every arm."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers


def best_so_far_curves(curves: pd.DataFrame, *, metric: str) -> Figure:
    """The best validation score of every arm after so many trials. `curves`: columns arm, trial, best, low, high."""
    arms = list(dict.fromkeys(curves["arm"]))
    drawn = figure(6.0, 3.2 + 0.2 * ((len(arms) + 3) // 4))
    axes = drawn.subplots()
    palette, shapes = colors(arms), markers(arms)
    handles = []
    for arm, own in curves.groupby("arm", sort=False):
        band = {"color": palette[arm], "alpha": 0.1, "linewidth": 0}
        axes.fill_between(own["trial"], own["low"], own["high"], step="post", **band)
        handles += axes.plot(
            own["trial"],
            own["best"],
            drawstyle="steps-post",
            color=palette[arm],
            marker=shapes[arm],
            markersize=4,
            linestyle=line_styles(arms)[arm],
        )
    axes.set(xlabel="trials used", ylabel=f"best validation {metric} so far")
    axes.xaxis.get_major_locator().set_params(integer=True)
    legend_below(drawn, handles, arms, columns=4)
    return drawn


def learning_rate_sensitivity(trials: pd.DataFrame, *, metric: str) -> Figure:
    """Validation score against the learning rate, one panel an arm.

    `trials`: columns arm, state, shown, enqueued, param_learning_rate. Complete trials are filled, pruned ones hollow
    (their score is that of a shorter training), failed ones crosses at the bottom, the paper's default has a ring.
    """
    rows = trials.dropna(subset=["param_learning_rate"])
    arms = list(dict.fromkeys(rows["arm"]))
    columns = min(4, max(len(arms), 1))
    lines = -(-max(len(arms), 1) // columns)
    drawn = figure(1.0 + 1.75 * columns, 0.8 + 1.75 * lines)
    panels = drawn.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    palette = colors(arms)
    for axes, arm in zip(panels, arms, strict=False):
        _rate_panel(axes, rows[rows["arm"] == arm], palette[arm])
        axes.set_title(arm, fontsize=9)
    for axes in panels[len(arms) :]:
        axes.set_visible(False)
    drawn.supxlabel("learning rate", fontsize=9)
    drawn.supylabel(f"validation {metric}", fontsize=9)
    return drawn


def _rate_panel(axes: Axes, trials: pd.DataFrame, color: tuple) -> None:
    rate = trials["param_learning_rate"]
    for state, face in (("complete", color), ("pruned", "none")):
        part = trials[trials["state"] == state]
        axes.scatter(
            part["param_learning_rate"], part["shown"], s=16, facecolors=face, edgecolors=[color], linewidths=1
        )
    failed = trials.loc[trials["state"] == "failed", "param_learning_rate"]
    axes.scatter(failed, [0.04] * len(failed), marker="x", s=18, color="#c1440e", transform=axes.get_xaxis_transform())
    default = trials[trials["enqueued"].astype(bool)]
    axes.scatter(
        default["param_learning_rate"], default["shown"], s=60, facecolors="none", edgecolors="black", linewidths=1
    )
    axes.set_xlim(rate.min() / 1.8, rate.max() * 1.8)
    log_axis(axes, "x")
