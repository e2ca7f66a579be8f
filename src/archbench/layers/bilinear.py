"""Bilinear interpolation of maps to another size, by where their cells stand."""

from __future__ import annotations

from fractions import Fraction

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class Bilinear(layers.Layer):
    """Maps (batch, height, width, channel) interpolated to `height` by `width` cells.

    With a `step` cell i of a map stands at place i * `step` of what is made: so it is after convolutions and poolings
    whose border is alike on both sides, and for sides of n * `step` + 1 it is the interpolation of "aligned corners".
    Past the last cell it is repeated. Without one the cells share the sides among them, and each stands in the middle
    of its share: what PyTorch calls corners that are not aligned.
    """

    def __init__(self, height: int, width: int, step: float | None = None, **options) -> None:
        super().__init__(**options)
        self.height, self.width, self.step = height, width, step

    def build(self, input_shape):
        """The weight of every cell in every row and column that is made."""
        self.cells = tuple(input_shape[1:3])
        self.rows = _weights(self.cells[0], self.height, self.step)
        self.columns = _weights(self.cells[1], self.width, self.step)

    def call(self, x):
        """`x` between its cells."""
        rows, columns = (ops.convert_to_tensor(one, x.dtype) for one in (self.rows, self.columns))
        return ops.einsum("xc,bycd->byxd", columns, ops.einsum("yr,brcd->bycd", rows, x))

    def window(self) -> list[tuple[int, Fraction]]:
        """The two cells of each axis that a place lies between, and how far apart two places are."""
        pairs = zip(self.cells, (self.height, self.width), strict=True)
        return [(min(2, cells), Fraction(cells, made)) for cells, made in pairs]

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "height": self.height, "width": self.width, "step": self.step}


def _weights(cells: int, made: int, step: float | None) -> np.ndarray:
    """(made, cells), float32: how much of each cell is in each place, of which two neighbors share 1."""
    places = np.arange(made)
    at = (places + 0.5) * cells / made - 0.5 if step is None else places / step
    distance = np.abs(np.clip(at, 0, cells - 1)[:, None] - np.arange(cells))
    return np.maximum(0.0, 1.0 - distance).astype("float32")
