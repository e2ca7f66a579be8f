"""The loss of YOLO v3, whose gradients are those of the authors' yolo_layer.c.

Redmon & Farhadi 2018, arXiv:1804.02767, sections 2.1 to 2.3. What darknet prints as the loss is the squared length of
these gradients; here it is the function that has them. Changes that others made are options: boxes that are compared as
boxes (Rezatofighi et al. 2019, "Generalized Intersection over Union", arXiv:1902.09630, section 5.1), and objectness of
which easy places count little (Lin et al. 2017, "Focal Loss for Dense Object Detection", arXiv:1708.02002).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from keras import ops

from archbench.layers import boxes
from archbench.layers.scales import SCALES, decode_scales, encode_scales
from archbench.losses import loss
from archbench.losses.per_example import sum_per_example
from archbench.losses.yolo_v2 import NUMBERS, later_has_it
from archbench.options import Anchors, NonNegative, Share

COCO_ANCHORS = (
    *((1.25, 1.625), (2.0, 3.75), (4.125, 2.875)),
    *((3.75, 7.625), (7.75, 5.625), (7.375, 14.875)),
    *((14.5, 11.25), (19.5, 24.75), (46.625, 40.75)),
)
"""Those of yolov3.cfg, in cells of its finest map, which are of 8 pixels."""
IGNORE_IOU = 0.5
"""A box that overlaps an object more than this is not told that it is empty: section 2.1."""
OVERLAPS = {"iou": boxes.iou, "giou": boxes.giou}
"""How well two boxes agree, of which 1 is best."""
BoxLoss = Literal["iou", "giou"]


@loss(
    "yolo_v3",
    source="Redmon & Farhadi 2018, arXiv:1804.02767, section 2; darknet's yolo_layer.c",
    values="objects on maps",
)
def yolo_v3(
    targets: Mapping[str, Any],
    outputs: Mapping[str, Any],
    *,
    anchors: Anchors = COCO_ANCHORS,
    ignore_iou: Share = IGNORE_IOU,
    box_loss: BoxLoss | None = None,
    focus: NonNegative = 0.0,
) -> Any:
    """Squared errors of sides, and a logistic regression of centres, objectness and each class, on three maps.

    `targets` hold `boxes` (batch, object, [top, left, bottom, right]) in cells of the finest map, and `box_label`
    (batch, object), -1 in rows without an object. `outputs` are raw maps `small`, `medium` and `large`, by the objects
    that they are for: (batch, row, column, anchor, [tx, ty, tw, th, objectness, class...]), each with its share of
    `anchors` ([width, height]) in cells of the finest map, which is `small`. The answer is (batch,), the sum of
    `yolo_v3_parts`, where the other options are told.
    """
    maps = [outputs[scale] for scale in SCALES]
    shapes, options = np.asarray(anchors, "float32"), {"ignore_iou": ignore_iou, "box_loss": box_loss, "focus": focus}
    return sum(yolo_v3_parts(targets["boxes"], targets["box_label"], maps, shapes, **options).values())


def yolo_v3_parts(
    truth: Any,
    label: Any,
    maps: Sequence[Any],
    anchors: np.ndarray,
    *,
    ignore_iou: float = IGNORE_IOU,
    box_loss: BoxLoss | None = None,
    focus: float = 0.0,
) -> dict[str, Any]:
    """The parts of the loss, (batch,) each and summed over a picture; `maps` from the finest to the coarsest.

    `coordinates`: (2 - w h) times 1/2 (tw, th)'s squared error and the cross-entropy of (tx, ty), from which that of
    the perfect answer is taken off, of the prediction whose anchor, among all nine, fits the object best;
    `objectness`: the cross-entropy of 1 for these, of 0 for those with no object near; `classes`: the cross-entropies
    of all classes, where a prediction that two objects fall to has the kinds of both, and the box of the later.

    With a `box_loss` the `coordinates` are one minus the (generalized) IoU of box and object, whatever its size. With
    `focus` a cross-entropy of `objectness` counts (1 - p)^focus, where p is the chance that was given to what is right.
    """
    truth, label = ops.cast(truth, "float32"), ops.cast(label, "int32")
    maps = [ops.cast(one, "float32") for one in maps]
    exists = label >= 0
    given = encode_scales(truth, anchors, [one.shape[1:4] for one in maps])
    numbers = maps[0].shape[-1]
    flat = ops.concatenate([ops.reshape(one, (-1, np.prod(one.shape[1:4]), numbers)) for one in maps], axis=1)
    mine = ops.take_along_axis(flat, given.index[..., None], axis=1)  # (batch, object, number)
    answers = ops.cast(later_has_it(given.index, exists), "float32")
    predicted = decode_scales(maps, anchors)
    if box_loss is None:
        errors = (2 - boxes.area(truth) / np.prod(maps[0].shape[1:3])) * _coordinates(mine, given)
    else:
        errors = 1 - OVERLAPS[box_loss](ops.take_along_axis(predicted, given.index[..., None], axis=1), truth)
    said, answering = flat[..., 4], _answering(given.index, answers, flat.shape[1])
    empty = _empty(predicted, truth, exists, ignore_iou) * (1 - answering)
    return {
        "coordinates": sum_per_example(answers * errors),
        "objectness": sum_per_example(answering * _told(said, focus) + empty * _told(-said, focus)),
        "classes": sum_per_example(answers * _classes(mine, label, given.index)),
    }


def _coordinates(mine: Any, given: boxes.Code) -> Any:
    """(batch, object)."""
    place = ops.clip(given.place, 0.0, 1.0)
    least = -_xlogx(place) - _xlogx(1 - place)
    nats = _nats(place, mine[..., 0:2]) - least
    return ops.sum(nats + ops.square(mine[..., 2:4] - given.stretch) / 2, axis=-1)


def _answering(index: Any, answers: Any, count: int) -> Any:
    """Which of `count` predictions answer for an object: (batch, prediction)."""
    return ops.max(ops.one_hot(index, count, dtype="float32") * answers[..., None], axis=1)


def _empty(predicted: Any, truth: Any, exists: Any, ignore_iou: float) -> Any:
    """Which of the boxes `predicted` (batch, prediction, 4) lie on no object."""
    overlap = boxes.pairwise_iou(predicted, truth) * ops.cast(exists, "float32")[:, None, :]
    return ops.cast(ops.max(overlap, axis=2) <= ignore_iou, "float32")


def _told(logit: Any, focus: float) -> Any:
    """The cross-entropy of a yes where that is true."""
    nats = ops.softplus(-logit)
    return nats if not focus else nats * ops.exp(-focus * ops.softplus(logit))


def _classes(mine: Any, label: Any, index: Any) -> Any:
    """(batch, object)."""
    logits = mine[..., NUMBERS:]
    kinds = ops.one_hot(label, logits.shape[-1], dtype="float32")  # of -1 there is none
    same = ops.cast(index[:, :, None] == index[:, None, :], "float32")
    both = ops.minimum(ops.einsum("bij,bjk->bik", same, kinds), 1.0)
    return ops.sum(_nats(both, logits), axis=-1)


def _nats(share: Any, logit: Any) -> Any:
    """The cross-entropy of a yes or no whose chance is `share`."""
    return ops.softplus(logit) - share * logit


def _xlogx(x: Any) -> Any:
    return x * ops.log(ops.maximum(x, 1e-30))
