"""Landmarks: the true and the predicted key points over the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from archbench.figures.gallery import LARGEST_SIDE, Picture, displayable, first_and_worst, grid, legend_under, show
from archbench.figures.pictures import picture

SHOWN = 12


@picture("landmarks", source="archbench")
def landmarks(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The first test examples and the worst: true points as rings, predicted ones as crosses, joined by a line."""
    worst = (
        "The {shown} of all {whole} test examples whose points are furthest off, in percent of the object's size, "
        "which stands above each"
    )
    return first_and_worst(predictions, SHOWN, _points, "points", worst)


def _points(predictions: Mapping[str, np.ndarray], rows: np.ndarray, name: str, which: str) -> Picture:
    inputs = predictions["input"][rows]
    images = displayable(inputs)
    scale = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    truth, said = predictions["target_landmarks"][:, 0], predictions["prediction_landmarks"]
    there = predictions["target_box_label"][:, 0] >= 0
    drawn, places = grid(len(images), columns=6, side=1.2, room=0.18 if name == "worst" else 0.1)
    for axes, image, row in zip(places, images, rows, strict=True):
        title = f"{predictions['whole_mistakes'][predictions['row'][row]]:.0f}\u00a0%" if name == "worst" else ""
        show(axes, image, title=title)
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # points outside the picture do not widen it
        if there[row]:
            _draw(axes, truth[row] / scale - 0.5, said[row] / scale - 0.5)
    marks = {"true": "o", "predicted": "x"}
    handles = [Line2D([], [], color="black", marker=mark, linestyle="", label=label) for label, mark in marks.items()]
    legend_under(drawn, handles, columns=2)
    caption = (
        f"{which}: true key points (rings) and predicted ones (crosses), each point in its colour. Points outside the "
        "picture are not drawn, and none where there is no object."
    )
    return Picture(name, drawn, caption)


def _draw(axes: Axes, truth: np.ndarray, said: np.ndarray) -> None:
    """Points (point, [y, x]) in shown pixels, where the centre of the first pixel is at 0."""
    palette = sns.color_palette("colorblind")
    for number, (true, predicted) in enumerate(zip(truth, said, strict=True)):
        color = palette[number % len(palette)]
        axes.plot(*zip(true[::-1], predicted[::-1], strict=True), color=color, linewidth=0.8)
        axes.plot(*true[::-1], marker="o", markersize=5, markerfacecolor="none", color=color)
        axes.plot(*predicted[::-1], marker="x", markersize=5, color=color)
