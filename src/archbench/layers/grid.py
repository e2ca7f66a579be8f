"""The coding of YOLO v1: boxes within the cells of a grid, without anchors.

Redmon, Divvala, Girshick, Farhadi 2015, arXiv:1506.02640, section 2; as the authors' detection_layer.c has it, a
network says the square roots of a box's width and height.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

NUMBERS = 5
"""x, y, the roots of width and height, and the confidence of a box, before the classes of its cell."""


def decode_grid(numbers: Any, grid: tuple[int, int]) -> Any:
    """Boxes that numbers stand for, in cells, each against the corner of its own cell.

    `numbers` (..., [x, y, root of width, root of height, ...]): the centre in cells from the corner, and roots of the
    sides' shares of the picture; `grid` is (rows, columns). The answer is (..., [top, left, bottom, right]).
    """
    rows, columns = grid
    x, y = numbers[..., 0], numbers[..., 1]
    width, height = ops.square(numbers[..., 2]) * columns, ops.square(numbers[..., 3]) * rows
    return ops.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], axis=-1)


def corners(grid: tuple[int, int]) -> np.ndarray:
    """The corner of each cell, twice, to move boxes by: float32 (row, column, [top, left, bottom, right])."""
    return np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij") * 2, axis=-1).astype("float32")
