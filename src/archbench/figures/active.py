"""Which share of the triplets still costs anything, by epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles


def active_share(table: pd.DataFrame) -> Figure:
    """A line a benchmark: the mean of `active` over seeds against `epoch`, which `table` has in its columns."""
    names = list(dict.fromkeys(table["benchmark"]))
    drawn = figure(5.2, 3.0 + 0.2 * ((len(names) + 1) // 2))
    axes = drawn.subplots()
    palette, patterns = colors(names), line_styles(names)
    lines = []
    for name in names:
        means = table[table["benchmark"] == name].groupby("epoch")["active"].mean()
        (line,) = axes.plot(means.index, means, color=palette[name], linestyle=patterns[name])
        lines.append(line)
    axes.set(xlabel="epoch", ylabel="share of active triplets", ylim=(0, 1))
    axes.locator_params(axis="x", integer=True)
    legend_below(drawn, lines, names)
    return drawn
