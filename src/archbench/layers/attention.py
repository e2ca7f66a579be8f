"""Attention by scaled dot products in several heads, and what a Transformer tells the places of its tokens by.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, sections 3.2 and 3.5. Queries, keys and values come
projected; a head is a slice of their channels. Where the backend has a fused kernel for all of it, that one runs.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from archbench.datasets.columns import lengths
from archbench.errors import UserError

NOWHERE = -1e9
"""The score of what is not to be looked at."""
LONGEST_WAVE = 10_000
"""Of the sinusoids, over 2 pi, in places."""


def split_heads(x: Any, heads: int) -> Any:
    """`x` (batch, place, channel) to (batch, place, head, channel of the head)."""
    _, places, channels = ops.shape(x)
    return ops.reshape(x, (-1, places, heads, channels // heads))


class TooManyPlaces(UserError):
    """Texts longer than a network has codes of places."""


def waves(places: Any, channels: int) -> Any:
    """Sines and cosines of `places` float32 (batch, place), in turns, as (batch, place, `channels`): section 3.5."""
    ways = (channels + 1) // 2
    wave = ops.exp(ops.arange(ways, dtype="float32") * (-2 * math.log(LONGEST_WAVE) / channels))
    angles = places[..., None] * wave
    pairs = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(pairs, (-1, ops.shape(places)[1], 2 * ways))[..., :channels]


class Heads(layers.Layer):
    """A layer that works in `heads`."""

    def __init__(self, heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.heads = heads

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable("archbench")
class Attention(Heads):
    """softmax(q k / sqrt(d)) v in each head, side by side; with `causal` no query sees a key that stands after it."""

    def __init__(self, heads: int, causal: bool = False, **options: Any) -> None:
        super().__init__(heads, **options)
        self.causal = causal

    def call(self, query, keys, values, known=None):
        """`query` (batch, query, channel), `keys` and `values` (batch, key, channel) to the shape of `query`.

        `known` (batch, key) is false for keys that nobody may look at.
        """
        mask = None if known is None else known[:, None, None]
        if self.causal:
            places = ops.arange(ops.shape(keys)[1])
            before = (places <= places[:, None])[None, None]
            mask = before if mask is None else ops.logical_and(mask, before)
        heads = [split_heads(x, self.heads) for x in (query, keys, values)]
        return ops.reshape(ops.dot_product_attention(*heads, mask=mask), ops.shape(query))

    def compute_output_shape(self, query_shape, *others):
        """That of the queries."""
        return query_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "causal": self.causal}


@keras.saving.register_keras_serializable("archbench")
class Shares(Heads):
    """How much each key counts for a query, the mean over the heads: what `Attention` weighs the values with."""

    def call(self, query, keys, known):
        """`query` (batch, query, channel), `keys` (batch, key, channel), `known` (batch, key): (batch, query, key)."""
        query, keys = split_heads(query, self.heads), split_heads(keys, self.heads)
        scores = ops.einsum("bqhc,bkhc->bhqk", query, keys) / ops.sqrt(ops.cast(query.shape[-1], query.dtype))
        scores = ops.where(known[:, None, None], ops.cast(scores, "float32"), NOWHERE)
        return ops.mean(ops.softmax(scores, axis=-1), axis=1)

    def compute_output_spec(self, query, keys, known):
        """(batch, query, key) in float32."""
        return keras.KerasTensor((query.shape[0], query.shape[1], keys.shape[1]), "float32")


@keras.saving.register_keras_serializable("archbench")
class Remembered(layers.Layer):
    """A new row written into those that were made before it."""

    def call(self, rows, row, place):
        """`rows` (batch, place, channel) with `row` (batch, 1, channel) at `place` (batch,)."""
        here = ops.arange(ops.shape(rows)[1]) == place[:, None]
        return ops.where(here[..., None], ops.cast(row, rows.dtype), rows)

    def compute_output_shape(self, rows_shape, *others):
        """That of the rows."""
        return rows_shape


@keras.saving.register_keras_serializable("archbench")
class UpTo(layers.Layer):
    """Which places of rows are filled."""

    def call(self, rows, place):
        """`rows` (batch, place, channel) and `place` (batch,) to bool (batch, place), true up to that one."""
        return ops.arange(ops.shape(rows)[1]) <= place[:, None]

    def compute_output_spec(self, rows, place):
        """(batch, place)."""
        return keras.KerasTensor(rows.shape[:2], "bool")


@keras.saving.register_keras_serializable("archbench")
class Sinusoids(layers.Layer):
    """Codes of tokens times sqrt(channels), with sines and cosines of their places added: sections 3.4 and 3.5."""

    def call(self, codes, place=None):
        """`codes` (batch, place, channel), the first at `place` (batch,) or at 0, to the same shape."""
        _, count, channels = ops.shape(codes)
        places = ops.cast(ops.arange(count), "float32")[None]
        if place is not None:
            places = places + ops.cast(place, "float32")[:, None]
        told = waves(places, channels)
        return codes * ops.sqrt(ops.cast(channels, codes.dtype)) + ops.cast(told, codes.dtype)

    def compute_output_shape(self, codes_shape, *others):
        """That of the codes."""
        return codes_shape


@keras.saving.register_keras_serializable("archbench")
class Numbered(layers.Layer):
    """The number of each place, from 0: what a table of learnt codes of `most` places is asked with."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.most = most

    def call(self, tokens):
        """`tokens` (batch, place) to int32 of that shape."""
        return ops.broadcast_to(ops.arange(ops.shape(tokens)[1]), ops.shape(tokens))

    def compute_output_spec(self, tokens):
        """That of the tokens."""
        return keras.KerasTensor(tokens.shape, "int32")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "most": self.most}


def most_places(part: keras.Model) -> int | None:
    """How many tokens of a text `part` can read; None where it has no codes of places."""
    return min((layer.most for layer in part._flatten_layers() if isinstance(layer, Numbered)), default=None)


def check_places(column: Any, most: int | None) -> None:
    """Raise `TooManyPlaces` for a text of more than `most` tokens in `column`, rows of any length."""
    counts = lengths(column)
    if most is None or counts is None or (counts <= most).all():
        return
    first = int((counts > most).argmax())
    raise TooManyPlaces(
        f"The text in row {first} is of {counts[first]} tokens, and {int((counts > most).sum())} of {len(counts)} "
        f"texts are of more than {most}, for which this network has codes of places. Set its option `positions` to "
        f"{counts.max()}, or make the texts shorter in the datasets section of params.yaml."
    )
