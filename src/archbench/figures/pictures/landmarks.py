"""Landmarks: the true and the predicted key points over the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from archbench.figures.gallery import LARGEST_SIDE, Picture, displayable, grid, legend_under, show
from archbench.figures.pictures import picture

SHOWN = 12


@picture("landmarks", source="archbench")
def landmarks(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """True points as rings, predicted ones as crosses, coloured by point; a line joins the two."""
    inputs = predictions["input"][:SHOWN]
    images = displayable(inputs)
    scale = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    truth, said = predictions["target_landmarks"][:, 0], predictions["prediction_landmarks"]
    there = predictions["target_box_label"][:, 0] >= 0
    drawn, places = grid(len(images), columns=6, side=1.2, room=0.1)
    for place, axes in enumerate(places):
        show(axes, images[place])
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # points outside the picture do not widen it
        if there[place]:
            _draw(axes, truth[place] / scale - 0.5, said[place] / scale - 0.5)
    marks = {"true": "o", "predicted": "x"}
    handles = [Line2D([], [], color="black", marker=mark, linestyle="", label=name) for name, mark in marks.items()]
    legend_under(drawn, handles, columns=2)
    caption = (
        f"The first {len(images)} test examples: true key points (rings) and predicted ones (crosses), each point in "
        "its colour. Points outside the picture are not drawn, and none where there is no object."
    )
    return [Picture("points", drawn, caption)]


def _draw(axes: Axes, truth: np.ndarray, said: np.ndarray) -> None:
    """Points (point, [y, x]) in shown pixels, where the centre of the first pixel is at 0."""
    palette = sns.color_palette("colorblind")
    for number, (true, predicted) in enumerate(zip(truth, said, strict=True)):
        color = palette[number % len(palette)]
        axes.plot(*zip(true[::-1], predicted[::-1], strict=True), color=color, linewidth=0.8)
        axes.plot(*true[::-1], marker="o", markersize=5, markerfacecolor="none", color=color)
        axes.plot(*predicted[::-1], marker="x", markersize=5, color=color)
