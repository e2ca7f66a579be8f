"""The loss of YOLO v2, whose gradients are those of the authors' region_layer.c with yolov2-voc.cfg.

Redmon & Farhadi 2016, arXiv:1612.08242, section 2, which leaves the parts of the loss and their weights open. Differs
from the code: the pull of every anchor towards its prior during the first 12,800 pictures is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from archbench.layers import boxes
from archbench.losses import loss
from archbench.losses.per_example import sum_per_example
from archbench.options import Anchors

OBJECT_SCALE, NO_OBJECT_SCALE, COORDINATE_SCALE, CLASS_SCALE = 5.0, 1.0, 1.0, 1.0
"""Weights of the parts of the loss in yolov2-voc.cfg."""
IGNORE_IOU = 0.6
"""A box that overlaps an object more than this is not told that it is empty."""
VOC_ANCHORS = ((1.3221, 1.73145), (3.19275, 4.00944), (5.05587, 8.09892), (9.47112, 4.84053), (11.2364, 10.0071))
"""Those of yolov2-voc.cfg, in cells."""
NUMBERS = 5
"""x, y, width, height and objectness, before the class logits."""


class Assignment(NamedTuple):
    """Which prediction answers for which object; `object` counts the padded rows of `boxes`."""

    answers: Any
    """float32 (batch, object): 1 where the row holds an object that a prediction answers for, else 0."""
    index: Any
    """int32 (batch, object): that prediction, counted over rows, columns and anchors."""
    place: Any
    """float32 (batch, object, [x, y]) within the cell."""
    stretch: Any
    """float32 (batch, object, [width, height]), logarithms against the anchor."""
    importance: Any
    """float32 (batch, object): 2 - its share of the picture, so that small boxes count more."""


@loss(
    "yolo_v2",
    source="Redmon & Farhadi 2016, arXiv:1612.08242, section 2; darknet's region_layer.c",
    values="objects of anchors",
)
def yolo_v2(targets: Mapping[str, Any], outputs: Any, *, anchors: Anchors = VOC_ANCHORS) -> Any:
    """Squared errors of boxes and objectness in a grid of anchors, and the softmax cross-entropy of classes.

    `targets` hold `boxes` (batch, object, [top, left, bottom, right]) in cells, and `box_label` (batch, object), -1 in
    rows without an object; `outputs` are raw (batch, row, column, anchor, [tx, ty, tw, th, objectness, class...]), and
    `anchors` (anchor, [width, height]) in cells. The answer is (batch,), the sum of `yolo_v2_parts`.
    """
    return sum(yolo_v2_parts(targets["boxes"], targets["box_label"], outputs, np.asarray(anchors, "float32")).values())


def yolo_v2_parts(truth: Any, label: Any, raw: Any, anchors: np.ndarray) -> dict[str, Any]:
    """The parts of the loss, (batch,) each and summed over a picture; their arguments are those of `yolo_v2`.

    Squared errors are halved, which makes the gradients those of region_layer.c:
    `coordinates` 1/2 (2 - w h) |(sigmoid(tx, ty), tw, th) - target|^2 of the answering predictions,
    `objectness` 5/2 (sigmoid - IoU)^2 of these and 1/2 sigmoid^2 of those with no object near,
    `classes` the softmax cross-entropy.
    """
    truth, label, raw = ops.cast(truth, "float32"), ops.cast(label, "int32"), ops.cast(raw, "float32")
    given = _assign(truth, label, anchors, raw.shape[1:3])
    flat = ops.reshape(raw, (-1, np.prod(raw.shape[1:4]), raw.shape[4]))  # (batch, prediction, number)
    mine = ops.take_along_axis(flat, given.index[..., None], axis=1)  # (batch, object, number)
    return {
        "coordinates": _coordinates(mine, given),
        "objectness": _objectness(boxes.decode_cells(raw, anchors), flat, mine, truth, label, given),
        "classes": _classes(mine, label, given),
    }


def later_has_it(index: Any, exists: Any) -> Any:
    """Of objects whose predictions are `index` (batch, object), which `exists` and no later one has the same of.

    Two objects may fall to one prediction. In darknet the later one has it.
    """
    same = (index[:, :, None] == index[:, None, :]) & exists[:, None, :]
    later = np.triu(np.ones(same.shape[1:], bool), k=1)
    return exists & ~ops.any(same & later, axis=2)


def _assign(truth: Any, label: Any, anchors: np.ndarray, grid: tuple[int, int]) -> Assignment:
    code = boxes.encode_cells(truth, anchors, grid)
    answers = later_has_it(code.index, label >= 0)
    importance = 2 - boxes.area(truth) / (grid[0] * grid[1])
    return Assignment(ops.cast(answers, "float32"), code.index, code.place, code.stretch, importance)


def _objectness(predicted: Any, flat: Any, mine: Any, truth: Any, label: Any, given: Assignment) -> Any:
    # What the objectness is compared with is a target, never a way for gradients into the boxes.
    predicted = ops.reshape(ops.stop_gradient(predicted), (-1, flat.shape[1], 4))
    overlap = boxes.pairwise_iou(predicted, truth) * ops.cast(label >= 0, "float32")[:, None, :]
    answering = ops.one_hot(given.index, flat.shape[1], dtype="float32") * given.answers[..., None]
    empty = (ops.max(overlap, axis=2) <= IGNORE_IOU) & (ops.max(answering, axis=1) < 0.5)
    no_object = ops.cast(empty, "float32") * ops.square(ops.sigmoid(flat[..., 4]))
    own = boxes.iou(ops.take_along_axis(predicted, given.index[..., None], axis=1), truth)
    an_object = given.answers * ops.square(ops.sigmoid(mine[..., 4]) - own)
    return (OBJECT_SCALE * sum_per_example(an_object) + NO_OBJECT_SCALE * sum_per_example(no_object)) / 2


def _coordinates(mine: Any, given: Assignment) -> Any:
    place = ops.square(ops.sigmoid(mine[..., 0:2]) - given.place)
    stretch = ops.square(mine[..., 2:4] - given.stretch)
    error = ops.sum(place + stretch, axis=-1) * given.importance
    return COORDINATE_SCALE * sum_per_example(given.answers * error) / 2


def _classes(mine: Any, label: Any, given: Assignment) -> Any:
    nats = ops.sparse_categorical_crossentropy(ops.maximum(label, 0), mine[..., NUMBERS:], from_logits=True)
    return CLASS_SCALE * sum_per_example(given.answers * nats)
