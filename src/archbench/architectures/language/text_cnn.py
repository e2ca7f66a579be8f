"""A convolutional network that reads sentences.

Kim, "Convolutional Neural Networks for Sentence Classification", 2014, arXiv:1408.5882, section 2, the variant
CNN-rand: vectors of words are learnt with the rest. Differs from the paper: the weights of the last layer are not
scaled back to a norm of 3.
"""

from __future__ import annotations

from typing import Annotated

from keras import layers, ops
from pydantic import Field

from archbench.architectures import architecture
from archbench.datasets.tokens import PADDING
from archbench.options import Count, Width
from archbench.parts import Parts

PAPER = Parts(initializer="xavier_uniform", dropout=0.5)
Sizes = Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Field(min_length=1, max_length=16)]


@architecture(
    "text_cnn",
    source="Kim 2014, arXiv:1408.5882",
    task="classification",
    minimum=1,
    paper_input=(53,),
    paper_outputs=2,
    swaps=("activation", "initializer", "regularizer", "dropout"),
    smoke={"vocabulary": 12, "embedding": 5, "maps": 3, "sizes": (2, 3)},
    smoke_input=(7,),
)
def text_cnn(
    tokens,
    outputs: int,
    *,
    vocabulary: Count = 18_765,
    embedding: Width = 300,
    maps: Width = 100,
    sizes: Sizes = (3, 4, 5),
    parts: Parts = PAPER,
):
    """Each of `maps` filters a size looks at so many words at a time, and the most that it finds anywhere counts.

    `tokens` (batch, place), 0 where a text has ended, to logits (batch, `outputs`). `sizes` are how many words filters
    look at: windows begin before the first word and end after the last. `vocabulary` is the number of tokens, which
    training knows of the data set.
    """
    known = tokens != PADDING
    count = ops.sum(ops.cast(known, "int32"), axis=1, keepdims=True)
    codes = parts.layer(layers.Embedding, vocabulary, embedding)(tokens)
    codes = codes * ops.expand_dims(ops.cast(known, codes.dtype), -1)
    found = [_most(_windows(parts, codes, maps, size), count + size - 1) for size in sizes]
    return parts.dense(parts.drop(ops.concatenate(found, axis=-1)), outputs)


def _windows(parts, codes, maps, size):
    """What the filters of a size find at each place: (batch, place + `size` - 1, map)."""
    wide = layers.ZeroPadding1D(size - 1)(codes)
    return parts.act(parts.layer(layers.Conv1D, maps, size)(wide))


def _most(found, count):
    """The largest of the first `count` places: the others see no word."""
    places = ops.cumsum(ops.ones_like(found[:, :, :1], dtype="int32"), axis=1)
    seen = places <= ops.expand_dims(count, -1)
    return ops.max(ops.where(seen, found, ops.cast(-1e9, found.dtype)), axis=1)
