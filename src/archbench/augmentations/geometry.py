"""Whole pixels at other places: mirrored or moved, with all that lies on the picture."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from archbench.augmentations import augmentation
from archbench.augmentations._pictures import (
    BOXES,
    COPIES,
    MOVED,
    Augment,
    Batch,
    clear_empty_rows,
    each_map,
    picture_shape,
    present,
    where,
)
from archbench.datasets.card import Card
from archbench.options import Count, Share


@augmentation("flip", source="Krizhevsky et al. 2012, section 4.1 (horizontal reflections)", smoke={}, spoils=COPIES)
def flip(card: Card, *, probability: Share = 0.5) -> Augment:
    """Mirror an example left to right with the given probability."""
    _, width, _ = picture_shape(card, "flip")

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["image"])[0]
        chosen = keras.random.uniform((count,), seed=seed) < probability
        flipped = {**batch, **each_map(batch, lambda _, one: where(chosen, ops.flip(one, axis=2), one))}
        for name in present(batch, (*BOXES, "proposals")):
            boxes = batch[name]
            top, left, bottom, right = (boxes[..., side] for side in range(4))
            mirrored = ops.stack([top, width - right, bottom, width - left], axis=-1)
            flipped[name] = where(chosen, mirrored, boxes)
        if "landmarks" in batch:
            y, x = batch["landmarks"][..., 0], batch["landmarks"][..., 1]
            flipped["landmarks"] = where(chosen, ops.stack([y, width - x], axis=-1), batch["landmarks"])
        return clear_empty_rows(flipped)

    return apply


@augmentation("shift", source="He et al. 2015, section 4.2, arXiv:1512.03385", smoke={"pixels": 2}, spoils=MOVED)
def shift(card: Card, *, pixels: Count = 4) -> Augment:
    """Pad an example by some pixels of zeros, in masks of void if there is such, and crop it back at a random place.

    Boxes are cut at the border; an object whose box has left the picture gets the label -1. Landmarks may
    come to lie outside. Differs from the paper where preprocessing comes after: it pads with zeros, which are
    black, where the paper pads pictures whose mean was already taken away.
    """
    height, width, _ = picture_shape(card, "shift")

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["image"])[0]
        move = keras.random.randint((count, 2), -pixels, pixels + 1, seed=seed)  # (batch, [down, right])
        moved = {**batch, **each_map(batch, lambda name, one: _move(one, move, card.void.get(name, 0)))}
        offset = ops.cast(move, "float32")
        if "landmarks" in batch:
            moved["landmarks"] = batch["landmarks"] + offset[:, None, None, :]
        for name in present(batch, tuple(BOXES)):
            limit = ops.convert_to_tensor([height, width, height, width], "float32")
            boxes = batch[name] + ops.tile(offset, (1, 2))[:, None, :]
            boxes = ops.minimum(ops.maximum(boxes, 0.0), limit)
            outside = ops.any(boxes[..., 2:] <= boxes[..., :2], axis=-1)
            moved[name] = boxes
            moved[BOXES[name]] = ops.where(outside, -1, batch[BOXES[name]])
        return clear_empty_rows(moved)

    return apply


def _move(maps: Any, move: Any, outside: int) -> Any:
    """`maps` (batch, height, width, ...) moved down and right by `move` (batch, 2) pixels; `outside` comes in."""
    count, height, width = ops.shape(maps)[:3]
    row = ops.arange(height, dtype="int32")[None, :, None] - move[:, 0, None, None]
    column = ops.arange(width, dtype="int32")[None, None, :] - move[:, 1, None, None]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)  # (batch, height, width)
    example = ops.arange(count, dtype="int32")[:, None, None]
    place = (example * height + ops.clip(row, 0, height - 1)) * width + ops.clip(column, 0, width - 1)
    pixels = ops.reshape(maps, (-1, *maps.shape[3:]))
    moved = ops.take(pixels, place, axis=0)  # one gather of whole pixels
    inside = ops.reshape(inside, (-1, height, width) + (1,) * (len(maps.shape) - 3))
    return ops.where(inside, moved, ops.full_like(moved, outside))
