"""Arithmetic of boxes, (..., [top, left, bottom, right]), and the coding of YOLO v2.

Coordinates are continuous: the pixel in row i covers [i, i + 1), so a box around rows 2 to 4 has top 2,
bottom 5 and height 3. Coding: Redmon & Farhadi 2016, section 2, "Direct location prediction",
arXiv:1612.08242.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

LARGEST_STRETCH = 8.0
"""Bound on the exponent of a decoded side: e^8 = 2981 anchors, beyond any picture, and no overflow."""
SMALLEST_SIDE = 1e-6
"""Cells; only the logarithm of a padding row of zeros needs it."""


class Code(NamedTuple):
    """Where boxes belong in a grid with anchors, and what a network should say there."""

    index: Any
    """int32 (batch, box): position in the flattened (row, column, anchor)."""
    place: Any
    """(batch, box, [x, y]): centre within its cell, in [0, 1]: what sigmoid(tx, ty) should be."""
    stretch: Any
    """(batch, box, [x, y]): log(side / anchor side): what (tw, th) should be."""


def area(boxes: Any) -> Any:
    """Areas (...) of `boxes` (..., 4); a box turned inside out has none."""
    top, left, bottom, right = _sides(boxes)
    return ops.maximum(bottom - top, 0) * ops.maximum(right - left, 0)


def intersection(first: Any, second: Any) -> Any:
    """Areas shared by `first` (..., 4) and `second` (..., 4), shapes broadcast."""
    top_1, left_1, bottom_1, right_1 = _sides(first)
    top_2, left_2, bottom_2, right_2 = _sides(second)
    height = ops.minimum(bottom_1, bottom_2) - ops.maximum(top_1, top_2)
    width = ops.minimum(right_1, right_2) - ops.maximum(left_1, left_2)
    return ops.maximum(height, 0) * ops.maximum(width, 0)


def iou(first: Any, second: Any) -> Any:
    """Intersection over union of `first` and `second` (..., 4), shapes broadcast; 0 where both are empty."""
    shared = intersection(first, second)
    return ops.divide_no_nan(shared, area(first) + area(second) - shared)


def pairwise_iou(first: Any, second: Any) -> Any:
    """Intersection over union of every pair: (..., n, 4) and (..., m, 4) give (..., n, m)."""
    return iou(first[..., :, None, :], second[..., None, :, :])


def giou(first: Any, second: Any) -> Any:
    """Generalized IoU, IoU - (C - U) / C in [-1, 1]; Rezatofighi et al. 2019, arXiv:1902.09630."""
    shared = intersection(first, second)
    union = area(first) + area(second) - shared
    top_1, left_1, bottom_1, right_1 = _sides(first)
    top_2, left_2, bottom_2, right_2 = _sides(second)
    height = ops.maximum(bottom_1, bottom_2) - ops.minimum(top_1, top_2)
    width = ops.maximum(right_1, right_2) - ops.minimum(left_1, left_2)
    around = ops.maximum(height, 0) * ops.maximum(width, 0)
    return ops.divide_no_nan(shared, union) - ops.divide_no_nan(around - union, around)


def decode_cells(raw: Any, anchors: np.ndarray) -> Any:
    """Boxes that YOLO v2's raw outputs stand for, in cells.

    `raw` (batch, row, column, anchor, [tx, ty, tw, th, ...]), `anchors` (anchor, [width, height]) in cells;
    the answer is (batch, row, column, anchor, [top, left, bottom, right]): the centre is the cell's corner
    plus sigmoid(tx, ty), the sides are the anchor's times exp(tw, th).
    """
    rows, columns = raw.shape[1:3]
    x = ops.sigmoid(raw[..., 0]) + np.arange(columns, dtype="float32")[:, None]
    y = ops.sigmoid(raw[..., 1]) + np.arange(rows, dtype="float32")[:, None, None]
    sides = ops.exp(ops.clip(raw[..., 2:4], -LARGEST_STRETCH, LARGEST_STRETCH)) * anchors
    width, height = sides[..., 0], sides[..., 1]
    return ops.stack([y - height / 2, x - width / 2, y + height / 2, x + width / 2], axis=-1)


def encode_cells(boxes: Any, anchors: np.ndarray, grid: tuple[int, int]) -> Code:
    """The inverse of `decode_cells`: for `boxes` (batch, box, 4) in cells, where and how to say them.

    A box belongs to the cell its centre lies in and to the anchor whose shape, laid on the same centre,
    overlaps it most. `grid` is (rows, columns).
    """
    centre, sides = centre_and_sides(boxes)
    sides = ops.maximum(sides, SMALLEST_SIDE)
    anchor = ops.cast(ops.argmax(shape_iou(sides, anchors), axis=-1), "int32")
    cell, place = cell_of(centre, grid)
    nearest = ops.take(ops.cast(anchors, "float32"), anchor, axis=0)
    return Code(cell * len(anchors) + anchor, place, ops.log(sides / nearest))


def centre_and_sides(boxes: Any) -> tuple[Any, Any]:
    """Of `boxes` (..., 4) the centres (..., [x, y]) and the sides (..., [width, height])."""
    top, left, bottom, right = _sides(boxes)
    centre = ops.stack([(left + right) / 2, (top + bottom) / 2], axis=-1)
    return centre, ops.stack([right - left, bottom - top], axis=-1)


def cell_of(centre: Any, grid: tuple[int, int]) -> tuple[Any, Any]:
    """The cell that each `centre` (..., [x, y]) lies in, and where in it, (..., [x, y]).

    Both are in cells; those of the `grid` (rows, columns) are counted over rows and columns, int32 (...).
    """
    (x, y), (rows, columns) = (centre[..., 0], centre[..., 1]), grid
    column, row = ops.clip(ops.floor(x), 0, columns - 1), ops.clip(ops.floor(y), 0, rows - 1)
    return ops.cast(row * columns + column, "int32"), ops.stack([x - column, y - row], axis=-1)


def shape_iou(sides: Any, anchors: np.ndarray) -> Any:
    """IoU of shapes on one centre: (..., [width, height]) with (anchor, [width, height]): (..., anchor)."""
    shared = ops.prod(ops.minimum(sides[..., None, :], anchors), axis=-1)
    return shared / (ops.prod(sides, axis=-1)[..., None] + np.prod(anchors, axis=-1) - shared)


def _sides(boxes: Any) -> tuple[Any, Any, Any, Any]:
    return boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3]
