"""Dropout whose rate may be tuned without compiling again."""

from __future__ import annotations

import keras
from keras import layers, ops

from archbench.layers.draws import uniform


@keras.saving.register_keras_serializable("archbench")
class Dropout(layers.Layer):
    """Inverted dropout: in training each unit is kept with probability 1 - rate and then divided by it.

    Srivastava et al. 2014, JMLR 15, section 10. With `spatial` a channel is kept or dropped as a whole, at all
    positions of an example (Tompson et al. 2014, arXiv:1411.4280, section 3.2). `rate` is read when the layer is
    called, so a tensor may stand there; Keras's own layer takes a number alone.
    """

    def __init__(self, rate: float, *, spatial: bool = False, **options) -> None:
        super().__init__(**options)
        self.rate, self.spatial = rate, spatial
        self.seed_generator = keras.random.SeedGenerator()
        self.supports_masking = True

    def call(self, x, training=False):
        """`x` (batch, ..., channel) to the same shape."""
        if not training:
            return x
        keep = ops.cast(1.0 - self.rate, "float32")
        # Drawn in float32: half precision has too few numbers between 0 and 1 to meet a rate.
        kept = uniform(self._noise_shape(x), self.seed_generator) < keep
        return ops.where(kept, x / ops.cast(keep, x.dtype), ops.zeros_like(x))

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "rate": self.rate, "spatial": self.spatial}

    def _noise_shape(self, x):
        shape = ops.shape(x)
        return (shape[0], *[1] * (len(shape) - 2), shape[-1]) if self.spatial else shape
