"""What all tasks of pairs share: two examples are embedded alike, and their distance says if they are of a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.metrics.verification import equal_error_rate, n_way_accuracy, verification_accuracy
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch

FOLDS = 2
"""Of smoke data."""


class Pairs(Task):
    """Whether two examples are of one class, by an embedding of each.

    Part `embedding` of a network reads one example. Scored by `distance`, the smaller the more alike: the accuracy of
    verification, each fold by the threshold that is best on the others, and the equal error rate over the pairs that
    have a fold; the share of n-way tasks that are solved over the pairs that are in a trial. Chosen by verification.
    """

    monitor = "verification_accuracy"
    maximize = True
    needs = ("other", "same", "label", "other_label", "fold", "trial")

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        shapes = [tuple(card.arrays[name]["shape"]) for name in (card.input, "other")]
        if shapes[0] != shapes[1]:
            raise TaskMismatch(
                f"{type(self).__name__.lower()} needs both examples of a pair of one shape, and those of the data set "
                f"{card.name!r} are {shapes[0]} and {shapes[1]}. Choose pairs of another data set."
            )

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Pairs of pictures of three kinds of brightness; the second half of them in trials of two."""
        label = np.arange(examples) % 3
        other = np.where(np.arange(examples) % 2 == 0, label, (label + 1) % 3)
        half = np.arange(examples) < examples // 2
        return Smoke(
            {
                "image": _pictures(label, shape, random),
                "other": _pictures(other, shape, random),
                "same": (label == other).astype("uint8"),
                "label": label.astype("int32"),
                "other_label": other.astype("int32"),
                "fold": np.where(half, np.arange(examples) // 2 % FOLDS, -1).astype("int32"),
                "trial": np.where(half, -1, np.arange(examples) // 2).astype("int32"),
            },
            "image",
        )

    def reads(self) -> dict[str, keras.InputSpec]:
        """Both examples."""
        spec = keras.InputSpec(shape=(None, *self.card.input_shape), dtype="float32")
        return {self.card.input: spec, "other": spec}

    def scaled(self) -> tuple[str, ...]:
        """Both alike."""
        return self.card.input, "other"

    def calls(self) -> dict[str, float]:
        """Two embeddings."""
        return {"embedding": 2}

    def embed(self, net: Net, batch: Batch) -> tuple[Any, Any]:
        """The embeddings (batch, length) of both examples."""
        return net(batch[self.card.input], part="embedding"), net(batch["other"], part="embedding")

    def distance(self, net: Net, batch: Batch) -> Any:
        """The Euclidean distance of both examples: (batch,)."""
        first, second = self.embed(net, batch)
        return euclidean(first, second)

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`distance` (batch,), the smaller the more alike."""
        return {"distance": self.distance(net, batch)}

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """The first pairs that are no trials."""
        return np.flatnonzero(arrays["fold"] >= 0)[:most]

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`verification_accuracy` and `equal_error_rate`, and `n_way_accuracy` where there are trials."""
        same, distance = arrays["same"], predictions["distance"]
        paired, tried = arrays["fold"] >= 0, arrays["trial"] >= 0
        found = {
            "verification_accuracy": verification_accuracy(same[paired], distance[paired], arrays["fold"][paired]),
            "equal_error_rate": equal_error_rate(same[paired], distance[paired]),
        }
        if tried.any():
            found["n_way_accuracy"] = n_way_accuracy(same[tried], distance[tried], arrays["trial"][tried])
        return found


def euclidean(first: Any, second: Any) -> Any:
    """The distance of vectors (batch, length): (batch,), with a slope of 0 where both are the same."""
    squared = ops.sum(ops.square(first - second), axis=-1)
    return ops.where(squared > 0, ops.sqrt(ops.where(squared > 0, squared, 1.0)), 0.0)


def _pictures(label: np.ndarray, shape: Sequence[int], random: np.random.Generator) -> np.ndarray:
    bright = random.integers(0, 60, (len(label), *shape))
    return (bright + 80 * label.reshape(-1, *[1] * len(shape))).clip(0, 255).astype("uint8")
