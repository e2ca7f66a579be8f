"""Anchor shapes from data: k-means under 1 - IoU. Redmon & Farhadi 2016, section 2, arXiv:1612.08242."""

from __future__ import annotations

import numpy as np

ROUNDS = 300
"""Bound on the k-means rounds; a few thousand boxes settle in a few dozen."""


def fit_anchors(sides: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` typical shapes of `sides` (box, [width, height]): float32 (count, [width, height]), by area.

    Starts from k-means++ (Arthur & Vassilvitskii 2007) with the distance 1 - IoU, then alternates assignment
    to the best overlapping centre and the mean of each cluster. The same `seed` gives the same anchors.
    `sides` holds at least one box and all of them are larger than zero; fewer different boxes than `count`
    give equal anchors.
    """
    centres = _spread(sides, count, np.random.default_rng(seed))
    assigned = None
    for _ in range(ROUNDS):
        nearest = np.argmax(_overlap(sides, centres), axis=1)
        if assigned is not None and np.array_equal(nearest, assigned):
            break
        assigned = nearest
        for cluster in np.unique(assigned):  # a cluster without boxes keeps its centre
            centres[cluster] = sides[assigned == cluster].mean(axis=0)
    return centres[np.argsort(centres.prod(axis=1), kind="stable")].astype("float32")


def _spread(sides: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    chosen = [sides[random.integers(len(sides))]]
    while len(chosen) < count:
        distance = 1 - _overlap(sides, np.stack(chosen)).max(axis=1)
        total = distance.sum()
        weights = distance / total if total > 0 else None
        chosen.append(sides[random.choice(len(sides), p=weights)])
    return np.stack(chosen).astype("float64")


def _overlap(sides: np.ndarray, centres: np.ndarray) -> np.ndarray:
    shared = np.minimum(sides[:, None, :], centres[None]).prod(axis=-1)
    return shared / (sides.prod(axis=-1)[:, None] + centres.prod(axis=-1) - shared)
