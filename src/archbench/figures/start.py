"""What transferred weights and shared trunks are worth."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers


def score_by_size(points: pd.DataFrame, *, metric: str) -> Figure:
    """Test score against the number of training examples, a line a way to train, with its interval over seeds.

    `points`: columns way, training_examples, mean, interval_low, interval_high, in the order of the legend.
    """
    ways = list(dict.fromkeys(points["way"]))
    drawn = figure(6.0, 3.4 + 0.2 * ((len(ways) + 3) // 4))
    axes = drawn.subplots()
    palette, shapes, dashes = colors(ways), markers(ways), line_styles(ways)
    sizes = points["training_examples"]
    handles = []
    for place, way in enumerate(ways):
        own = points[points["way"] == way].sort_values("training_examples")
        # A little apart along the logarithmic axis, so that intervals do not hide each other.
        x = own["training_examples"] * 1.025 ** (place - (len(ways) - 1) / 2)
        axes.vlines(x, own["interval_low"], own["interval_high"], color=palette[way], linewidth=1.2, alpha=0.7)
        handles += axes.plot(x, own["mean"], color=palette[way], marker=shapes[way], linestyle=dashes[way])
    axes.set(xlabel="training examples", ylabel=f"test {metric}")
    axes.set_xlim(sizes.min() / 1.2, sizes.max() * 1.2)
    log_axis(axes, "x")
    axes.set_xticks(sorted(set(sizes)), [str(size) for size in sorted(set(sizes))])
    legend_below(drawn, handles, ways, columns=4)
    return drawn


def heads_side_by_side(scores: pd.DataFrame) -> Figure:
    """The score of every head, trained together and alone. `scores`: head, way, mean, interval_low, interval_high."""
    names, ways = list(dict.fromkeys(scores["head"])), list(dict.fromkeys(scores["way"]))
    drawn = figure(5.4, 1.3 + 0.45 * len(names))
    axes = drawn.subplots()
    palette, shapes = colors(ways), markers(ways)
    handles = []
    for shift, way in zip((-0.12, 0.12), ways, strict=True):
        own = scores[scores["way"] == way]
        rows = [names.index(name) + shift for name in own["head"]]
        axes.hlines(rows, own["interval_low"], own["interval_high"], color=palette[way], linewidth=2)
        handles += axes.plot(own["mean"], rows, color=palette[way], marker=shapes[way], linestyle="none", markersize=7)
    axes.set(xlabel="test score", ylim=(len(names) - 0.5, -0.5))
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    legend_below(drawn, handles, ways)
    return drawn
