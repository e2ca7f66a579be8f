"""Losses between boxes: one minus how well they overlap."""

from __future__ import annotations

from typing import Any

from keras import ops

from archbench.blocks import boxes
from archbench.losses import loss
from archbench.losses.per_example import mean_per_example


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


def _floats(values: Any) -> Any:
    return ops.cast(values, "float32")
