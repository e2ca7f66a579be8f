"""What two-stage detectors say of their anchors and of their regions.

Girshick 2015, arXiv:1504.08083, section 2.1; Ren et al. 2015, arXiv:1506.01497, section 3.1.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from archbench.parts import Parts

STARTS = {
    "scores": {"name": "small_normal", "deviation": 0.01},
    "shifts": {"name": "small_normal", "deviation": 0.01},
    "boxes": {"name": "small_normal", "deviation": 0.001},
}
"""How the kernels start that make scores, shifts of anchors, and boxes of classes: Fast R-CNN, section 2.3."""


def proposals(maps: list[Any], channels: int, anchors: int, parts: Parts, *, logits: int = 1) -> dict[str, Any]:
    """What the same three convolutions say of each of `maps` (batch, height, width, channel), cell and anchor.

    `objectness` (batch, anchor), a logit, and `deltas` (batch, anchor, 4), over maps, rows, columns and the `anchors`
    of a cell. With 2 `logits`, as in Faster R-CNN, one is that of no object and one that of an object: the objectness
    is their difference, whose sigmoid is the softmax of the two.
    """
    shared = parts.layer(layers.Conv2D, channels, 3, padding="same")
    objectness = parts.layer(layers.Conv2D, anchors * logits, 1, kernel_initializer=_start(parts, "scores"))
    deltas = parts.layer(layers.Conv2D, anchors * 4, 1, kernel_initializer=_start(parts, "shifts"))
    hidden = [parts.act(shared(one)) for one in maps]
    said = [objectness(x) for x in hidden]
    if logits == 2:
        said = [ops.subtract(*reversed(ops.split(x, 2, axis=-1))) for x in said]
    return {
        "objectness": _together([layers.Reshape((-1,))(x) for x in said]),
        "deltas": _together([layers.Reshape((-1, 4))(deltas(x)) for x in hidden]),
    }


def verdict(x, outputs: int, parts: Parts) -> dict[str, Any]:
    """Of a region's features `x` (batch, feature) a logit of each class and of none, and a box for each.

    `classes` (batch, 1 + `outputs`), the first that of no object; `deltas` (batch, 1 + `outputs`, 4).
    """
    classes = parts.layer(layers.Dense, outputs + 1, kernel_initializer=_start(parts, "scores"))(x)
    deltas = parts.layer(layers.Dense, (outputs + 1) * 4, kernel_initializer=_start(parts, "boxes"))(x)
    return {"classes": classes, "deltas": layers.Reshape((outputs + 1, 4))(deltas)}


def _together(found: list[Any]):
    return layers.concatenate(found, axis=1) if len(found) > 1 else found[0]


def _start(parts: Parts, what: str) -> keras.Initializer:
    """How the kernel starts that makes scores, shifts of anchors, or boxes of classes."""
    return parts.kernel(what)[f"{what}_initializer"]
