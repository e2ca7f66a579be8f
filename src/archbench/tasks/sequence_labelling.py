"""One class a step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.metrics.confusion import accuracy
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, TaskMismatch, smoke_inputs
from archbench.tasks.labels import check_class_names, check_labels

UNASKED = -1
"""The label of a step at which nothing is asked, or where a sequence has ended."""


@task("sequence_labelling", source="Graves 2012, Supervised Sequence Labelling, section 2.3", smoke="birnn")
class SequenceLabelling(Direct):
    """The class of each step of a sequence, from one logit a class; steps with the label -1 ask for none.

    Trained on softmax cross-entropy averaged over the steps that ask, and chosen by `step_accuracy`, the share of them
    that are right; `whole_accuracy` is the share of sequences in which all are.
    """

    monitor = "step_accuracy"
    maximize = True
    needs = ("labels",)

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        check_class_names(card, "sequence labelling")

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """A class of three a step, but for the first, which asks for none."""
        inputs = smoke_inputs(shape, examples, random)
        labels = random.integers(0, 3, (examples, shape[0]), dtype=np.int32)
        labels[:, 0] = UNASKED
        return Smoke({**inputs, "labels": labels}, *inputs, ("a", "b", "c"))

    def outputs(self) -> int:
        """The number of classes."""
        return len(self.card.class_names)

    def learn(self, training: Arrays, parts: Mapping[str, Any]) -> None:
        """Check that the network answers at every step."""
        shape = tuple(parts["network"].output.shape)
        if len(shape) != 3:
            raise TaskMismatch(
                f"Sequence labelling needs an answer at every step (batch, step, class), but the network gives {shape}."
                ' Set every_step: true in its options, or choose another: "archbench list architectures".'
            )

    def arrays(self, split: Arrays) -> dict[str, Any]:
        """`labels`, (example, step); raises `LabelOutOfRange`."""
        check_labels(self.card, "labels", np.asarray(split["labels"]), UNASKED, self.outputs())
        return {"labels": split["labels"]}

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, the mean cross-entropy of an asked step in nats, and how many they are as `weight`."""
        asked = arrays["labels"] != UNASKED
        labels = ops.where(asked, arrays["labels"], 0)
        known = ops.cast(asked, "float32")
        nats = ops.sparse_categorical_crossentropy(labels, outputs, from_logits=True)
        count = ops.sum(known, axis=1)
        return {"loss": ops.sum(nats * known, axis=1) / ops.maximum(count, 1.0), "weight": count}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`labels` int32 (batch, step), the likeliest class of every step."""
        return {"labels": ops.cast(ops.argmax(outputs, axis=-1), "int32")}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`step_accuracy` and `whole_accuracy`."""
        true, said = np.asarray(arrays["labels"]), predictions["labels"]
        asked = true != UNASKED
        right = ((true == said) | ~asked).all(axis=1)
        return {
            "step_accuracy": accuracy(true[asked], said[asked]),
            "whole_accuracy": float(np.mean(right[asked.any(axis=1)])),
        }
