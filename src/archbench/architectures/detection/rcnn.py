"""R-CNN: AlexNet on warped regions, then a linear SVM a class and the regression of its boxes.

Girshick, Donahue, Darrell, Malik, "Rich feature hierarchies for accurate object detection and semantic segmentation",
2013, arXiv:1311.2524. A chain of trainings: a classifier of pictures, whose weights `rcnn` starts from and learns to
tell regions; then `rcnn_svm`, which starts from that one and is fitted at once (`hard_negatives`). Differs from the
paper: warped regions have what `layers.warp` reads of a picture, bilinear and without its antialiasing.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from archbench.architectures import architecture
from archbench.architectures.detection.hard_negatives import mine
from archbench.architectures.vision.alexnet import LAST_MAP, PAPER, trunk
from archbench.catalogue import WrongOption
from archbench.layers.fitted import Fitted
from archbench.options import Positive, Side, Width
from archbench.parts import Parts

Five = tuple[Width, Width, Width, Width, Width]
FACTS = {
    "minimum": 1,
    "paper_input": (375, 500, 3),
    "paper_outputs": 20,
    "swaps": ("activation", "normalization", "initializer", "regularizer", "dropout"),
    "smoke": {"side": 20, "widths": (8, 8, 12, 12, 8), "dense_width": 16, "stem": (5, 1)},
    "smoke_input": (32, 32, 3),
}


def fit(parts: Mapping[str, keras.Model], arrays: Mapping[str, np.ndarray], seed: int) -> None:
    """Let the SVMs and the boxes learn from the pictures `image`, their `proposals`, `boxes` and `box_label`."""
    mine(parts, arrays["image"], arrays["proposals"], arrays["boxes"], arrays["box_label"], seed)


@architecture("rcnn", source="Girshick et al. 2013, arXiv:1311.2524", task="proposal_classification", **FACTS)
def rcnn(
    image,
    outputs: int,
    *,
    side: Side = 227,
    widths: Five = (96, 256, 384, 384, 256),
    dense_width: Width = 4096,
    groups: Width = 2,
    stem: tuple[Side, Side] = (11, 4),
    parts: Parts = PAPER,
) -> dict[str, keras.Model]:
    """Two networks: `features` of a warped region, and the `classes` that it is fine-tuned with.

    `features`: a square (batch, `side`, `side`, channel) to the last `map` (batch, row, column, channel) of AlexNet and
    to the `features` (batch, feature) before its outputs.
    `classes`: features to logits (batch, 1 + `outputs`), the first that of no object.

    The pictures of `image` are of any size; the other options are those of `alexnet`.
    """
    features = _features(image, side, widths, dense_width, groups, stem, parts)
    given = keras.Input(features.output["features"].shape[1:])
    return {"features": features, "classes": keras.Model(given, parts.dense(given, outputs + 1), name="classes")}


@architecture("rcnn_svm", source="Girshick et al. 2013, arXiv:1311.2524", task="proposal_svm", fit=fit, **FACTS)
def rcnn_svm(
    image,
    outputs: int,
    *,
    side: Side = 227,
    widths: Five = (96, 256, 384, 384, 256),
    dense_width: Width = 4096,
    groups: Width = 2,
    stem: tuple[Side, Side] = (11, 4),
    cost: Positive = 1e-3,
    ridge: Positive = 1000.0,
    parts: Parts = PAPER,
) -> dict[str, keras.Model]:
    """Three networks: the `features` of `rcnn`, and on them `svms` and `boxes`, which are fitted at once.

    `svms`: features to the signed distance from the margin of each class (batch, `outputs`).
    `boxes`: the last map to what moves the region to an object of each class (batch, `outputs`, 4).

    `cost` is the C of the SVMs, `ridge` the lambda of the regression.
    """
    features = _features(image, side, widths, dense_width, groups, stem, parts)
    given, last = (keras.Input(features.output[name].shape[1:]) for name in ("features", "map"))
    deltas = Fitted(outputs * 4, ridge, name="regression")(layers.Flatten()(last))
    return {
        "features": features,
        "svms": keras.Model(given, Fitted(outputs, cost, name="svms")(given), name="svms"),
        "boxes": keras.Model(last, layers.Reshape((outputs, 4))(deltas), name="boxes"),
    }


def _features(image, side: int, widths: Five, dense_width: int, groups: int, stem, parts: Parts) -> keras.Model:
    least = stem[0] + (LAST_MAP - 1) * stem[1]
    if side < least:
        raise WrongOption(f"R-CNN's side is {side}. A stem of {list(stem)} needs regions of at least {least} pixels.")
    region = keras.Input((side, side, image.shape[-1]))
    last, features = trunk(region, widths, dense_width, groups, stem, parts)
    return keras.Model(region, {"map": last, "features": features}, name="features")
