"""Examples and labels blended: a label becomes how much of each class an example is."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy import special

from archbench.augmentations import augmentation
from archbench.augmentations._pictures import Augment, Batch, WrongChange, per_example
from archbench.datasets.card import Card
from archbench.losses.class_targets import smoothed
from archbench.options import Fraction, Positive

QUANTILES = 4096
"""A share is drawn as one of so many equally likely values: a compiled program cannot draw from a beta distribution."""


@augmentation("mixup", source="Zhang et al. 2017, arXiv:1710.09412", smoke={}, tasks=("classification",))
def mixup(card: Card, *, alpha: Positive = 0.2) -> Augment:
    """Blend an example with another of its batch: share x_i + (1 - share) x_j, the labels likewise.

    The share is drawn for each example from the beta distribution with both parameters `alpha`, j from a random
    permutation of the batch. Inputs become float32, `label` (batch,) distributions (batch, class). Raises
    `WrongChange` for data without classes, and for whole numbers that are no pictures, which cannot be blended. Differs
    from the paper: it blends before preprocessing, which is the same, since every preprocessing here is affine.
    """
    classes = _classes(card, "mixup")
    if card.input != "image" and np.issubdtype(np.dtype(card.arrays[card.input]["dtype"]), np.integer):
        raise WrongChange(
            f"The augmentation 'mixup' blends numbers, and the {card.input} of {card.name!r} holds symbols. Take "
            "'mixup' out of the benchmark's augmentation in params.yaml."
        )
    shares = special.betaincinv(alpha, alpha, (np.arange(QUANTILES) + 0.5) / QUANTILES).astype("float32")

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["label"])[0]
        partner = ops.argsort(keras.random.uniform((count,), seed=seed))
        share = ops.take(ops.convert_to_tensor(shares), keras.random.randint((count,), 0, QUANTILES, seed=seed))
        return blended({**batch, "label": distributions(batch["label"], classes)}, card.input, partner, share)

    return apply


@augmentation(
    "label_smoothing", source="Szegedy et al. 2015, section 7, arXiv:1512.00567", smoke={}, tasks=("classification",)
)
def label_smoothing(card: Card, *, epsilon: Fraction = 0.1) -> Augment:
    """Make a label (1 - `epsilon`) of its class and `epsilon` of all in equal parts, in training alone.

    `label` (batch,) becomes distributions (batch, class). Losses of validation and test are of the labels as they
    are. Raises `WrongChange` for data without classes.
    """
    classes = _classes(card, "label_smoothing")

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        return {**batch, "label": smoothed(distributions(batch["label"], classes), epsilon)}

    return apply


def blended(batch: Batch, name: str, partner: Any, share: Any) -> dict[str, Any]:
    """`batch` with `share` (batch,) of each example's array `name` and `label`, and the rest of its `partner`'s."""
    mixed = dict(batch)
    for key in (name, "label"):
        values = ops.cast(batch[key], "float32")
        weight = per_example(share, values)
        mixed[key] = weight * values + (1 - weight) * ops.take(values, partner, axis=0)
    return mixed


def distributions(label: Any, classes: int) -> Any:
    """`label`, integers (batch,) or already distributions (batch, class), as float32 distributions."""
    return ops.cast(label, "float32") if len(label.shape) > 1 else ops.one_hot(label, classes, dtype="float32")


def _classes(card: Card, name: str) -> int:
    if "label" not in card.arrays or not card.class_names:
        raise WrongChange(
            f"The augmentation {name!r} changes the labels of classes, and the data set {card.name!r} has none. Take "
            f"{name!r} out of the benchmark's augmentation in params.yaml."
        )
    return len(card.class_names)
