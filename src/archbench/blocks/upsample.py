"""Bilinear interpolation as a transposed convolution, which may be learnt from there on.

Long, Shelhamer, Darrell 2014, arXiv:1411.4038, section 3.3.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from archbench.parts import Parts


@keras.saving.register_keras_serializable("archbench")
class BilinearKernel(keras.initializers.Initializer):
    """A kernel (height, width, unit, input) of a transposed convolution that interpolates every channel by itself.

    A window of k pixels whose stride is f = (k + 1) // 2 weighs the pixel at a distance d from its middle with
    1 - |d| / f. What leads from one channel to another is 0.
    """

    def __call__(self, shape, dtype=None):
        """The kernel of `shape`."""
        rows, columns = (_triangle(side) for side in shape[:2])
        return ops.cast(np.outer(rows, columns)[:, :, None, None] * np.eye(*shape[2:]), dtype or "float32")


def upsample(x, factor: int, parts: Parts | None = None):
    """`x` (batch, height, width, channel) enlarged `factor` times, and by half as much on every side of what it shows.

    (batch, `factor` (height + 1), `factor` (width + 1), channel): outside of the map there are zeros. With `parts` the
    interpolation is where learning starts; without it stays as it is.
    """
    channels, window = x.shape[-1], 2 * factor
    options: dict[str, Any] = {"use_bias": False, "kernel_initializer": BilinearKernel()}
    if parts is not None:
        return parts.layer(layers.Conv2DTranspose, channels, window, factor, **options)(x)
    return layers.Conv2DTranspose(channels, window, factor, trainable=False, **options)(x)


def _triangle(side: int) -> np.ndarray:
    return 1 - np.abs(np.arange(side) - (side - 1) / 2) / ((side + 1) // 2)
