"""A bias by itself."""

from __future__ import annotations

import keras
from keras import layers


@keras.saving.register_keras_serializable("archbench")
class Bias(layers.Layer):
    """x + b, with a number for each place of the last axis, which starts at 0."""

    def build(self, input_shape):
        """The bias (feature,)."""
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        """`x` (batch, ..., feature), shifted."""
        return x + self.bias
