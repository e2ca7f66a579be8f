"""One class an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses.entropy import cross_entropy
from archbench.metrics.confusion import accuracy, f1
from archbench.tasks import task
from archbench.tasks.base import Arrays, Task
from archbench.tasks.labels import check_class_names, check_labels


@task("classification", source="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4")
class Classification(Task):
    """The class of an example, from one logit a class.

    Trained on softmax cross-entropy, chosen and scored by accuracy; macro F1 stands beside it.
    """

    monitor = "accuracy"
    maximize = True
    needs = ("label",)

    def __init__(self, card: Card, *, label_smoothing: float = 0.0) -> None:
        super().__init__(card)
        check_class_names(card, "classification")
        self.label_smoothing = label_smoothing

    def outputs(self) -> int:
        """The number of classes."""
        return len(self.card.class_names)

    def targets(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """`label`, int32 (example,); raises `LabelOutOfRange`."""
        label = np.asarray(arrays["label"], "int32")
        check_labels(self.card, "label", label, 0, self.outputs())
        return {"label": label}

    def losses(self, outputs: Any, targets: Mapping[str, Any], inputs: Any) -> dict[str, Any]:
        """`loss`, the cross-entropy in nats, and `accuracy`, 1 or 0; `outputs` are logits (batch, class)."""
        label = ops.cast(targets["label"], "int32")
        return {
            "loss": cross_entropy(label, outputs, label_smoothing=self.label_smoothing),
            "accuracy": ops.cast(_winner(outputs) == label, "float32"),
        }

    def predict(self, outputs: Any) -> dict[str, Any]:
        """`label`, the likeliest class, and `confidence`, its probability."""
        probabilities = ops.softmax(ops.cast(outputs, "float32"), axis=-1)
        return {"label": _winner(outputs), "confidence": ops.max(probabilities, axis=-1)}

    def scores(self, targets: Arrays, predictions: Arrays) -> dict[str, float]:
        """`accuracy` and `f1` (macro)."""
        pair = targets["label"], predictions["label"]
        return {"accuracy": accuracy(*pair), "f1": f1(*pair)}


def _winner(logits: Any) -> Any:
    return ops.cast(ops.argmax(logits, axis=-1), "int32")
