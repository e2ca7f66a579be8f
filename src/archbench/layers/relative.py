"""Attention that tells how far a key stands before a query, and so can look at what an earlier segment left.

Dai, Yang, Yang, Carbonell, Le, Salakhutdinov 2019, "Transformer-XL", arXiv:1901.02860, section 3.3 and appendix B.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from archbench.layers.attention import Heads, split_heads, waves


@keras.saving.register_keras_serializable("archbench")
class Latest(layers.Layer):
    """What is remembered after a segment: the last of all states that were ever seen, as many as before."""

    def call(self, before, states):
        """`before` (batch, kept, channel) and then `states` (batch, place, channel), to the shape of `before`."""
        kept = before.shape[1]
        return ops.concatenate([before, states], axis=1)[:, -kept:]

    def compute_output_shape(self, before_shape, states_shape):
        """That of what is remembered."""
        return before_shape


@keras.saving.register_keras_serializable("archbench")
class Behind(layers.Layer):
    """Sinusoids of how far each key stands before the last one."""

    def call(self, keys):
        """`keys` (batch, key, channel) to (1, key, channel): of the first, the farthest, to the last, at distance 0."""
        _, count, channels = ops.shape(keys)
        far = ops.cast(count - 1 - ops.arange(count), "float32")
        return ops.cast(waves(far[None], channels), keys.dtype)

    def compute_output_shape(self, keys_shape):
        """(1, key, channel)."""
        return (1, *keys_shape[1:])


@keras.saving.register_keras_serializable("archbench")
class RelativeAttention(Heads):
    """softmax(((q + u) k + (q + v) r) / sqrt(d)) v in each head, where r is of the distance from key to query.

    The last query stands where the last key does, and none sees a key that stands after it.
    """

    def call(self, query, placed, keys, values, far):
        """`query` and `placed` (batch, query, channel) are q + u and q + v: to the shape of `query`.

        `keys` and `values` are (batch, key, channel), and `far` (1, key, channel) of the distances key - 1 to 0.
        """
        queries, placed, keys, values, far = (split_heads(x, self.heads) for x in (query, placed, keys, values, far))
        asking, count, channels = ops.shape(queries)[1], ops.shape(keys)[1], queries.shape[-1]
        by_distance = shifted(ops.einsum("bqhc,khc->bhqk", placed, far[0]))
        by_distance = by_distance / ops.sqrt(ops.cast(channels, by_distance.dtype))
        seen = ops.arange(count) <= (ops.arange(asking) + count - asking)[:, None]
        found = ops.dot_product_attention(queries, keys, values, bias=by_distance, mask=seen[None, None])
        return ops.reshape(found, ops.shape(query))

    def compute_output_shape(self, query_shape, *others):
        """That of the queries."""
        return query_shape


def shifted(scores: Any) -> Any:
    """Scores (batch, head, query, distance), of the farthest to 0, as those of keys (batch, head, query, key).

    Each query but the last is moved left by as many places as it stands before that one: a column is put before the
    first, and all are read in rows that are longer by one. What comes in from the right is of keys that nobody sees.
    """
    _, heads, asking, count = ops.shape(scores)
    wider = ops.pad(scores, ((0, 0), (0, 0), (0, 0), (1, 0)))
    turned = ops.reshape(wider, (-1, heads, count + 1, asking))
    return ops.reshape(turned[:, :, 1:], (-1, heads, asking, count))
