"""Vectors of words: which words are near to which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from archbench.datasets.tokens import SPECIAL
from archbench.tasks.base import TaskMismatch

NEIGHBORS = 5


def check_tables(parts: Mapping[str, keras.Model], *names: str) -> int:
    """The width of the vectors of a network with these parts, each from words to vectors; raises `TaskMismatch`."""
    found = [getattr(parts[name].output, "shape", ()) if name in parts else () for name in names]
    if any(len(shape) != 3 for shape in found) or len({shape[-1] for shape in found}) != 1:
        raise TaskMismatch(
            f"Vectors of words need a network with the parts {' and '.join(names)}, each from words to vectors of one "
            f'width, and this one has {", ".join(parts)}. Choose another: "archbench list architectures".'
        )
    return found[0][-1]


def neighbors(table: Any, words: Any) -> dict[str, Any]:
    """Of words (batch, step): `vector` (batch, step, width), `neighbor` int32 and `likeness` (batch, step, neighbor).

    `table` (word, width) has the vectors of all words. The nearest by their cosine come first, without the word itself
    and without special tokens.
    """
    length = ops.sqrt(ops.sum(ops.square(table), axis=-1, keepdims=True))
    even = table / ops.maximum(length, 1e-9)
    likeness = ops.matmul(ops.take(even, words, axis=0), ops.transpose(even))
    every = ops.arange(ops.shape(table)[0])
    hidden = (every < len(SPECIAL)) | (every == ops.expand_dims(words, -1))
    most, which = ops.top_k(ops.where(hidden, -2.0, likeness), NEIGHBORS)
    return {"vector": ops.take(table, words, axis=0), "neighbor": ops.cast(which, "int32"), "likeness": most}
