"""Instances: the true and the predicted mask of every object over the picture, with its box."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns
from matplotlib.patches import Patch

from archbench.figures.gallery import LARGEST_SIDE, Picture, class_names, displayable, grid, show
from archbench.figures.pictures import picture
from archbench.figures.pictures.detection import LEAST_SCORE, draw_box
from archbench.figures.pictures.segmentation import overlay
from archbench.metrics.instances import pasted, true_masks

SHOWN = 5


@picture("instance_segmentation", source="archbench")
def instance_segmentation(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Picture, true masks and predicted masks of some test examples, one below the other."""
    inputs = predictions["input"][:SHOWN]
    images = displayable(inputs)
    step = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    truth = {name.removeprefix("target_"): values for name, values in predictions.items() if name.startswith("target_")}
    labels = truth["box_label"], predictions["prediction_label"]
    kinds = class_names(predictions, int(max(label.max(initial=0) for label in labels)) + 1)
    drawn, places = grid(3 * len(images), columns=len(images), side=1.15, room=0.18)
    for column, image in enumerate(images):
        likely = (labels[1][column] >= 0) & (predictions["prediction_score"][column] >= LEAST_SCORE)
        boxes = predictions["prediction_boxes"][column][likely]
        masks = pasted(predictions["prediction_mask"][column][likely], boxes, inputs.shape[1:3])
        there = labels[0][column] >= 0
        told = (
            (true_masks(truth, column)[there], truth["boxes"][column][there], labels[0][column][there], None),
            (masks, boxes, labels[1][column][likely], predictions["prediction_score"][column][likely]),
        )
        show(places[column], image, title="picture")
        for row, (title, (masks, boxes, label, scores)) in enumerate(zip(("true", "predicted"), told, strict=True), 1):
            axes = places[row * len(images) + column]
            show(axes, overlay(image, _map(masks, label, inputs.shape[1:3])[::step, ::step]), title=title)
            for place, box in enumerate(boxes):
                score = None if scores is None else float(scores[place])
                draw_box(axes, box / step, int(label[place]), dashed=scores is None, score=score)
    palette = sns.color_palette("colorblind")
    patches = [Patch(color=palette[kind % len(palette)], label=name) for kind, name in enumerate(kinds)]
    drawn.legend(handles=patches, loc="outside lower center", ncols=4)
    caption = (
        f"The first {len(images)} test examples: the picture, the true masks and boxes over it, and the predicted ones "
        f"with a score of at least {LEAST_SCORE:g}, the score at their corner. The colour is the kind."
    )
    return [Picture("masks", drawn, caption)]


def _map(masks: np.ndarray, label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """0 or 1 + kind of the first of `masks` (object, height, width) that has each pixel."""
    found = np.zeros(size, int)
    for mask, kind in reversed(list(zip(masks, label, strict=True))):
        found[mask] = 1 + kind
    return found
