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
    of two classes are pushed apart to the `margin`.
    """

    def __init__(
        self, card: Card, *, by: Literal["logistic", "contrastive"] = "logistic", margin: Positive = 1.0
    ) -> None:
        super().__init__(card)
        self.by, self.margin = by, margin

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

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`: the cross-entropy of a pair in nats, or the contrastive loss."""
        distance = self.distance(net, batch)
        if self.by == "logistic":
            return {"loss": binary_cross_entropy(batch["same"], -distance)}
        return {"loss": contrastive(batch["same"], distance, self.margin)}

    def distance(self, net: Net, batch: Batch) -> Any:
        """The Euclidean distance, or minus the logit of being of one class: (batch,)."""
        first, second = self.embed(net, batch)
        if self.by == "contrastive":
            return euclidean(first, second)
        return -ops.squeeze(net(first, second, part="head"), axis=-1)
