"""How translations are said: the width of a beam, and the length of a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, log_axis, markers


def widths_and_lengths(widths: pd.DataFrame, lengths: pd.DataFrame, score: str) -> Figure:
    """The score and the seconds by the width of the beam, and the score by the length of the source; a line an arm.

    `widths`: columns arm, width, score, low, high, seconds; `lengths`: arm, length, score, low, high. A score has a bar
    from low to high. `score` is the label of the scores.
    """
    arms = list(dict.fromkeys(widths["arm"]))
    drawn = figure(9.6, 3.0 + 0.2 * ((len(arms) + 2) // 3))
    left, middle, right = drawn.subplots(1, 3)
    handles = _lines(left, widths, arms, "width", "score")
    _lines(middle, widths, arms, "width", "seconds")
    _lines(right, lengths, arms, "length", "score")
    _bars(left, widths, arms, "width")
    _bars(right, lengths, arms, "length")
    for axes in (left, middle):
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(set(widths["width"])), [str(width) for width in sorted(set(widths["width"]))])
        axes.set_xlabel("width of the beam")
    left.set_ylabel(score)
    middle.set_ylabel("seconds a sentence")
    log_axis(middle, "y")
    right.set(xlabel="tokens of the source", ylabel=score)
    legend_below(drawn, handles, arms, columns=3)
    return drawn


def _lines(axes: Axes, table: pd.DataFrame, arms: Sequence[str], x: str, y: str) -> list:
    palette, shapes = colors(arms), markers(arms)
    return [
        axes.plot(own[x], own[y], color=palette[arm], marker=shapes[arm], markersize=4)[0]
        for arm, own in ((arm, table[table["arm"] == arm]) for arm in arms)
    ]


def _bars(axes: Axes, table: pd.DataFrame, arms: Sequence[str], x: str) -> None:
    palette = colors(arms)
    for arm in arms:
        own = table[table["arm"] == arm]
        axes.vlines(own[x], own["low"], own["high"], color=palette[arm], linewidth=1)
