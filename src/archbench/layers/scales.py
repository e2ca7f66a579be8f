"""The coding of YOLO v3: boxes in the grids of several maps, each with anchors of its own.

Redmon & Farhadi 2018, arXiv:1804.02767, sections 2.1 and 2.3. Lengths are in cells of the finest map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from archbench.layers.boxes import SMALLEST_SIDE, Code, cell_of, centre_and_sides, decode_cells, shape_iou

SCALES = ("small", "medium", "large")
"""The maps from the finest to the coarsest, by the objects that they are for."""


def decode_scales(maps: Sequence[Any], anchors: np.ndarray) -> Any:
    """The boxes of all `maps` one after the other: (batch, prediction, [top, left, bottom, right]).

    Each map is (batch, row, column, anchor, [tx, ty, tw, th, ...]), and has the next of `anchors` ([width, height]),
    which are as many for each.
    """
    found = []
    for raw, shapes in zip(maps, np.split(anchors, len(maps)), strict=True):
        cell = maps[0].shape[1] / raw.shape[1]
        found.append(ops.reshape(decode_cells(raw, shapes / cell) * cell, (-1, np.prod(raw.shape[1:4]), 4)))
    return ops.concatenate(found, axis=1)


def encode_scales(boxes: Any, anchors: np.ndarray, shapes: Sequence[tuple[int, int, int]]) -> Code:
    """The inverse of `decode_scales`: for `boxes` (batch, box, 4), where and how to say them.

    A box belongs to the anchor of all maps whose shape, laid on the same centre, overlaps it most, and in that one's
    map to the cell its centre lies in. `shapes` are (rows, columns, anchors) of each map; `index` of the answer counts
    over the maps one after the other.
    """
    centre, sides = centre_and_sides(boxes)
    sides = ops.maximum(sides, SMALLEST_SIDE)
    anchor = ops.cast(ops.argmax(shape_iou(sides, anchors), axis=-1), "int32")
    nearest = ops.take(ops.cast(anchors, "float32"), anchor, axis=0)
    first, indices, places = 0, [], []
    for rows, columns, count in shapes:
        cell, place = cell_of(centre / (shapes[0][0] / rows), (rows, columns))
        indices.append(first + cell * count + anchor % count)
        places.append(place)
        first += rows * columns * count
    own = (anchor // shapes[0][2])[..., None]  # the map
    index = ops.take_along_axis(ops.stack(indices, axis=-1), own, axis=-1)[..., 0]
    place = ops.take_along_axis(ops.stack(places, axis=-2), own[..., None], axis=-2)[..., 0, :]
    return Code(index, place, ops.log(sides / nearest))
