"""Pooling whose windows stick out of the map: into a border, or past the end where sides are rounded up."""

from __future__ import annotations

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class LowestPadding2D(layers.ZeroPadding2D):
    """A border of minus infinity: before max pooling it wins no maximum and gets no gradient.

    Zeros would win wherever a window is negative, as windows are after tanh or of a map that nothing activated yet.
    """

    def call(self, x):
        """`x` (batch, height, width, channel) with the rows and columns of `padding` around it."""
        return ops.pad(x, ((0, 0), *self.padding, (0, 0)), constant_values=float("-inf"))


def max_pool(x, size: int, stride: int, border: int):
    """The maxima of `x` (batch, height, width, channel) in windows of `size` by `size` pixels, `stride` apart.

    The first window begins `border` pixels outside of the map, and a last one that does not fit is left out: the
    pooling of Torch, and so of PyTorch.
    """
    return layers.MaxPooling2D(size, stride)(LowestPadding2D(border)(x))


def max_pool_ceil(x, size: int, stride: int):
    """As `max_pool` without a border, but a last window that does not fit is cut off at the end of the map.

    A side of n pixels becomes ceil((n - size) / stride) + 1: the pooling of cuda-convnet and Caffe.
    """
    past = [(size - side) % stride for side in x.shape[1:-1]]
    if any(past):
        x = LowestPadding2D(tuple((0, pixels) for pixels in past))(x)
    return layers.MaxPooling2D(size, stride)(x)


def average_pool_ceil(x, size: int, stride: int):
    """As `max_pool_ceil`, but the means, and of a window that is cut off the mean of what is in the map.

    `size` is at most one more than `stride`, so that the windows stick out past the end alone.
    """
    return layers.AveragePooling2D(size, stride, padding="same")(x)
