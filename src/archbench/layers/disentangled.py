"""Attention in which what a token says and where it stands are looked at apart.

He, Liu, Gao, Chen 2020, "DeBERTa", arXiv:2006.03654, section 3.1, equations 2 to 4. Differs from equation 4, as its
authors' code does: position-to-content looks up the distance from query to key, as content-to-position does.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from archbench.layers.attention import Heads, split_heads


@keras.saving.register_keras_serializable("archbench")
class Distances(layers.Layer):
    """The numbers 0 to `count` - 1, which a table of learnt codes of distances is asked with."""

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(**options)
        self.count = count

    def call(self, x):
        """Whatever `x` is, int32 (1, `count`)."""
        return ops.arange(self.count)[None]

    def compute_output_spec(self, x):
        """(1, `count`)."""
        return keras.KerasTensor((1, self.count), "int32")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("archbench")
class DisentangledAttention(Heads):
    """softmax((q k + q r_k + k r_q) / sqrt(3 d)) v in each head, where r_k and r_q are of the distance from q to k."""

    def call(self, query, keys, values, distance_keys, distance_queries, known):
        """`query`, `keys` and `values` (batch, place, channel) to the shape of `query`.

        `distance_keys` and `distance_queries` (1, 2 reach, channel) are of the distances -reach to reach - 1; those
        that are farther count as the farthest. `known` (batch, place) is false for what nobody may look at.
        """
        queries, keys, values, told, asked = (
            split_heads(x, self.heads) for x in (query, keys, values, distance_keys, distance_queries)
        )
        places, reach = ops.shape(queries)[1], told.shape[1] // 2
        distance = ops.arange(places)[:, None] - ops.arange(places)
        distance = ops.clip(distance + reach, 0, 2 * reach - 1)
        shape = (ops.shape(queries)[0], self.heads, places, places)
        to_places = ops.einsum("bqhc,rhc->bhqr", queries, told[0])
        forth = ops.take_along_axis(to_places, ops.broadcast_to(distance, shape), axis=-1)
        from_places = ops.einsum("bkhc,rhc->bhkr", keys, asked[0])
        back = ops.take_along_axis(from_places, ops.broadcast_to(ops.transpose(distance), shape), axis=-1)
        scale = (3 * queries.shape[-1]) ** -0.5
        by_distance = scale * (forth + ops.swapaxes(back, -1, -2))
        mask = known[:, None, None]
        found = ops.dot_product_attention(queries, keys, values, bias=by_distance, mask=mask, scale=scale)
        return ops.reshape(found, ops.shape(query))

    def compute_output_shape(self, query_shape, *others):
        """That of the queries."""
        return query_shape
