"""One class an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses import LOSSES
from archbench.losses.class_targets import class_shares
from archbench.metrics.confusion import accuracy, f1, precision, recall
from archbench.metrics.ranking import share_among
from archbench.options import NonNegative
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, smoke_inputs
from archbench.tasks.class_loss import ScoreLoss
from archbench.tasks.labels import check_class_names, check_examples, check_labels, wrong_and_right

FEW_CLASSES = 10
"""Up to so many classes the best five of them say little."""


@task(
    "classification",
    source="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",
    smoke="softmax_regression",
)
class Classification(Direct):
    """The class of an example, from one logit a class.

    Trained on softmax cross-entropy, or on another `loss` of class scores from the catalogue; chosen and scored by
    accuracy, with macro F1, precision and recall beside it, and above 10 classes how often the true class is among
    the likeliest 5.

    A network may answer with `{"logits", "auxiliary_...", ...}`, each (batch, class): the loss of each auxiliary head
    is added `auxiliary_weight` times (Szegedy et al. 2014, arXiv:1409.4842, section 5), and the logits alone predict.
    """

    monitor = "accuracy"
    maximize = True
    needs = ("label",)

    def __init__(
        self,
        card: Card,
        *,
        loss: ScoreLoss = "cross_entropy",
        auxiliary_weight: NonNegative = 0.3,
    ) -> None:
        super().__init__(card)
        check_class_names(card, "classification")
        check_examples(card, "label", every_class=True)
        self.loss, self.loss_options = LOSSES.resolve(loss)
        self.auxiliary_weight = auxiliary_weight

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Three classes in turn."""
        inputs = smoke_inputs(shape, examples, random)
        return Smoke({**inputs, "label": np.arange(examples, dtype="int32") % 3}, *inputs, ("a", "b", "c"))

    def outputs(self) -> int:
        """The number of classes."""
        return len(self.card.class_names)

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`label`, int32 (example,); raises `LabelOutOfRange`."""
        label = np.asarray(split["label"], "int32")
        check_labels(self.card, "label", label, 0, self.outputs())
        return {"label": label}

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, by default the cross-entropy in nats, and `accuracy`; `outputs` are logits (batch, class).

        `label` holds integers (batch,), or distributions (batch, class) where an augmentation mixes or smooths them;
        `accuracy` is then the share of the label that the likeliest class has, and 1 or 0 otherwise. With auxiliary
        heads there is `auxiliary_loss`, the sum of theirs before it is weighted and added to `loss`.
        """
        logits = self.inference(outputs)
        label, shares = arrays["label"], class_shares(arrays["label"], logits)
        found = {
            "loss": self.loss(label, logits, **self.loss_options),
            "accuracy": ops.take_along_axis(shares, _winner(logits)[:, None], axis=-1)[:, 0],
        }
        heads = _auxiliary(outputs)
        if heads:
            found["auxiliary_loss"] = sum(self.loss(label, head, **self.loss_options) for head in heads)
            found["loss"] = found["loss"] + self.auxiliary_weight * found["auxiliary_loss"]
        return found

    def inference(self, outputs: Any) -> Any:
        """The logits (batch, class), without the heads that only help to train."""
        return outputs["logits"] if isinstance(outputs, Mapping) else outputs

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`label`, the likeliest class, and `confidence`, its softmax; above 10 classes `top_5`, the likeliest five.

        The softmax is a probability only where the loss is the cross-entropy.
        """
        scores = ops.cast(self.inference(outputs), "float32")
        found = {"label": _winner(scores), "confidence": ops.max(ops.softmax(scores, axis=-1), axis=-1)}
        if self.outputs() > FEW_CLASSES:
            found["top_5"] = ops.cast(ops.top_k(scores, k=5)[1], "int32")
        return found

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """Up to half of them wrong ones."""
        return wrong_and_right(self.mistakes(arrays, predictions), most)

    def mistakes(self, arrays: Arrays, predictions: Arrays) -> np.ndarray:
        """Whether another class is the likeliest."""
        return arrays["label"] != predictions["label"]

    def probabilities(self, outputs: Any) -> Any:
        """The softmax of the logits: true probabilities only where the loss is the cross-entropy."""
        return ops.softmax(ops.cast(self.inference(outputs), "float32"), axis=-1)

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`accuracy`, macro `f1`, `precision` and `recall`, and `top_5` where there are more than 10 classes."""
        pair = arrays["label"], predictions["label"]
        found = {"accuracy": accuracy(*pair), "f1": f1(*pair), "precision": precision(*pair), "recall": recall(*pair)}
        if "top_5" in predictions:
            found["top_5"] = share_among(arrays["label"], predictions["top_5"])
        return found


def _winner(logits: Any) -> Any:
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def _auxiliary(outputs: Any) -> list[Any]:
    """The logits of the auxiliary heads; none where the network has none."""
    if not isinstance(outputs, Mapping):
        return []
    return [outputs[name] for name in sorted(outputs) if name.startswith("auxiliary_")]
