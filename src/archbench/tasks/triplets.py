"""An embedding learnt from triplets, which are made in the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from archbench.datasets.card import Card
from archbench.errors import listed
from archbench.losses import pairs
from archbench.losses.pairs import Mining
from archbench.options import Positive, Width
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, TaskMismatch
from archbench.tasks.pairs import Pairs, euclidean


@task("triplets", smoke="triplet", source="Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832, section 3")
class Triplets(Pairs):
    """Embeddings of `length` numbers in which examples of one class are nearer than others, by a `margin`.

    A batch of pairs is a batch of twice as many examples with their labels. Each is the anchor of a triplet with every
    other of its class, and with an example of another class that `mining` chooses: at random, the nearest (hard), or
    the nearest that is farther than the positive (semi-hard). `loss` is the mean over all triplets, `active` the share
    of them that cost anything, and so teach anything. A split that is evaluated has pairs alone: its loss is the
    contrastive one.
    """

    def __init__(
        self, card: Card, *, mining: Mining = "semi_hard", margin: Positive = 0.2, length: Width = 128
    ) -> None:
        super().__init__(card)
        self.mining, self.margin, self.length = mining, margin, length

    def outputs(self) -> int:
        """The length of an embedding."""
        return self.length

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Raises `TaskMismatch` where the network is more than an embedding."""
        if set(parts) != {"embedding"}:
            raise TaskMismatch(
                f"triplets needs a network of the part embedding alone, but this one has: {listed(parts)}. Choose the "
                "architecture triplet."
            )

    def coupled(self, arrays: Arrays) -> bool:
        """Always: a triplet is of three examples."""
        return True

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """In training `loss` and `active` with the triplets of each pair's examples as `weight`; else `loss` alone."""
        first, second = self.embed(net, batch)
        if not net.training:
            return {"loss": pairs.contrastive(batch["same"], euclidean(first, second), self.margin)}
        label = ops.concatenate([batch["label"], batch["other_label"]])
        told = pairs.triplets(label, ops.concatenate([first, second]), self.margin, self.mining, seed)
        cost, active, count = (ops.sum(ops.reshape(some, (2, -1)), axis=0) for some in told)
        each = ops.maximum(count, 1.0)
        return {"loss": cost / each, "active": active / each, "weight": count}
