"""Words with those around them, for whole batches of text at once: sub-sampling, windows, and words drawn at random.

Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality", arXiv:1310.4546.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from archbench.datasets.tokens import PADDING

GOLDEN = (5**0.5 - 1) / 2
"""Its multiples, modulo 1, are spread more evenly over [0, 1) than random numbers."""


def packed(tokens: Any, kept: Any) -> Any:
    """The `tokens` (batch, step) that are `kept`, moved up to each other, and padding after them."""
    steps = ops.shape(tokens)[1]
    places = ops.arange(steps)
    order = ops.argsort(ops.where(kept, places, places + steps), axis=1)
    count = ops.sum(ops.cast(kept, "int32"), axis=1, keepdims=True)
    return ops.where(places < count, ops.take_along_axis(tokens, order, axis=1), PADDING)


def around(words: Any, window: int) -> Any:
    """The words up to `window` places before and after each of `words` (batch, step): (batch, step, 2 `window`).

    The farthest before comes first, and where there is none, padding stands.
    """
    steps = ops.shape(words)[1]
    wide = ops.pad(words, ((0, 0), (window, window)), constant_values=PADDING)
    places = (place for place in range(2 * window + 1) if place != window)
    return ops.stack([wide[:, place : place + steps] for place in places], axis=2)


def distances(window: int) -> np.ndarray:
    """How far each of the words of `around` is: (2 `window`,)."""
    return np.abs([place for place in range(-window, window + 1) if place])


def drawn(cumulated: Any, uniform: Any) -> Any:
    """Words drawn by numbers of any shape, `uniform` in [0, 1): `cumulated` (word,) are shares added up to 1."""
    flat = ops.searchsorted(cumulated, ops.reshape(uniform, (-1,)), side="right")
    return ops.reshape(ops.minimum(flat, ops.shape(cumulated)[0] - 1), ops.shape(uniform))


def even_numbers(tokens: Any, shape: tuple[int, ...]) -> Any:
    """Numbers in [0, 1), (batch, *`shape`), that look random and hang on the row of `tokens` (batch, step) alone."""
    count = int(np.prod(shape))
    spread = (np.arange(1, count + 1) * GOLDEN % 1).astype("float32")
    start = ops.cast(ops.sum(tokens, axis=1, keepdims=True) % 1009, "float32") / 1009
    return ops.reshape((start + spread) % 1.0, (-1, *shape))
