"""Regions of two-stage detectors: anchors, their coding, whom they answer for, which are learnt from, proposals.

Ren, He, Girshick, Sun, "Faster R-CNN", 2015, arXiv:1506.01497, section 3; Lin et al., "Feature Pyramid Networks", 2016,
arXiv:1612.03144, section 4. Boxes are (..., [top, left, bottom, right]) in pixels, in coordinates that are continuous:
anchors stand in the middle of a map's cells, and a side is bottom - top.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from archbench.layers.nms import Detections, suppress

RATIOS = (0.5, 1.0, 2.0)
"""Height over width of the anchors in every cell: FPN, section 4.1."""
LARGEST_STRETCH = math.log(1000 / 16)
"""Bound on the logarithm by which a decoded side differs from its anchor's (Detectron)."""
SMALLEST_SIDE = 1e-3
"""Pixels; a proposal of less is none, and the logarithm of a padding row needs a bound."""
BACKGROUND, BETWEEN = -1, -2
"""What `match` says of a region that answers for nothing, and of one that is not learnt from."""


def pyramid_anchors(
    shapes: Sequence[tuple[int, int]],
    strides: Sequence[int],
    sides: Sequence[float | Sequence[float]],
    ratios: Sequence[float] = RATIOS,
) -> list[np.ndarray]:
    """The anchors of each map: float32 (height * width * anchor, 4), over rows, columns, its sides, `ratios`.

    A map of `shapes` (height, width) with a cell of so many `strides` has anchors as large as a square of its `sides`
    pixels, one or several; a ratio is height over width.
    """
    made = []
    for (height, width), stride, side in zip(shapes, strides, sides, strict=True):
        each = [(float(one), math.sqrt(ratio)) for one in np.atleast_1d(side) for ratio in ratios]
        half = [(one * root / 2, one / root / 2) for one, root in each]
        shape = np.array([(-y, -x, y, x) for y, x in half])
        down, across = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
        centre = np.stack([down, across] * 2, axis=-1)[:, :, None, :] * stride
        made.append((centre + shape).reshape(-1, 4).astype("float32"))
    return made


def encode(boxes: Any, anchors: Any, weights: Sequence[float] = (1.0, 1.0)) -> Any:
    """What turns `anchors` (..., 4) into `boxes` (..., 4): (..., [y, x, height, width]).

    The move of the centre in sides of the anchor times `weights[0]`, and the logarithm of the stretch of the sides
    times `weights[1]`: section 3.1.2, equation 2; the weights are one over the deviations of Fast R-CNN.
    """
    (centre, sides), (anchor_centre, anchor_sides) = _centre(boxes), _centre(anchors)
    anchor_sides = ops.maximum(anchor_sides, SMALLEST_SIDE)
    stretch = ops.log(ops.maximum(sides, SMALLEST_SIDE) / anchor_sides)
    return ops.concatenate([(centre - anchor_centre) / anchor_sides * weights[0], stretch * weights[1]], axis=-1)


def decode(deltas: Any, anchors: Any, weights: Sequence[float] = (1.0, 1.0)) -> Any:
    """The boxes (..., 4) that `deltas` (..., [y, x, height, width]) make of `anchors` (..., 4), shapes broadcast."""
    anchor_centre, sides = _centre(anchors)
    centre = anchor_centre + deltas[..., :2] / weights[0] * sides
    half = ops.exp(ops.minimum(deltas[..., 2:] / weights[1], LARGEST_STRETCH)) * sides / 2
    return ops.concatenate([centre - half, centre + half], axis=-1)


def clip_to(boxes: Any, picture: tuple[int, int]) -> Any:
    """`boxes` (..., 4) cut at the border of a `picture` of (height, width) pixels."""
    return ops.clip(boxes, 0.0, np.array([*picture, *picture], "float32"))


def match(overlap: Any, *, low: float, high: float, rescue: bool = False) -> Any:
    """The object that each region answers for: int32 (batch, region), a row, or `BACKGROUND`, or `BETWEEN`.

    `overlap` (batch, object, region) is the IoU, 0 in the rows of objects that are none. A region answers for the
    object that it overlaps most, by `high` at least; below `low` it is background. With `rescue` the regions that
    overlap an object more than all others do answer too, however little that is (each for the object that it overlaps
    most itself), so that no object is left without.
    """
    most, row = ops.max(overlap, axis=1), ops.cast(ops.argmax(overlap, axis=1), "int32")
    answers = most >= high
    if rescue:
        best = ops.max(overlap, axis=2, keepdims=True)
        # A hair less is as much: a compiler may work out one overlap twice and round it otherwise.
        answers = answers | ops.any((overlap >= best * (1 - 1e-6)) & (best > 0), axis=1)
    return ops.where(answers, row, ops.where(most < low, BACKGROUND, BETWEEN))


class Sample(NamedTuple):
    """The regions that are learnt from."""

    index: Any
    """int32 (batch, drawn): places among all regions, those that answer for an object first."""
    drawn: Any
    """bool (batch, drawn): False in the rows that are left over where there are too few regions."""


def sample(matched: Any, draws: Any, count: int, share: float) -> Sample:
    """`count` regions of `matched` (batch, region), drawn evenly: at most `share` of it, and 1, answer for an object.

    The others are background, and fill what is left. `draws` are even random numbers of [0, 1), (batch, region) or
    (1, region): those regions are taken that drew most.
    """
    regions = matched.shape[1]
    answers = matched >= 0
    key = ops.where(answers, draws, -1.0)
    least = ops.top_k(key, min(regions, max(1, int(count * share))))[0][:, -1:]
    key = ops.where(answers & (key >= least), 2.0 + draws, ops.where(matched == BACKGROUND, 1.0 + draws, -1.0))
    key, index = ops.top_k(key, min(regions, count))
    return Sample(ops.cast(index, "int32"), key > 0)


def rows(values: Any, index: Any) -> Any:
    """`values` (batch, row, ...) at `index` (batch, chosen): (batch, chosen, ...)."""
    spread = ops.reshape(index, (-1, index.shape[1], *[1] * (len(values.shape) - 2)))
    return ops.take_along_axis(values, spread, axis=1)


def propose(
    anchors: Sequence[np.ndarray],
    objectness: Any,
    deltas: Any,
    picture: tuple[int, int],
    *,
    most: int,
    iou_threshold: float,
) -> Detections:
    """The regions that look most like objects, best first; label -1 where there are fewer than `most`.

    `anchors` (anchor, 4) of each map, and of all one after the other logits `objectness` (batch, anchor) and `deltas`
    (batch, anchor, 4). The best `most` of a map are moved, cut at the border of the `picture` (height, width) and
    thinned out among themselves (non-maximum suppression); the best `most` of all maps are given. The label counts the
    maps. No gradient flows.
    """
    ends = list(np.cumsum([len(places) for places in anchors])[:-1])
    said = [ops.stop_gradient(one) for one in (objectness, deltas)]
    split = [ops.split(one, ends, axis=1) if ends else [one] for one in said]
    boxes, scores, labels = [], [], []
    for level, (places, logits, moves) in enumerate(zip(anchors, *split, strict=True)):
        logits, order = ops.top_k(logits, min(most, len(places)))
        moved = decode(rows(moves, order), ops.take(ops.convert_to_tensor(places), order, axis=0))
        box = clip_to(moved, picture)
        large = ops.all(box[..., 2:] - box[..., :2] >= SMALLEST_SIDE, axis=-1)
        boxes.append(box)
        scores.append(ops.where(large, ops.sigmoid(logits), 0.0))
        labels.append(ops.full_like(order, level))
    boxes, scores, labels = (ops.concatenate(parts, axis=1) for parts in (boxes, scores, labels))
    return suppress(
        boxes,
        scores,
        labels,
        iou_threshold=iou_threshold,
        score_threshold=0.0,
        candidates=scores.shape[1],
        detections=most,
    )


def _centre(boxes: Any) -> tuple[Any, Any]:
    """The centre and the sides of `boxes`: (..., [y, x]) and (..., [height, width])."""
    first, last = boxes[..., :2], boxes[..., 2:]
    return (first + last) / 2, last - first
