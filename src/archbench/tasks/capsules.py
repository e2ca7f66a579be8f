"""Classes from the lengths of capsules, which must also be able to draw what they saw.

Sabour, Frosst, Hinton 2017, "Dynamic Routing Between Capsules", arXiv:1710.09829, sections 3, 4.1 and 6.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses.margin import margin
from archbench.losses.per_example import sum_per_example
from archbench.options import NonNegative
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Smoke, TaskMismatch
from archbench.tasks.classification import Classification
from archbench.tasks.multi_label import MultiLabel, all_right, among_largest

RECONSTRUCTION_WEIGHT = 0.0005
"""Of the squared error summed over the pixels, beside the margin loss: section 4.1."""
SOURCE = "Sabour, Frosst, Hinton 2017, arXiv:1710.09829"


@task("capsules", source=f"{SOURCE}, sections 3 and 4.1", smoke="capsnet", preprocessing="rescale")
class Capsules(Classification):
    """The class of the longest capsule.

    Reads `length` (batch, class) and `reconstruction` (batch, class, height, width, channel), logits of what the
    capsule of each class alone draws. Trained on the margin loss and on how the capsule of the true class draws the
    input, which preprocessing must have brought into [0, 1] (`rescale`). Chosen and scored by accuracy.
    """

    def __init__(self, card: Card, *, reconstruction_weight: NonNegative = RECONSTRUCTION_WEIGHT) -> None:
        super().__init__(card)
        self.reconstruction_weight = reconstruction_weight

    def compare(self, outputs: Mapping[str, Any], arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`; its parts `margin` and `reconstruction`, a picture's summed squared error; `accuracy`, 1 or 0."""
        label = ops.cast(arrays["label"], "int32")
        length = outputs["length"]
        capsules = margin(ops.one_hot(label, length.shape[-1], dtype="float32"), length)
        error = _squared_error(_drawn(outputs, label[:, None]), inputs[:, None])
        return {
            "loss": capsules + self.reconstruction_weight * error,
            "margin": capsules,
            "reconstruction": error,
            "accuracy": ops.cast(_longest(length) == label, "float32"),
        }

    def inference(self, outputs: Any) -> Any:
        """All of them."""
        return outputs

    def decode(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """`label`, the class of the longest capsule; `confidence`, its length; `image`, what it draws, in [0, 1]."""
        label = _longest(outputs["length"])
        return {
            "label": label,
            "confidence": ops.max(outputs["length"], axis=-1),
            "image": _drawn(outputs, label[:, None])[:, 0],
        }


@task("overlapping_capsules", source=f"{SOURCE}, section 6.1", smoke="capsnet", preprocessing="rescale")
class OverlappingCapsules(MultiLabel):
    """The classes of the longest capsules, where every example shows as many classes.

    Reads what `capsules` reads. The data set's `singles` (example, class shown, height, width, channel) are the
    pictures of each class shown, in the order of the classes; each is what the capsule of its class must draw. Their
    values are rescaled as the input's. No augmentation changes them, so none may change the input.
    """

    needs = ("present", "singles")

    def __init__(self, card: Card, *, reconstruction_weight: NonNegative = RECONSTRUCTION_WEIGHT) -> None:
        super().__init__(card, count=card.arrays["singles"]["shape"][0] if "singles" in card.arrays else None)
        self.reconstruction_weight = reconstruction_weight

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Two of three classes in each, with a picture of either."""
        few = super().smoke(shape, examples, random)
        return replace(few, arrays={**few.arrays, "singles": np.zeros((examples, 2, *shape), "uint8")})

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`present`, uint8 (example, class); `shown`, the classes in it, int32 (example, class shown); `singles`."""
        present = super().arrays(split)["present"]
        wrong = np.flatnonzero(present.sum(axis=1) != self.count)
        if len(wrong):
            raise TaskMismatch(
                f"Example {wrong[0]} of the data set {self.card.name!r} shows {present[wrong[0]].sum()} classes, but "
                f"its singles are of {self.count}. Correct its loader, then prepare it again."
            )
        shown = np.nonzero(present)[1].reshape(-1, self.count).astype("int32")
        return {"present": present, "shown": shown, "singles": np.asarray(split["singles"])}

    def compare(self, outputs: Mapping[str, Any], arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`; its parts `margin` and `reconstruction`, the summed squared error of all singles; accuracy."""
        low = float(np.min(self.card.statistics["minimum"]))
        span = float(np.max(self.card.statistics["maximum"])) - low or 1.0
        singles = (ops.cast(arrays["singles"], "float32") - low) / span
        capsules = margin(arrays["present"], outputs["length"])
        error = _squared_error(_drawn(outputs, ops.cast(arrays["shown"], "int32")), singles)
        return {
            "loss": capsules + self.reconstruction_weight * error,
            "margin": capsules,
            "reconstruction": error,
            "subset_accuracy": all_right(arrays["present"], among_largest(outputs["length"], self.count)),
        }

    def decode(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """`present`, uint8 (batch, class), of the longest capsules; `images`, what each draws, the longest first."""
        _, longest = ops.top_k(outputs["length"], self.count)
        return {
            "present": ops.cast(among_largest(outputs["length"], self.count), "uint8"),
            "images": _drawn(outputs, longest),
        }


def _longest(length: Any) -> Any:
    return ops.cast(ops.argmax(length, axis=-1), "int32")


def _drawn(outputs: Mapping[str, Any], classes: Any) -> Any:
    """What the capsules of `classes` (batch, some) draw, in [0, 1]: (batch, some, height, width, channel)."""
    logits = ops.cast(outputs["reconstruction"], "float32")
    places = ops.reshape(ops.cast(classes, "int32"), (-1, classes.shape[1], *[1] * (len(logits.shape) - 2)))
    return ops.sigmoid(ops.take_along_axis(logits, places, axis=1))


def _squared_error(drawn: Any, pictures: Any) -> Any:
    return sum_per_example(ops.square(drawn - ops.cast(pictures, "float32")))
