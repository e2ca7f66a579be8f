"""Several classes an example: one yes or no for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.losses.entropy import binary_cross_entropy
from archbench.options import Count
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, TaskMismatch, smoke_inputs
from archbench.tasks.labels import check_class_names, check_examples, check_labels


@task(
    "multi_label",
    source="Tsoumakas, Katakis 2007, Multi-Label Classification: An Overview, IJDWM 3(3)",
    smoke="capsnet_baseline_overlapping",
)
class MultiLabel(Direct):
    """Which classes an example shows, from one logit a class.

    Trained on the sigmoid cross-entropy of every class. Chosen by macro F1, which neither vanishes where many classes
    are asked for, as the share of faultless examples does, nor is high for one who always says no. Where it is known
    that every example shows as many classes, `count` makes the likeliest ones the answer, instead of all above one
    half.
    """

    monitor = "f1"
    maximize = True
    needs = ("present",)

    def __init__(self, card: Card, *, count: Count | None = None) -> None:
        super().__init__(card)
        check_class_names(card, "multi_label")
        check_examples(card, "present", every_class=True)
        if count is not None and not 1 <= count <= self.outputs():
            raise TaskMismatch(
                f"count is {count}, but the data set {card.name!r} has {self.outputs()} classes. Choose 1 to "
                f"{self.outputs()}, or null where examples show different numbers of classes."
            )
        self.count = count

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Two of three classes in each, another one missing in turn."""
        inputs = smoke_inputs(shape, examples, random)
        present = (np.arange(3) != np.arange(examples)[:, None] % 3).astype("uint8")
        return Smoke({**inputs, "present": present}, *inputs, ("a", "b", "c"))

    def outputs(self) -> int:
        """The number of classes."""
        return len(self.card.class_names)

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`present`, uint8 (example, class), 1 or 0; raises `LabelOutOfRange` for anything else."""
        present = np.asarray(split["present"])
        check_labels(self.card, "present", present, 0, 2)
        return {"present": present.astype("uint8")}

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, the mean cross-entropy of a class in nats, and `subset_accuracy`, 1 where all classes are right."""
        present = arrays["present"]
        return {
            "loss": binary_cross_entropy(present, outputs),
            "subset_accuracy": all_right(present, self.decode(outputs)["present"]),
        }

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`present`, uint8 (batch, class)."""
        found = outputs > 0 if self.count is None else among_largest(outputs, self.count)
        return {"present": ops.cast(found, "uint8")}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`f1` (macro), `subset_accuracy` (all classes of an example right) and `label_accuracy` (single answers)."""
        return set_scores(arrays["present"], predictions["present"])


def among_largest(values: Any, count: int) -> Any:
    """Whether each of `values` (batch, class) is one of the `count` largest of its row."""
    _, places = ops.top_k(values, count)
    return ops.sum(ops.one_hot(places, values.shape[-1], dtype="float32"), axis=1) > 0


def all_right(truth: Any, guess: Any) -> Any:
    """1 where the whole row of `guess` (batch, class) is that of `truth`, else 0: float32 (batch,)."""
    same = ops.cast(truth, "int32") == ops.cast(guess, "int32")
    return ops.cast(ops.all(same, axis=-1), "float32")


def set_scores(truth: np.ndarray, guess: np.ndarray) -> dict[str, float]:
    """Macro F1 over the classes that are in `truth` or `guess`, and the accuracies of rows and of entries.

    Both hold 1 or 0, (example, class).
    """
    truth, guess = np.asarray(truth, bool), np.asarray(guess, bool)
    hits, total = (truth & guess).sum(axis=0), truth.sum(axis=0) + guess.sum(axis=0)
    some = total > 0
    return {
        "f1": float(np.mean(2 * hits[some] / total[some])) if some.any() else 0.0,
        "subset_accuracy": float((truth == guess).all(axis=1).mean()),
        "label_accuracy": float((truth == guess).mean()),
    }
