"""RoIAlign: a grid of the same size from regions of any size, over one map or over the maps of a pyramid.

He, Gkioxari, Dollar, Girshick, "Mask R-CNN", 2017, arXiv:1703.06870, section 3; the map of a region: Lin et al.,
"Feature Pyramid Networks", 2016, arXiv:1612.03144, equation 1. Coordinates are continuous, so that the middle of the
first cell of a map lies at half a cell: what torchvision calls `aligned`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from archbench.layers.boxes import area

CANONICAL_STRIDE = 16
"""The stride of the map that a region of the canonical side is read from: C4, as ResNet's detectors before FPN did."""
LEVEL_EPSILON = 1e-6
"""A region of just the canonical side belongs to its map whichever way the logarithm is rounded."""


def roi_align(
    maps: Sequence[Any], boxes: Any, size: int, *, strides: Sequence[int], canonical: float = 224.0, samples: int = 2
) -> Any:
    """Every region's features: (batch, region, `size`, `size`, channel).

    `maps` are tensors (batch, height, width, channel), the finest first; a cell of the i-th covers `strides[i]` pixels.
    `boxes` (batch, region, [top, left, bottom, right]) are in pixels, and each is read from one map (`pyramid_level`).
    A region is cut into `size` by `size` bins, and a bin is the mean of `samples` by `samples` bilinear readings at
    even distances. A reading up to a cell outside the map is that of the border; further out it is 0. Gradients flow
    to the maps, not to the boxes.
    """
    boxes = ops.stop_gradient(boxes)
    level = pyramid_level(boxes, strides, canonical)
    heights, widths = ([one.shape[axis] for one in maps] for axis in (1, 2))
    cells = np.array(heights) * np.array(widths)
    channels = maps[0].shape[-1]
    flat = ops.concatenate([ops.reshape(one, (-1, count, channels)) for one, count in zip(maps, cells, strict=True)], 1)

    cell = of_level(strides, level, "float32")[..., None]
    batch = ops.shape(flat)[0]
    start = ops.arange(batch, dtype="int32")[:, None] * int(cells.sum())
    start = start + of_level(np.cumsum(cells) - cells, level, "int32")  # (batch, region): its map's first cell
    width = of_level(widths, level, "int32")
    rows = _neighbours(_readings(boxes[..., 0::2] / cell, size * samples), of_level(heights, level, "float32"))
    columns = _neighbours(_readings(boxes[..., 1::2] / cell, size * samples), ops.cast(width, "float32"))

    flat = ops.reshape(flat, (-1, channels))
    read = 0.0  # (batch, region, down, across, channel)
    for row, row_share in rows:
        for column, column_share in columns:
            index = start[..., None, None] + row[..., :, None] * width[..., None, None] + column[..., None, :]
            share = row_share[..., :, None] * column_share[..., None, :]
            read = read + ops.take(flat, index, axis=0) * ops.cast(share, flat.dtype)[..., None]
    read = ops.reshape(read, (-1, boxes.shape[1], size, samples, size, samples, channels))
    return ops.mean(read, axis=(3, 5))


def pyramid_level(boxes: Any, strides: Sequence[int], canonical: float = 224.0) -> Any:
    """The map that each of `boxes` (..., 4) is read from: int32 (...), places in `strides`, each twice the one before.

    k = floor(k0 + log2(sqrt(width height) / canonical)): a region of `canonical` pixels a side belongs to the map of
    stride 16, one of half of that to the map of stride 8; what is smaller or larger than all, to the first or last.
    """
    octave = ops.log2(ops.sqrt(area(boxes)) / canonical) + float(np.log2(CANONICAL_STRIDE / strides[0]))
    # Bounded before it is a whole number: the logarithm of an empty region is none.
    return ops.cast(ops.clip(ops.floor(octave + LEVEL_EPSILON), 0, len(strides) - 1), "int32")


def of_level(values: Sequence[int], level: Any, dtype: str) -> Any:
    """What holds of each region: that of `values`, one for each map, which its `level` names."""
    return ops.take(ops.convert_to_tensor(np.array(values), dtype), level, axis=0)


def _readings(ends: Any, count: int) -> Any:
    """`count` places in `ends` (..., [first, last]), evenly, half a distance from either end: (..., `count`)."""
    share = (np.arange(count, dtype="float32") + 0.5) / count
    return ends[..., :1] + (ends[..., 1:] - ends[..., :1]) * share


def _neighbours(place: Any, cells: Any) -> list[tuple[Any, Any]]:
    """The two cells about each `place` (..., reading) along an axis of `cells` (...), each with its share."""
    last = cells[..., None] - 1
    place = place - 0.5  # counted from the middle of the first cell
    there = ops.cast((place >= -1) & (place <= last + 1), "float32")
    place = ops.clip(place, 0.0, last)
    first = ops.floor(place)
    second = ops.minimum(first + 1, last)
    share = place - first
    return [(ops.cast(first, "int32"), (1 - share) * there), (ops.cast(second, "int32"), share * there)]
