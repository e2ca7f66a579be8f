"""Detection: true and predicted boxes over the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from archbench.figures.gallery import LARGEST_SIDE, Picture, class_names, displayable, grid, show
from archbench.figures.pictures import picture

SHOWN = 8
LEAST_SCORE = 0.3
"""Predicted boxes below this score are left out of the picture (not out of the scores)."""


DETECTORS = ("detection", "region_detection", "proposal_detection", "proposal_classification", "proposal_svm")
"""The tasks whose answers are boxes."""


@picture({name: {} for name in DETECTORS}, source="archbench")
def detection(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """True boxes dashed, predicted boxes solid with their score, coloured by kind."""
    inputs = predictions["input"][:SHOWN]
    images = displayable(inputs)
    scale = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    labels = predictions["target_box_label"], predictions["prediction_label"]
    kinds = class_names(predictions, int(max(label.max(initial=0) for label in labels)) + 1)
    drawn, places = grid(len(images), columns=4, side=1.8, room=0.1)
    for place, axes in enumerate(places):
        show(axes, images[place])
        for box, kind in zip(predictions["target_boxes"][place], labels[0][place], strict=True):
            if kind >= 0:
                draw_box(axes, box / scale, int(kind), dashed=True)
        rows = (predictions["prediction_boxes"][place], labels[1][place], predictions["prediction_score"][place])
        for box, kind, score in zip(*rows, strict=True):
            if kind >= 0 and score >= LEAST_SCORE:
                draw_box(axes, box / scale, int(kind), score=float(score))
    palette = sns.color_palette("colorblind")
    patches = [Patch(color=palette[kind % len(palette)], label=name) for kind, name in enumerate(kinds)]
    drawn.legend(handles=patches, loc="outside lower center", ncols=4)
    caption = (
        f"The first {len(images)} test examples. Dashed: true boxes. Solid: predicted boxes with a score of at least "
        f"{LEAST_SCORE:g}, the score at their corner. The colour is the kind."
    )
    return [Picture("boxes", drawn, caption)]


def draw_box(axes: Axes, box: np.ndarray, kind: int, *, dashed: bool = False, score: float | None = None) -> None:
    """One box [top, left, bottom, right] in shown pixels, in the colour of its kind."""
    palette = sns.color_palette("colorblind")
    color = palette[kind % len(palette)]
    top, left, bottom, right = (float(side) for side in box)
    style = {"linestyle": (0, (3, 2)), "linewidth": 1.0} if dashed else {"linestyle": "-", "linewidth": 1.4}
    corner = (left - 0.5, top - 0.5)
    axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=color, **style))
    if score is not None:
        badge = {"facecolor": color, "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
        axes.text(*corner, f"{score:.2f}", fontsize=5, color="white", bbox=badge, va="bottom", clip_on=True)
