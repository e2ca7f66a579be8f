"""Losses of examples beside others: pairs of one class are to be near each other, pairs of two are not."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from archbench.layers.draws import uniform

Mining = Literal["random", "hard", "semi_hard"]
FAR = 1e9
"""More than any squared distance on the unit sphere."""


def contrastive(same: Any, distance: Any, margin: float) -> Any:
    """Half the squared distance of a pair of one class; of a pair of two half the square of (margin - distance)+.

    `same` (batch,) is 1 for pairs of one class; the answer is (batch,). Hadsell, Chopra, LeCun 2006, CVPR, equation 4,
    whose Y is 1 - `same`.
    """
    same, distance = ops.cast(same, "float32"), ops.cast(distance, "float32")
    apart = ops.square(ops.relu(margin - distance))
    return (same * ops.square(distance) + (1.0 - same) * apart) / 2.0


def squared_distances(first: Any, second: Any) -> Any:
    """Of every one of `first` (one, length) to every one of `second` (other, length): (one, other)."""
    squares = [ops.sum(ops.square(some), axis=-1) for some in (first, second)]
    products = ops.matmul(first, ops.transpose(second))
    return ops.relu(squares[0][:, None] + squares[1][None] - 2.0 * products)


def triplets(
    label: Any, embedding: Any, margin: float, mining: Mining, seed: keras.random.SeedGenerator | int
) -> tuple[Any, Any, Any]:
    """Triplets of a batch: each example as anchor, with every other of its class and one of another class.

    `label` (batch,), `embedding` (batch, length). A triplet costs (|a - p|^2 - |a - n|^2 + margin)+ and is active
    where that is above 0. Returns, of the triplets of each anchor, the summed cost, how many are active, and how many
    there are: (batch,) each. The other class's example is `random`, the same for all triplets of an anchor; `hard`, the
    nearest; or `semi_hard`, the nearest that is farther than the positive, and where none is the farthest: Schroff,
    Kalenichenko, Philbin 2015, arXiv:1503.03832, equation 3 and section 3.2.
    """
    distances = squared_distances(embedding, embedding)
    same = label[:, None] == label[None]
    place = ops.arange(ops.shape(label)[0])
    positive = ops.logical_and(same, place[:, None] != place[None])
    there = ops.cast(ops.logical_and(positive, ops.any(ops.logical_not(same), axis=1, keepdims=True)), "float32")
    cost = ops.relu(distances - _mined(distances, same, mining, seed) + margin)
    active = ops.cast(cost > 0, "float32") * there
    return ops.sum(cost * there, axis=1), ops.sum(active, axis=1), ops.sum(there, axis=1)


def _mined(distances: Any, same: Any, mining: Mining, seed: Any) -> Any:
    """The distance of an anchor to the negative of its triplet with each other example: (anchor, 1 or positive)."""
    if mining == "random":
        drawn = ops.where(same, -1.0, uniform(ops.shape(distances), seed))
        return ops.take_along_axis(distances, ops.argmax(drawn, axis=1, keepdims=True), axis=1)
    negatives = ops.where(same, FAR, distances)
    if mining == "hard":
        return ops.min(negatives, axis=1, keepdims=True)
    farther = negatives[:, None] > distances[:, :, None]  # (anchor, positive, negative)
    found = ops.min(ops.where(farther, negatives[:, None], FAR), axis=2)
    farthest = ops.max(ops.where(same, 0.0, distances), axis=1, keepdims=True)
    return ops.where(found < FAR, found, farthest)
