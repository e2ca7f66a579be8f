"""Instances: the true and the predicted mask of every object over the picture, with its box."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.detections import kind_legend
from archbench.figures.gallery import LARGEST_SIDE, Picture, class_names, displayable, first_and_worst, grid, show
from archbench.figures.pictures import picture
from archbench.figures.pictures.detection import WORST, anchors, draw_box, told
from archbench.figures.pictures.segmentation import overlay
from archbench.metrics.detection_errors import SURE
from archbench.metrics.instances import pasted, true_masks

SHOWN = 5


@picture("instance_segmentation", source="archbench")
def instance_segmentation(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The first test examples and the worst, precision over recall and mistakes of boxes and masks, and anchors."""
    pictures = first_and_worst(predictions, SHOWN, _masks, "masks", f"{WORST} Below:", ":")
    return [*pictures, *told(predictions, "mask_", "masks"), *told(predictions, "", "boxes"), *anchors(predictions)]


def _masks(predictions: Mapping[str, np.ndarray], rows: np.ndarray, name: str, which: str) -> Picture:
    inputs = predictions["input"]
    images = displayable(inputs[rows])
    step = -(-max(inputs.shape[1:3]) // LARGEST_SIDE)
    truth = {name.removeprefix("target_"): values for name, values in predictions.items() if name.startswith("target_")}
    labels = truth["box_label"], predictions["prediction_label"]
    kinds = class_names(predictions, int(max(label.max(initial=0) for label in labels)) + 1)
    drawn, places = grid(3 * len(images), columns=len(images), side=1.15, room=0.18)
    for column, (image, example) in enumerate(zip(images, rows, strict=True)):
        likely = (labels[1][example] >= 0) & (predictions["prediction_score"][example] >= SURE)
        boxes = predictions["prediction_boxes"][example][likely]
        masks = pasted(predictions["prediction_mask"][example][likely], boxes, inputs.shape[1:3])
        there = labels[0][example] >= 0
        rowed = (
            (true_masks(truth, example)[there], truth["boxes"][example][there], labels[0][example][there], None),
            (masks, boxes, labels[1][example][likely], predictions["prediction_score"][example][likely]),
        )
        title = f"mistakes: {predictions['whole_mistakes'][predictions['row'][example]]:g}" if name == "worst" else ""
        show(places[column], image, title=title or "picture")
        for row, (title, (masks, boxes, label, scores)) in enumerate(zip(("true", "predicted"), rowed, strict=True), 1):
            axes = places[row * len(images) + column]
            show(axes, overlay(image, _map(masks, label, inputs.shape[1:3])[::step, ::step]), title=title)
            for place, box in enumerate(boxes):
                score = None if scores is None else float(scores[place])
                draw_box(axes, box / step, int(label[place]), dashed=scores is None, score=score)
    kind_legend(drawn, kinds)
    caption = (
        f"{which} the picture, the true masks and boxes over it, and the predicted ones with a score of at least "
        f"{SURE:g}, the score at their corner. The colour is the kind."
    )
    return Picture(name, drawn, caption)


def _map(masks: np.ndarray, label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """0 or 1 + kind of the first of `masks` (object, height, width) that has each pixel."""
    found = np.zeros(size, int)
    for mask, kind in reversed(list(zip(masks, label, strict=True))):
        found[mask] = 1 + kind
    return found
