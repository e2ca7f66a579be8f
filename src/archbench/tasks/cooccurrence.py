"""How often words stand near each other: what GloVe's vectors are learnt by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.datasets.tokens import SPECIAL, vocabulary
from archbench.options import Positive
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task
from archbench.tasks.neighbors import check_tables, neighbors


@task(
    "cooccurrence",
    source="Pennington, Socher, Manning 2014, GloVe: Global Vectors for Word Representation, equations 8 and 9",
    preprocessing="none",
    smoke="glove",
)
class Cooccurrence(Task):
    """The logarithm of how often two `words` stand near each other, which is `times`.

    A pair costs f(X) (w v + b + c - log X)^2, with f(X) = (X / `x_max`)^`alpha`, at most 1; w and b are of the part
    `input`, v and c of the part `output`. A word's vector is the sum of its two. Trained on and chosen by the mean over
    all pairs; `mse` is that without f.
    """

    monitor = "loss"
    maximize = False
    needs = ("words", "times")
    predict_every = 0

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Pairs of five words."""
        symbols = vocabulary("abcde")
        words = random.integers(len(SPECIAL), len(symbols), (examples, *shape)).astype(np.int32)
        times = np.exp(random.normal(1, 2, examples)).astype(np.float32)
        return Smoke({"words": words, "times": times}, "words", vocabulary=symbols)

    def __init__(self, card: Card, *, x_max: Positive = 100.0, alpha: Positive = 0.75) -> None:
        super().__init__(card)
        self.x_max, self.alpha = x_max, alpha

    def reads(self) -> dict[str, keras.InputSpec]:
        """`words`, tokens in rows of any length."""
        return {"words": keras.InputSpec(shape=(None, None), dtype="int32")}

    def outputs(self) -> int:
        """How many tokens the vocabulary has."""
        return len(self.card.vocabulary)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """See that there are two tables."""
        self.swells = max(1.0, check_tables(parts, "input", "output") / 16)

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, and `mse`, what it would be if every pair counted alike."""
        first, second = net(batch["words"][:, :1], part="input"), net(batch["words"][:, 1:], part="output")
        product = ops.sum(first[..., :-1] * second[..., :-1], axis=(1, 2))
        times = ops.cast(batch["times"], "float32")
        square = ops.square(product + first[:, 0, -1] + second[:, 0, -1] - ops.log(times))
        share = ops.minimum(1.0, ops.power(times / self.x_max, self.alpha))
        return {"loss": share * square, "mse": square}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """The `square` of how far off each pair is."""
        return {"square": self.losses(net, batch, seed)["mse"]}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """The `vector` of each of the two words, and its nearest `neighbor`s with their `likeness`."""
        return neighbors(self.vectors(net), batch["words"])

    def vectors(self, net: Net) -> Any:
        """Those of all words, (word, width): the sums of both parts, without their biases."""
        every = ops.expand_dims(ops.arange(self.outputs()), 0)
        return (net(every, part="input") + net(every, part="output"))[0, :, :-1]

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """Of the losses alone."""
        return {}
