"""Noise on what a network reads, in training alone: what a denoising autoencoder has to undo.

Vincent, Larochelle, Lajoie, Bengio, Manzagol 2010, "Stacked Denoising Autoencoders", JMLR 11, section 3.3.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import keras
from keras import layers, ops

from archbench.layers.draws import normal

Noise = Literal["masking", "salt_and_pepper", "gaussian"]


@keras.saving.register_keras_serializable("archbench")
class Corruption(layers.Layer):
    """Spoils values in [0, 1] in training, with fresh noise; else with `noise`; where that is None, not at all.

    `masking` sets a share `amount` of the values of each example to 0; `salt_and_pepper` sets such a share each to 0 or
    to 1, as a fair coin falls; `gaussian` adds normal noise of deviation `amount` to all. The share is held in every
    example, not on average.
    """

    noise: Any = None
    """As what is read, from the standard normal distribution: the values farthest from 0 say which are spoilt, and
    their signs, which are independent of that, how the coin falls."""

    def __init__(self, kind: Noise, amount: float, seed: int | None = None, **options):
        super().__init__(**options)
        self.kind, self.amount, self.seed = kind, amount, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=False):
        """`x` (batch, ...) to the same shape."""
        if training:
            noise = ops.cast(normal(ops.shape(x), self.seed_generator), x.dtype)
        elif self.noise is not None:
            noise = ops.cast(self.noise, x.dtype)
        else:
            return x
        if self.kind == "gaussian":
            return x + self.amount * noise
        spoilt = ops.where(noise > 0, ops.ones_like(x), 0) if self.kind == "salt_and_pepper" else ops.zeros_like(x)
        return ops.where(self._chosen(noise), spoilt, x)

    def _chosen(self, noise):
        """True at the share of each example's places whose noise is farthest from 0."""
        size = math.prod(noise.shape[1:])
        far = ops.reshape(ops.abs(noise), (-1, size))
        kept = size - round(self.amount * size)
        if kept == size:
            return ops.zeros_like(noise, dtype="bool")
        bound = ops.sort(far, axis=-1)[:, kept : kept + 1]
        return ops.reshape(far >= bound, ops.shape(noise))

    def compute_output_shape(self, input_shape):
        """That of what is read."""
        return input_shape

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "kind": self.kind, "amount": self.amount, "seed": self.seed}
