"""Layers that lay out maps anew by the shape of what they are given, so that a network reads pictures of any size."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class Cells(layers.Layer):
    """The channels of each cell shared out to its anchors."""

    def __init__(self, anchors: int, **options: Any) -> None:
        super().__init__(**options)
        self.anchors = anchors

    def call(self, x):
        """`x` (batch, row, column, channel) to (batch, row, column, anchor, number)."""
        return ops.reshape(x, (-1, *self.compute_output_shape(x.shape)[1:]))

    def compute_output_shape(self, input_shape):
        """An axis more."""
        *places, channels = input_shape
        return (*places, self.anchors, channels // self.anchors)

    def get_config(self):
        """The anchors of a cell."""
        return {**super().get_config(), "anchors": self.anchors}


@keras.saving.register_keras_serializable("archbench")
class SpaceToDepth(layers.Layer):
    """Squares of two by two pixels moved to channels, in reading order."""

    def call(self, x):
        """`x` (batch, 2h, 2w, channel) to (batch, h, w, 4 * channel)."""
        _, height, width, channels = x.shape
        x = ops.reshape(x, (-1, height // 2, 2, width // 2, 2, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, height // 2, width // 2, 4 * channels))

    def compute_output_shape(self, input_shape):
        """Half the sides."""
        batch, height, width, channels = input_shape
        return (batch, height // 2, width // 2, 4 * channels)

    def window(self):
        """Two pixels a side, and the next two."""
        return ((2, 2), (2, 2))
