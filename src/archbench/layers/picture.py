"""A picture that is trained itself, by a network that judges it."""

from __future__ import annotations

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class Picture(layers.Layer):
    """A picture which is a weight (height, width, channel): white noise from 0 to 1, until something moves it."""

    def build(self, input_shape):
        """As large as one example of what is read."""
        noise = keras.initializers.RandomUniform(0.0, 1.0)
        self.picture = self.add_weight(shape=input_shape[1:], initializer=noise, name="picture")

    def call(self, x):
        """The picture once for every example of `x` (batch, height, width, channel), of which nothing else counts."""
        return self.picture + ops.zeros_like(x)

    def multiply_adds(self, input_shape, output_shape) -> int:
        """None: nothing is multiplied."""
        return 0
