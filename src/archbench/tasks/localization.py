"""Whether a picture shows an object, where, and of which class: one vector, one loss.

Of a picture with an object y = [1, box, class], and of one without y = [0], where nothing else counts:

    loss = nats(p) + p (box_weight |b - box|^2 / 4 + nats(c))

with the binary cross-entropy of presence p, the squared error of the four sides, and the cross-entropy of the class c.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses.entropy import binary_cross_entropy, cross_entropy
from archbench.losses.regression import mse
from archbench.metrics.coco import overlap
from archbench.metrics.confusion import accuracy
from archbench.options import NonNegative
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke
from archbench.tasks.labels import check_class_names
from archbench.tasks.objects import first_and_worst, main_object, picture_size, smoke_boxes

BOX = slice(1, 5)
"""Where the box stands among the outputs: presence comes before it, the classes follow."""


@task(
    "localization",
    source='Ng, "Convolutional Neural Networks" (Coursera), week 3, "Object Localization", and the losses it names; '
    "Sermanet et al. 2013, arXiv:1312.6229, section 4",
    smoke="localization",
)
class Localization(Direct):
    """The box and the class of the object of a picture, the largest where it has several, and whether it has one.

    Outputs are a logit of presence, the box's sides as shares of the picture, and a logit a class. Chosen and scored by
    the mean IoU of the box, over the pictures that show an object; beside it `class_accuracy` over these, and
    `presence_accuracy` over all. Differs from the course: a box is its sides (top, left, bottom, right) in place of its
    centre and its lengths, and `box_weight` times their mean squared error counts.
    """

    monitor = "mean_iou"
    maximize = True
    needs = ("boxes", "box_label")

    def __init__(self, card: Card, *, box_weight: NonNegative = 1.0) -> None:
        super().__init__(card)
        check_class_names(card, "localization")
        self.size = np.array(picture_size(card) * 2, "float32")
        self.box_weight = box_weight

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """One or two boxes in every picture but the last."""
        made = smoke_boxes(shape, examples, random)
        made.arrays["box_label"][-1] = -1
        made.arrays["boxes"][-1] = 0
        return made

    def outputs(self) -> int:
        """One for presence, four for the box, and one a class."""
        return BOX.stop + len(self.card.class_names)

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`boxes` float32 (example, 1, 4) in pixels, and `box_label` int32 (example, 1), -1 where there is no object.

        Raises `LabelOutOfRange`, and `NoBoxes` where no example has one.
        """
        return main_object(self.card, split)

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss` and its terms as they are added: `presence_loss` and `class_loss` in nats, and `box_loss`."""
        label = arrays["box_label"][:, 0]
        present = ops.cast(label >= 0, "float32")
        terms = {
            "presence_loss": binary_cross_entropy(present[:, None], outputs[:, :1]),
            "box_loss": present * self.box_weight * mse(arrays["boxes"][:, 0] / self.size, outputs[:, BOX]),
            "class_loss": present * cross_entropy(ops.maximum(label, 0), outputs[:, BOX.stop :]),
        }
        return {"loss": sum(terms.values()), **terms}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`presence` (batch,), a probability; `boxes` (batch, 4) in pixels, inside the picture; `label` (batch,)."""
        return {
            "presence": ops.sigmoid(outputs[:, 0]),
            "boxes": ops.clip(outputs[:, BOX], 0.0, 1.0) * self.size,
            "label": ops.cast(ops.argmax(outputs[:, BOX.stop :], axis=-1), "int32"),
        }

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """The first, and those that are furthest off."""
        return first_and_worst(self.kept(arrays, predictions)["mistakes"], most)

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """`mistakes` (example,): 1 less the IoU of the box; 1 where an object is missed, or one is made up."""
        there, seen = np.asarray(arrays["box_label"])[:, 0] >= 0, predictions["presence"] > 0.5
        return {"mistakes": np.where(there & seen, 1 - _shares(arrays, predictions), there != seen)}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`mean_iou`, `presence_accuracy` and `class_accuracy`; a box turned inside out overlaps nothing."""
        label = np.asarray(arrays["box_label"])[:, 0]
        there = label >= 0
        return {
            "mean_iou": float(_shares(arrays, predictions)[there].mean()),
            "presence_accuracy": accuracy(there, predictions["presence"] > 0.5),
            "class_accuracy": accuracy(label[there], predictions["label"][there]),
        }


def _shares(arrays: Arrays, predictions: Arrays) -> np.ndarray:
    """The IoU of the box of each example with the true one, (example,); 0 where there is no object."""
    return overlap(predictions["boxes"].astype("float64"), np.asarray(arrays["boxes"])[:, 0])
