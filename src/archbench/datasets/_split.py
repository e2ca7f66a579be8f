"""Deterministic, stratified, disjoint splits."""

from __future__ import annotations

import numpy as np

from archbench.errors import UserError

VALIDATION = 0.15
"""Share of the training part that chooses the best epoch, where params.yaml says nothing else."""
TEST = 0.15
"""Share that is tested once, for data sets without an official test part."""


class EmptySplit(UserError):
    """Fractions that leave a split without examples."""


def split(count: int, fractions: dict[str, float], seed: int, label: np.ndarray | None = None) -> dict:
    """Divide `count` examples: `train` gets what `fractions` (split -> share) leaves.

    Returns split -> int64 indices in shuffled order. With `label` (count,) every class is divided in
    the same proportions, to within one example; a split's size does not depend on the labels.
    """
    sizes = {name: round(count * share) for name, share in fractions.items()}
    sizes = {"train": count - sum(sizes.values()), **sizes}
    if min(sizes.values()) < 1:
        raise EmptySplit(
            f"{count} examples with {', '.join(f'{name} {share:g}' for name, share in fractions.items())} would be "
            f"divided into {', '.join(f'{name} {size}' for name, size in sizes.items())}: every split needs at "
            "least one example. Choose smaller fractions, or more examples, in the datasets section of params.yaml."
        )
    generator = np.random.default_rng(seed)
    order = generator.permutation(count)
    if label is not None:
        order = spread(order, label[order])
    # Every stretch of a spread order holds the classes in proportion, so consecutive cuts are stratified.
    cuts = np.split(order, np.cumsum(list(sizes.values()))[:-1])
    return {name: generator.permutation(cut) for name, cut in zip(sizes, cuts, strict=True)}


def spread(order: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Reorder so that the k-th of a class of n stands at the relative position (k + 1/2) / n."""
    position = np.empty(len(label))
    for kind in np.unique(label):
        members = np.flatnonzero(label == kind)
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(position, kind="stable")]
