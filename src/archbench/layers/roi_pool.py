"""RoI pooling: a grid of the same size from regions of any size, whose bins are maxima over whole cells of a map.

Girshick, "Fast R-CNN", 2015, arXiv:1504.08083, section 2.1: the pooling of one level of a spatial pyramid (He et al.
2014, arXiv:1406.4729). Cells are counted as in the authors' Caffe and in torchvision's roi_pool. Differs from these:
bins are worked out in whole numbers, where rounding of their floating-point numbers lets a few bins reach into the cell
after their region; a region that sticks out of the picture is cut at its border first.

What rounding costs, by an example: a region of 665 pixels on a map of stride 32 is 20.78 cells wide. Cut down it has
20, and of 7 bins each has 2, so that 6 cells are in none; `roi_align` keeps the 20.78, and bins of 2.97.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from keras import ops

from archbench.layers.roi_align import of_level, pyramid_level

Rounding = Literal["nearest", "down"]


def roi_pool(
    maps: Sequence[Any],
    boxes: Any,
    size: int,
    *,
    strides: Sequence[int],
    canonical: float = 224.0,
    rounding: Rounding = "nearest",
) -> Any:
    """Every region's features: (batch, region, `size`, `size`, channel).

    `maps` are tensors (batch, height, width, channel), the finest first; a cell of the i-th covers `strides[i]` pixels.
    `boxes` (batch, region, [top, left, bottom, right]) are in pixels, and each is read from one map (`pyramid_level`).
    A bin is the maximum of its cells (see `bins`), 0 where it has none. Gradients flow to the maps, not to the boxes.

    No region is looped over: every map is turned into maps of the maxima of all windows whose sides are powers of two,
    and a bin is the largest of the four such windows that lie in its corners.
    """
    boxes = ops.stop_gradient(boxes)
    level = pyramid_level(boxes, strides, canonical)
    heights, widths = ([one.shape[axis] for one in maps] for axis in (1, 2))
    tables = [_windows(one, _octaves(one.shape[1], size), _octaves(one.shape[2], size)) for one in maps]
    cells = np.array([table.shape[1] for table in tables])
    flat = ops.reshape(ops.concatenate(tables, axis=1), (-1, maps[0].shape[-1]))

    height, width = (of_level(sides, level, "int32")[..., None] for sides in (heights, widths))
    stride = of_level(strides, level, "float32")[..., None]
    rows = _corners(*bins(boxes[..., 0::2] / stride, height, size, rounding))
    columns = _corners(*bins(boxes[..., 1::2] / stride, width, size, rounding))
    start = ops.arange(ops.shape(boxes)[0], dtype="int32")[:, None] * int(cells.sum())
    start = (start + of_level(np.cumsum(cells) - cells, level, "int32"))[..., None, None]
    across = of_level([_octaves(side, size) for side in widths], level, "int32")[..., None, None]

    read = None
    for octave_down, row, _ in rows:
        for octave_across, column, _ in columns:
            window = octave_down[..., :, None] * across + octave_across[..., None, :]
            place = (window * height[..., None] + row[..., :, None]) * width[..., None] + column[..., None, :]
            values = ops.take(flat, start + place, axis=0)  # (batch, region, down, across, channel)
            read = values if read is None else ops.maximum(read, values)
    there = rows[0][2][..., :, None] & columns[0][2][..., None, :]
    return ops.where(there[..., None], read, ops.zeros_like(read))


def bins(ends: Any, side: Any, size: int, rounding: Rounding = "nearest") -> tuple[Any, Any]:
    """The first cell of each of `size` bins, and the one after its last: int32, (..., `size`) both.

    `ends` (..., [first, last]) are those of a region, counted in cells, along an axis of `side` (..., 1) cells.
    "nearest": both ends are rounded, and the cells of both belong to the region; bin i of n of a region of c cells has
    those from floor(i c / n) to ceil((i + 1) c / n), so that bins overlap, and none is empty. "down", as RoI pooling is
    mostly explained: both ends are cut down to whole cells, and each bin has floor(c / n), at least 1; the cells left
    over are in no bin, and a bin past the region has none.
    """
    nearest = rounding == "nearest"
    ends = ops.cast(ops.floor(ends + 0.5 if nearest else ends), "int32")
    first = ops.clip(ends[..., :1], 0, side - 1)
    count = ops.maximum(ops.minimum(ends[..., 1:] + int(nearest), side) - first, 1)
    bin_ = np.arange(size, dtype="int32")
    if nearest:
        return first + bin_ * count // size, first - (-(bin_ + 1) * count // size)
    share = ops.maximum(count // size, 1)
    return first + ops.minimum(bin_ * share, count), first + ops.minimum((bin_ + 1) * share, count)


def _octaves(side: int, size: int) -> int:
    """How many powers of two may be the side of a window: a bin has at most a cell more than its share of the map."""
    return int(np.log2(min(side, -(-side // size) + 1))) + 1


def _windows(one: Any, down: int, across: int) -> Any:
    """Of a map (batch, height, width, channel) the maxima of windows of 1, 2, 4, ... rows and as many columns.

    (batch, `down` * `across` * height * width, channel): a window stands where its first row and column do, and those
    that would stick out hold any of its maxima.
    """
    made = [x for tall in _doubled(one, 1, down) for x in _doubled(tall, 2, across)]
    return ops.reshape(ops.stack(made, axis=1), (-1, len(made) * one.shape[1] * one.shape[2], one.shape[3]))


def _doubled(one: Any, axis: int, octaves: int) -> list[Any]:
    """The maxima of 1, 2, 4, ... cells from each cell on along an axis."""
    found = [one]
    for octave in range(octaves - 1):
        moved = ops.split(found[-1], [2**octave], axis=axis)[1]
        rest = ops.split(found[-1], [one.shape[axis] - 2**octave], axis=axis)[1]
        found.append(ops.maximum(found[-1], ops.concatenate([moved, rest], axis=axis)))
    return found


def _corners(first: Any, after: Any) -> list[tuple[Any, Any, Any]]:
    """The two windows, of a power of two cells, that together are a bin: octave, first cell, and whether it has any."""
    count = after - first
    octave = ops.cast(ops.floor(ops.log2(ops.cast(ops.maximum(count, 1), "float32")) + 1e-4), "int32")
    length = ops.left_shift(ops.ones_like(octave), octave)
    # Of a bin without cells, too, a cell of the map is read.
    return [(octave, place, count > 0) for place in (ops.minimum(first, after - 1), after - length)]
