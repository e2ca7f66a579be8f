"""Verification by pairs: a Siamese network says whether two examples are of one class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import keras
from keras import ops

from archbench.datasets.card import Card
from archbench.errors import listed
from archbench.losses.entropy import binary_cross_entropy
from archbench.losses.pairs import contrastive
from archbench.options import Positive
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, TaskMismatch
from archbench.tasks.pairs import Pairs, euclidean

PARTS = {"logistic": {"embedding", "head"}, "contrastive": {"embedding"}}
"""Loss -> the parts that a network must have, all of which it trains."""


@task(
    "verification",
    smoke="siamese",
    source="Koch, Zemel, Salakhutdinov 2015, ICML deep learning workshop; Hadsell, Chopra, LeCun 2006, CVPR",
)
class Verification(Pairs):
    """Whether two examples are of one class, learnt from pairs.

    By the `logistic` loss a part `head` reads both embeddings, and its logit says that they are of one class; the
    distance is the negative of that. By the `contrastive` loss there is no head: the distance is Euclidean, and pairs
    of two classes are pushed apart to the `margin`. To learn, the `given` pairs are compared, as in the papers; or with
    `batch` every first example of a batch with every second one, whose embeddings are there already: pairs of one class
    then count together as much as pairs of two.
    """

    def __init__(
        self,
        card: Card,
        *,
        by: Literal["logistic", "contrastive"] = "logistic",
        margin: Positive = 1.0,
        compare: Literal["given", "batch"] = "given",
    ) -> None:
        super().__init__(card)
        self.by, self.margin, self.compare = by, margin, compare

    def outputs(self) -> int:
        """One logit a pair."""
        return 1

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Raises `TaskMismatch` where the network has other parts than those that the loss trains."""
        wanted = PARTS[self.by]
        if set(parts) != wanted:
            raise TaskMismatch(
                f"verification by the {self.by} loss needs a network of the parts {listed(sorted(wanted))}, but this "
                f"one has: {listed(parts)}. Choose the architecture siamese, with a difference for the logistic loss "
                "and with difference: null for the contrastive one."
            )

    def coupled(self, arrays: Arrays) -> bool:
        """Where every first example is compared with every second one."""
        return self.compare == "batch"

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`: the cross-entropy of a pair in nats or the contrastive loss, or what its first example adds to it."""
        first, second = self.embed(net, batch)
        if self.compare == "given" or not net.training:
            return {"loss": self._cost(batch["same"], self._apart(net, first, second))}
        count = ops.shape(first)[0]
        row, column = ops.repeat(ops.arange(count), count), ops.tile(ops.arange(count), (count,))
        same = ops.cast(ops.take(batch["label"], row) == ops.take(batch["other_label"], column), "float32")
        apart = self._apart(net, ops.take(first, row, axis=0), ops.take(second, column, axis=0))
        weight = same / ops.maximum(ops.sum(same), 1.0) + (1.0 - same) / ops.maximum(ops.sum(1.0 - same), 1.0)
        cost = ops.reshape(self._cost(same, apart) * weight, (count, count))
        return {"loss": ops.cast(count, "float32") / 2.0 * ops.sum(cost, axis=1)}

    def distance(self, net: Net, batch: Batch) -> Any:
        """The Euclidean distance, or minus the logit of being of one class: (batch,)."""
        return self._apart(net, *self.embed(net, batch))

    def _apart(self, net: Net, first: Any, second: Any) -> Any:
        """The distance of embeddings (pair, length): (pair,)."""
        if self.by == "contrastive":
            return euclidean(first, second)
        return -ops.squeeze(net(first, second, part="head"), axis=-1)

    def _cost(self, same: Any, apart: Any) -> Any:
        """Of each pair, whose `apart` is its distance: (pair,)."""
        if self.by == "logistic":
            return binary_cross_entropy(same, -apart)
        return contrastive(same, apart, self.margin)
