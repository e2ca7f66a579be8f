"""Losses between boxes and between masks: one minus how well they overlap."""

from __future__ import annotations

from typing import Any

from keras import ops

from archbench.layers import boxes
from archbench.losses import loss
from archbench.losses.per_example import mean_per_example, sum_per_example
from archbench.options import NonNegative


@loss("iou", source="Yu et al. 2016, UnitBox, arXiv:1608.01471 (there as -log IoU)", values="boxes")
def iou(targets: Any, outputs: Any) -> Any:
    """One minus the intersection over union of matched boxes.

    `targets` and `outputs` are boxes (batch, ..., [top, left, bottom, right]); the answer is (batch,), the
    mean over boxes, between 0 and 1. Boxes that do not touch give 1 and no gradient.
    """
    return mean_per_example(1 - boxes.iou(_floats(targets), _floats(outputs)))


@loss("giou", source="Rezatofighi et al. 2019, arXiv:1902.09630", values="boxes")
def giou(targets: Any, outputs: Any) -> Any:
    """One minus the generalized intersection over union of matched boxes.

    1 - (IoU - (C - U) / C), where U is the area of the union and C that of the smallest box around both.
    `targets` and `outputs` are boxes (batch, ..., [top, left, bottom, right]); the answer is (batch,), the
    mean over boxes, between 0 and 2.
    """
    return mean_per_example(1 - boxes.giou(_floats(targets), _floats(outputs)))


@loss("dice", source="Milletari et al. 2016, V-Net, section 3, arXiv:1606.04797", values="shares", over="maps")
def dice(targets: Any, outputs: Any, *, smooth: NonNegative = 1e-6) -> Any:
    """One minus the soft Dice coefficient of each example: 1 - (2 sum p t + e) / (sum p^2 + sum t^2 + e).

    `targets` in [0, 1] and `outputs` (logits of p) have one shape (batch, ...); the answer is (batch,), between 0 and
    1, the sums over all numbers of an example. `smooth` is e, the paper's 0: with it an empty mask that is predicted
    empty costs 0 and not nan. Keras's Dice differs: it pools the whole batch and does not square.
    """
    shares, truth = ops.sigmoid(_floats(outputs)), _floats(targets)
    shared = sum_per_example(shares * truth)
    sizes = sum_per_example(ops.square(shares)) + sum_per_example(ops.square(truth))
    return 1 - (2 * shared + smooth) / (sizes + smooth)


def _floats(values: Any) -> Any:
    return ops.cast(values, "float32")
