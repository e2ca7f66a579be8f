"""The layer of SPP-net: as many numbers of a map of any size, maxima in the bins of several grids.

He, Zhang, Ren, Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", 2014,
arXiv:1406.4729, section 2.2 and the appendix on pooling bins.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class SpatialPyramidPooling2D(layers.Layer):
    """A map (batch, height, width, channel) to (batch, bins * channel), the bins of grids of `sides` one by one.

    Bin (i, j) of n by n has the rows from floor(i height / n) to ceil((i + 1) height / n), and such columns: where n
    does not divide a side, neighbours share a row.
    """

    def __init__(self, sides: Sequence[int], **options) -> None:
        super().__init__(**options)
        self.sides = tuple(sides)

    def call(self, x):
        """The maxima of each bin, over grids, rows, columns and channels."""
        return ops.concatenate([self._grid(x, side) for side in self.sides], axis=1)

    def _grid(self, x, side: int):
        rows = [ops.max(x[:, first:last], axis=1) for first, last in spans(x.shape[1], side)]
        bins = [ops.max(row[:, first:last], axis=1) for row in rows for first, last in spans(x.shape[2], side)]
        return ops.concatenate(bins, axis=-1)

    def compute_output_shape(self, shape):
        """(batch, bins * channel)."""
        return shape[0], sum(side * side for side in self.sides) * shape[-1]

    def get_config(self):
        """The layer's own arguments, and those of every layer."""
        return {**super().get_config(), "sides": self.sides}


def spans(cells: int, bins: int) -> list[tuple[int, int]]:
    """Where each of `bins` begins among `cells`, and the cell after its last."""
    return [(place * cells // bins, -(-(place + 1) * cells // bins)) for place in range(bins)]
