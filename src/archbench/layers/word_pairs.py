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
KINDS = 1009
"""Of numbers that `even_numbers` begins with."""


def packed(tokens: Any, kept: Any, room: int) -> tuple[Any, Any]:
    """The `tokens` (batch, step) that are `kept`, one after the other, and the row of each: both (`room`,).

    After them padding stands, in a row after all others. Those that the room does not hold are left out.
    """
    batch, steps = tokens.shape
    kept, tokens = ops.reshape(kept, (-1,)), ops.reshape(tokens, (-1,))
    place = ops.cumsum(ops.cast(kept, "int32")) - 1
    place = ops.where(ops.logical_and(kept, place < room), place, room)

    def moved(values: Any) -> Any:
        return ops.segment_sum(values, place, num_segments=room + 1)[:room]

    row = batch - moved(ops.repeat(batch - ops.arange(batch), steps))
    return moved(tokens), row


def around(values: Any, window: int, padding: int = PADDING) -> Any:
    """What stands up to `window` places before and after each of `values` (place,): (place, 2 `window`).

    The farthest before comes first, and where there is none, `padding` stands.
    """
    count = values.shape[0]
    wide = ops.pad(values, ((window, window),), constant_values=padding)
    places = (place for place in range(2 * window + 1) if place != window)
    return ops.stack([wide[place : place + count] for place in places], axis=1)


def distances(window: int) -> np.ndarray:
    """How far each of what `around` gives is: (2 `window`,)."""
    return np.abs([place for place in range(-window, window + 1) if place])


def drawn(cumulated: np.ndarray, uniform: Any) -> Any:
    """Words drawn by numbers of any shape, `uniform` in [0, 1): `cumulated` (word,) are shares added up to 1.

    By a guide table (Chen & Asau 1974), which says for each of as many equal parts of [0, 1) as there are words between
    which words its numbers fall, and bisection between these. XLA makes of TensorFlow's `searchsorted` a table of every
    number beside every word.
    """
    last = len(cumulated) - 1
    parts = 1 << last.bit_length()  # a power of two, by which no number is rounded
    first = np.searchsorted(cumulated, np.arange(parts + 1, dtype="float32") / parts, side="right")
    first = np.minimum(first, last).astype("int32")
    steps = int(np.diff(first).max()).bit_length()
    shares, first = ops.convert_to_tensor(cumulated), ops.convert_to_tensor(first)
    part = ops.cast(uniform * parts, "int32")
    low, high = ops.take(first, part), ops.take(first, part + 1)
    for _ in range(steps):
        middle = (low + high) // 2
        above = ops.logical_and(ops.take(shares, middle) <= uniform, low < high)
        low, high = ops.where(above, middle + 1, low), ops.where(above, high, middle)
    return low


def even_numbers(words: Any, others: Any, count: int) -> Any:
    """Numbers in [0, 1), (place, other, `count`), that look random, and hang on `words` and `others` alone.

    `words` (place,), and those around each, `others` (place, other).
    """
    places = others.shape[1] * count
    spread = (np.arange(1, places + 1) * GOLDEN % 1).astype("float32")
    start = ops.cast((31 * words + ops.sum(others, axis=1)) % KINDS, "float32") / KINDS
    return ops.reshape((ops.expand_dims(start, 1) + spread) % 1.0, (-1, others.shape[1], count))
