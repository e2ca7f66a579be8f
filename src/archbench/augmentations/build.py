"""Augmentations as a training loop calls them: of pairs, both pictures change."""

from __future__ import annotations

from typing import Any

import keras

from archbench.augmentations import AUGMENTATIONS
from archbench.augmentations._pictures import Augment, Batch
from archbench.catalogue import Spec
from archbench.datasets.card import Card


def build_augmentation(spec: Spec, card: Card) -> Augment:
    """The augmentation of a spec, for batches of the data set with this card.

    Where a data set holds pairs, `image` and `other`, both change, each as if it were alone. An augmentation that goes
    with some tasks alone is given their batches as they are.
    """
    augment = AUGMENTATIONS.build(spec, card)
    if "other" not in card.arrays or "tasks" in AUGMENTATIONS.resolve(spec)[0].facts:
        return augment
    return of_both(augment)


def of_both(augment: Augment) -> Augment:
    """`augment` for pairs: the second picture, `other`, is changed by a draw of its own, after the first."""

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        changed = augment(batch, seed)
        return {**changed, "other": augment({"image": batch["other"]}, seed)["image"]}

    return apply
