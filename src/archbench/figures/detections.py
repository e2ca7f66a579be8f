"""What detectors find: precision over recall, scores by kind side by side, speed against score, anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from archbench.figures.gallery import legend_under
from archbench.figures.style import colors, figure, legend_below, line_styles, log_axis, markers, shorten
from archbench.metrics.coco import RECALLS

LEGEND_ROW = 0.2
"""Inches of the row of a legend."""


def precision_curves(curves: Mapping[str, np.ndarray]) -> Figure:
    """Precision over recall of each name, (recall,), read at `RECALLS`; the legend tells the mean."""
    drawn = figure(4.6, 3.2 + LEGEND_ROW * -(-len(curves) // 2))
    axes = drawn.subplots()
    palette, patterns = colors(list(curves)), line_styles(list(curves))
    lines = [
        axes.plot(RECALLS, precision, color=palette[name], linestyle=patterns[name])[0]
        for name, precision in curves.items()
    ]
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    legend_below(drawn, lines, [f"{shorten(name, 26)} {precision.mean():.2f}" for name, precision in curves.items()])
    return drawn


def grouped_bars(values: pd.DataFrame, label: str, halves: pd.DataFrame | None = None) -> Figure:
    """A group of bars a column, a bar in it a row of `values`; what is not known has none.

    A bar has a line of `halves`, of the same rows and columns, to both sides of its end, where that is known.
    """
    rows = len(values)
    drawn = figure(max(4.6, 0.8 + values.shape[1] * (0.35 + 0.11 * rows)), 2.9 + LEGEND_ROW * -(-rows // 2))
    axes = drawn.subplots()
    palette, width = colors(list(values.index)), 0.84 / rows
    places, bars = np.arange(values.shape[1]), []
    for number, (name, heights) in enumerate(values.iterrows()):
        across = places + (number - (rows - 1) / 2) * width
        bars.append(axes.bar(across, heights, width, color=palette[name]))
        if halves is not None:
            axes.errorbar(across, heights, yerr=halves.loc[name], fmt="none", ecolor="black", elinewidth=0.8)
    axes.set(ylabel=label, ylim=(0, None), xticks=places)
    turned = max(map(len, values.columns)) > 9
    turn = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    axes.set_xticklabels([shorten(name, 24) for name in values.columns], **turn)
    axes.grid(visible=False, axis="x")
    legend_below(drawn, bars, list(values.index))
    return drawn


def score_against_speed(points: pd.DataFrame, *, label: str) -> Figure:
    """`score` against `speed` (pictures a second), a point a row; columns name, speed, score, stages."""
    drawn = figure(5.6, 3.1 + LEGEND_ROW * -(-len(points) // 2))
    axes = drawn.subplots()
    palette, shapes = colors(list(dict.fromkeys(points["stages"]))), markers(list(points["name"]))
    dots = [
        axes.plot(one["speed"], one["score"], shapes[one["name"]], color=palette[one["stages"]], markersize=7)[0]
        for one in points.to_dict("records")
    ]
    axes.set(ylim=(0, 1.02), ylabel=label, xlabel="pictures a second")
    axes.margins(x=0.15)
    log_axis(axes, "x")
    legend_below(
        drawn, dots, [f"{stages}: {name}" for name, stages in zip(points["name"], points["stages"], strict=True)]
    )
    return drawn


def draw_anchors(axes: Axes, anchors: np.ndarray, side: tuple[int, int], scale: float) -> None:
    """`anchors` (anchor, [cell, cell, height, width]) of one map, laid on the cell in the middle of a picture.

    The picture has `side` pixels; a pixel shown is `scale` of these.
    """
    palette, cell = sns.color_palette("colorblind"), anchors[0, :2]
    middle = (np.floor(np.array(side) / 2 / cell) + 0.5) * cell
    filled = {"facecolor": "#3b3b3b", "alpha": 0.5, "linewidth": 0}
    looks = [filled, *({"fill": False, "edgecolor": palette[number % 10]} for number in range(len(anchors)))]
    for sides, look in zip([cell, *anchors[:, 2:]], looks, strict=True):
        (top, left), (height, width) = (middle - sides / 2) / scale, sides / scale
        axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, **look))


def kind_legend(drawn: Figure, kinds: Sequence[str]) -> None:
    """What the colour of each kind means, below."""
    palette = sns.color_palette("colorblind")
    patches = [Patch(color=palette[kind % len(palette)], label=name) for kind, name in enumerate(kinds)]
    legend_under(drawn, patches)
