"""Where the key points of an object lie.

With points y of an object, as shares of the picture, the loss is the mean squared error of their coordinates, over the
pictures that show an object. An error is told in percent of the object's size, the root of the area of its box, as
average precision of key points has it: a pixel is much of a small object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses.regression import mse
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke
from archbench.tasks.objects import first_and_worst, main_object, picture_size, smoke_boxes


@task(
    "landmarks",
    source="Toshev, Szegedy 2013, arXiv:1312.4659, equations 2 and 4; the object's size as in COCO's OKS",
    smoke="landmarks",
)
class Landmarks(Direct):
    """The key points of the object of a picture, the largest where it has several.

    Outputs are y and x of every point as shares of the picture. Chosen and scored by `median_error`: the median over
    pictures of the mean distance of an object's points from the truth, in percent of its size; beside it `mean_error`.
    Pictures without an object count nowhere.
    """

    monitor = "median_error"
    maximize = False
    needs = ("landmarks", "boxes", "box_label")

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self.size = np.array(picture_size(card), "float32")
        self.points = card.arrays["landmarks"]["shape"][1]

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Two points of every box, its first corner and its centre, and a picture without an object, the last."""
        made = smoke_boxes(shape, examples, random)
        boxes, label = made.arrays["boxes"], made.arrays["box_label"]
        boxes[-1], label[-1] = 0, -1
        corner = boxes[..., :2]
        points = np.stack([corner, (corner + boxes[..., 2:]) / 2], axis=2)
        return replace(made, arrays={**made.arrays, "landmarks": points})

    def outputs(self) -> int:
        """Two a point."""
        return 2 * self.points

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`landmarks` float32 (example, 1, point, [y, x]) in pixels, with `boxes` and `box_label` of its object.

        Raises `LabelOutOfRange`, and `NoBoxes` where no example has one.
        """
        return main_object(self.card, split, "landmarks")

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, the mean squared error in shares of the picture; `weight` is 1 with an object and 0 without."""
        truth = ops.reshape(arrays["landmarks"][:, 0] / self.size, (-1, self.outputs()))
        return {"loss": mse(truth, outputs), "weight": ops.cast(arrays["box_label"][:, 0] >= 0, "float32")}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`landmarks` (batch, point, [y, x]) in pixels; they may lie outside the picture."""
        return {"landmarks": ops.reshape(outputs, (-1, self.points, 2)) * self.size}

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """The first, and those that are furthest off."""
        return first_and_worst(self.kept(arrays, predictions)["mistakes"], most)

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """`mistakes` (example,): the mean error of the points, in percent of the object's size; 0 without an object."""
        there = np.asarray(arrays["box_label"])[:, 0] >= 0
        mistakes = np.zeros(len(there))
        mistakes[there] = _errors(arrays, predictions, there)
        return {"mistakes": mistakes}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`median_error` and `mean_error`, in percent of the object's size."""
        errors = _errors(arrays, predictions, np.asarray(arrays["box_label"])[:, 0] >= 0)
        return {"median_error": float(np.median(errors)), "mean_error": float(errors.mean())}


def _errors(arrays: Arrays, predictions: Arrays, there: np.ndarray) -> np.ndarray:
    """Of the examples `there`, the mean distance of the points from the truth, in percent of the object's size."""
    boxes = np.asarray(arrays["boxes"], "float64")[there, 0]
    size = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    apart = predictions["landmarks"][there] - np.asarray(arrays["landmarks"], "float64")[there, 0]
    return 100 * np.linalg.norm(apart, axis=-1).mean(axis=1) / size
