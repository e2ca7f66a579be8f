"""One of two classes an example, from a single output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses.entropy import binary_cross_entropy
from archbench.metrics.confusion import accuracy, f1
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, TaskMismatch, smoke_inputs
from archbench.tasks.labels import check_examples, check_labels, wrong_and_right


@task(
    "binary", source="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.2", smoke="logistic_regression"
)
class Binary(Direct):
    """Which of two classes an example has, from the logit of the second.

    Trained on sigmoid cross-entropy, chosen and scored by accuracy; macro F1 stands beside it.
    """

    monitor = "accuracy"
    maximize = True
    needs = ("label",)

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        if len(card.class_names) != 2:
            raise TaskMismatch(
                f"The data set {card.name!r} has {len(card.class_names)} classes, but binary decides between 2. "
                "Choose the task classification, or multi_label where an example shows several classes."
            )
        check_examples(card, "label", every_class=True)

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Two classes in turn."""
        inputs = smoke_inputs(shape, examples, random)
        return Smoke({**inputs, "label": np.arange(examples, dtype="int32") % 2}, *inputs, ("no", "yes"))

    def outputs(self) -> int:
        """One."""
        return 1

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`label`, int32 (example,), 0 or 1; raises `LabelOutOfRange`."""
        label = np.asarray(split["label"], "int32")
        check_labels(self.card, "label", label, 0, 2)
        return {"label": label}

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, the cross-entropy in nats, and `accuracy`, 1 or 0; `outputs` are logits (batch, 1)."""
        label = ops.cast(arrays["label"], "int32")
        right = self.decode(outputs)["label"] == label
        return {
            "loss": binary_cross_entropy(label[:, None], outputs),
            "accuracy": ops.cast(right, "float32"),
        }

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`label`, the likelier class, and `confidence`, its probability."""
        probability = ops.sigmoid(ops.cast(outputs[:, 0], "float32"))
        return {
            "label": ops.cast(outputs[:, 0] > 0, "int32"),
            "confidence": ops.maximum(probability, 1.0 - probability),
        }

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """Up to half of them wrong ones."""
        return wrong_and_right(self.mistakes(arrays, predictions), most)

    def mistakes(self, arrays: Arrays, predictions: Arrays) -> np.ndarray:
        """Whether the other class is the likelier one."""
        return arrays["label"] != predictions["label"]

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`accuracy` and `f1` (macro)."""
        pair = arrays["label"], predictions["label"]
        return {"accuracy": accuracy(*pair), "f1": f1(*pair)}
