"""Several labels of one example from one trunk: a head for each of them, and labels that may be missing.

The last dense layer of any classification architecture is asked for the logits of all heads together, which is one
linear head a label on the same features; here they are split again. A single-task net is this task with one head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.losses.entropy import binary_cross_entropy, cross_entropy
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Mean, Smoke, TaskMismatch, smoke_inputs
from archbench.tasks.labels import check_class_names, check_examples, check_labels
from archbench.tasks.multi_label import set_scores

UNKNOWN_SET, UNKNOWN_CLASS = 255, -1
"""What stands for a missing label: in a row of `present`, and in place of a class."""
SET = "present"
"""The one label that is a set of classes; every other is one class."""


@dataclass(frozen=True)
class Head:
    """One label: where its logits lie among the network's outputs."""

    name: str
    first: int
    width: int

    @property
    def score(self) -> str:
        """The name of its score."""
        return f"{self.name}_f1" if self.name == SET else f"{self.name}_accuracy"

    def of(self, outputs: Any) -> Any:
        """Its logits (batch, `width`)."""
        return outputs[:, self.first : self.first + self.width]

    def known(self, labels: Any) -> Any:
        """Whether each example has this label, bool (batch,); of arrays and of tensors."""
        return labels[:, 0] != UNKNOWN_SET if self.name == SET else labels != UNKNOWN_CLASS

    @property
    def loss(self) -> str:
        """The name of its loss."""
        return f"{self.name}_loss"

    def nats(self, labels: Any, outputs: Any) -> Any:
        """The cross-entropy (batch,), 0 without a label."""
        has = self.known(labels)
        if self.name == SET:
            nats = binary_cross_entropy(ops.where(has[:, None], labels, 0), self.of(outputs))
        else:
            nats = cross_entropy(ops.where(has, labels, 0), self.of(outputs))
        return nats * ops.cast(has, "float32")

    def answer(self, outputs: Any) -> Any:
        """The decoded logits: uint8 (batch, class) of a set, int32 (batch,) of a class."""
        logits = self.of(outputs)
        return ops.cast(logits > 0, "uint8") if self.name == SET else ops.cast(ops.argmax(logits, axis=-1), "int32")

    def judge(self, labels: np.ndarray, guess: np.ndarray) -> float:
        """Macro F1 of a set, accuracy of a class, over the examples that have the label."""
        has = self.known(labels)
        if self.name == SET:
            return set_scores(labels[has], guess[has])["f1"]
        return float((labels[has] == guess[has]).mean())


@task(
    "multi_task",
    smoke="lenet5",
    source="Caruana 1997, Multitask Learning, Machine Learning 28, hard parameter sharing; masked labels as in "
    "Kendall, Gal, Cipolla 2018, arXiv:1705.07115, applied to whole labels",
)
class MultiTask(Direct):
    """One trunk with a linear head for each of `heads`, trained on the sum of their losses.

    A head is `present`, a set of classes (one sigmoid a class), or an array of class numbers that the data set names
    (one softmax): `label`, `count`, `color`. The loss of a head is its mean over the examples that have the label:
    those of a batch in training, 0 where none has, and those of the whole split in evaluation, so labels may be
    missing. Every head has a score, and `mean_score` is their mean.
    """

    monitor = "mean_score"
    maximize = True
    needs = ("present", "count", "color")

    def __init__(
        self, card: Card, *, heads: Annotated[tuple[str, ...], Field(min_length=1)] = ("present", "count", "color")
    ) -> None:
        self.needs = tuple(heads)
        super().__init__(card)
        if len(set(heads)) < len(heads):
            raise TaskMismatch(f"heads names a label twice: {', '.join(heads)}. Name each once.")
        self.heads: list[Head] = []
        for name in heads:
            self.heads.append(Head(name, self.outputs(), self._classes(name)))
            check_examples(card, name, every_class=name == SET)

    @classmethod
    def labels(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Those of the heads."""
        return tuple(options.get("heads", cls.needs))

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Three kinds, four counts and two colors; every other example lacks its count."""
        inputs, rows = smoke_inputs(shape, examples, random), np.arange(examples)
        labels = {
            "present": (np.arange(3) != rows[:, None] % 3).astype("uint8"),
            "count": np.where(rows % 2, -1, rows % 4).astype("int32"),
            "color": (rows % 2).astype("int32"),
        }
        names = {"count": ["0", "1", "2", "3"], "color": ["red", "blue"]}
        return Smoke({**inputs, **labels}, *inputs, ("a", "b", "c"), names)

    def outputs(self) -> int:
        """The logits of all heads together."""
        return sum(head.width for head in self.heads)

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """The label of every head, with 255 in the rows of `present`, and -1 elsewhere, where it is missing.

        Raises `LabelOutOfRange` for another number, and `TaskMismatch` where no example has the label of a head.
        """
        found = {head.name: np.asarray(split[head.name]) for head in self.heads}
        for head in self.heads:
            labels = found[head.name]
            has = head.known(labels)
            if not has.any():
                raise TaskMismatch(
                    f"In the data set {self.card.name!r} no example of a split has the label {head.name}."
                )
            shown = np.where(has.reshape(-1, *[1] * (labels.ndim - 1)), labels, 0)
            check_labels(self.card, head.name, shown, 0, 2 if head.name == SET else head.width)
        return found

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """A `<head>_loss` each, in nats, 0 without the label, and `loss`, their sum."""
        parts = {head.loss: head.nats(arrays[head.name], outputs) for head in self.heads}
        return {"loss": sum(parts.values()), **parts}

    def means(self, losses: Mapping[str, Any], arrays: Batch, mean: Mean) -> dict[str, Any]:
        """Every head's mean over the examples that have its label, and `loss`, the sum of these."""
        parts = {head.loss: mean(losses[head.loss], head.known(arrays[head.name])) for head in self.heads}
        return {"loss": sum(parts.values()), **parts}

    def coupled(self, arrays: Arrays) -> bool:
        """Where a label is missing: how much the others count depends on how many there are."""
        return not all(head.known(arrays[head.name]).all() for head in self.heads)

    def decode(self, outputs: Any) -> dict[str, Any]:
        """The answer of every head, by its name."""
        return {head.name: head.answer(outputs) for head in self.heads}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`present_f1` (macro), an accuracy for every other head, and `mean_score`."""
        found = {head.score: head.judge(arrays[head.name], predictions[head.name]) for head in self.heads}
        return {**found, "mean_score": float(np.mean(list(found.values())))}

    def _classes(self, name: str) -> int:
        if name in ("present", "label"):
            check_class_names(self.card, "multi_task")
            return len(self.card.class_names)
        if name not in self.card.label_names:
            named = ", ".join(["present", "label", *self.card.label_names])
            raise TaskMismatch(
                f"multi_task cannot have the head {name!r}: the data set {self.card.name!r} does not name its classes. "
                f"Choose among: {named}."
            )
        return len(self.card.label_names[name])
