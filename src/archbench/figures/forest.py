"""A forest plot: what each choice gains, with its interval, beside a line of no gain."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from archbench.figures.style import figure, shorten

LINE = "#8a929b"


def forest(gains: pd.DataFrame, *, xlabel: str) -> Figure:
    """A row a choice, in the order given: its gain with the interval, filled where it is surely none by chance.

    `gains`: columns label, gain, low, high (NaN: no interval) and sure (0 where nothing is shown).
    """
    drawn = figure(7.2, 0.9 + 0.27 * max(len(gains), 2))
    axes = drawn.subplots()
    blue = sns.color_palette("colorblind")[0]
    axes.axvline(0, color=LINE, linewidth=1.2, zorder=1)
    for place, row in enumerate(gains.itertuples()):
        axes.plot([row.low, row.high], [place, place], color=blue, linewidth=2.4, zorder=3)
        face = blue if row.sure else "white"
        axes.plot(row.gain, place, marker="D", color=blue, markerfacecolor=face, markersize=6.5, zorder=4)
    axes.set_yticks(range(len(gains)), [shorten(label, 40) for label in gains["label"]])
    axes.set_ylim(len(gains) - 0.5, -0.5)
    axes.set(xlabel=xlabel, ylabel="")
    return drawn
