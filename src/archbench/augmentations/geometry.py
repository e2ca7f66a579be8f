"""Random changes of where things are: the picture moves, and all that lies on it follows.

An augmentation is a function `(batch, seed) -> batch`: `batch` is a dictionary with `image` (batch, height,
width, channel) of any type and whichever of `mask` and `instances` (batch, height, width), `boxes` (batch,
object, [top, left, bottom, right]), `box_label` (batch, object) and `landmarks` (batch, object, point, [y,
x]) the data set has; `boxes` and `landmarks` come with `box_label`, and other arrays pass unchanged. `seed`
is a `keras.random.SeedGenerator`. Every example draws its own change. Coordinates are continuous: the pixel
in column i covers [i, i + 1). Rows of `boxes` and `landmarks` whose `box_label` is -1 hold no object and stay
zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from archbench.augmentations import augmentation
from archbench.errors import UserError

Batch = Mapping[str, Any]
Augment = Callable[[Batch, keras.random.SeedGenerator], dict[str, Any]]
MAPS = ("image", "mask", "instances")


class NoPicture(UserError):
    """An augmentation of pictures on a batch that has none."""


@augmentation("flip", source="Krizhevsky et al. 2012, section 4.1 (horizontal reflections)", smoke={})
def flip(*, probability: float = 0.5) -> Augment:
    """Mirror an example left to right with the given probability."""

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count, _, width = _size(batch, "flip")
        chosen = keras.random.uniform((count,), seed=seed) < probability
        flipped = dict(batch)
        for name in _present(batch, MAPS):
            flipped[name] = _where(chosen, ops.flip(batch[name], axis=2), batch[name])
        if "boxes" in batch:
            boxes = batch["boxes"]
            top, left, bottom, right = (boxes[..., side] for side in range(4))
            mirrored = ops.stack([top, width - right, bottom, width - left], axis=-1)
            flipped["boxes"] = _where(chosen, mirrored, boxes)
        if "landmarks" in batch:
            y, x = batch["landmarks"][..., 0], batch["landmarks"][..., 1]
            flipped["landmarks"] = _where(chosen, ops.stack([y, width - x], axis=-1), batch["landmarks"])
        return _clear_empty_rows(flipped)

    return apply


@augmentation("shift", source="He et al. 2015, section 4.2, arXiv:1512.03385", smoke={"pixels": 2})
def shift(*, pixels: int = 4) -> Augment:
    """Pad an example by some pixels of zeros on every side and crop it back at a random place.

    Boxes are cut at the border; an object whose box has left the picture gets the label -1. Landmarks may
    come to lie outside. Differs from the paper where preprocessing comes after: it pads with zeros, which are
    black, where the paper pads pictures whose mean was already taken away.
    """

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count, height, width = _size(batch, "shift")
        move = keras.random.randint((count, 2), -pixels, pixels + 1, seed=seed)  # (batch, [down, right])
        moved = dict(batch)
        for name in _present(batch, MAPS):
            moved[name] = _move(batch[name], move)
        offset = ops.cast(move, "float32")
        if "landmarks" in batch:
            moved["landmarks"] = batch["landmarks"] + offset[:, None, None, :]
        if "boxes" in batch:
            limit = ops.convert_to_tensor([height, width, height, width], "float32")
            boxes = batch["boxes"] + ops.tile(offset, (1, 2))[:, None, :]
            boxes = ops.minimum(ops.maximum(boxes, 0.0), limit)
            outside = ops.any(boxes[..., 2:] <= boxes[..., :2], axis=-1)
            moved["boxes"] = boxes
            moved["box_label"] = ops.where(outside, -1, batch["box_label"])
        return _clear_empty_rows(moved)

    return apply


def _size(batch: Batch, name: str) -> tuple[int, int, int]:
    """Examples, height and width of the pictures."""
    if "image" not in batch:
        raise NoPicture(
            f"The augmentation {name!r} moves pictures, and the data set has only {', '.join(batch)}. "
            f"Take {name!r} out of the benchmark's augmentation in params.yaml."
        )
    return tuple(ops.shape(batch["image"])[:3])


def _present(batch: Batch, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name in batch]


def _where(chosen: Any, changed: Any, unchanged: Any) -> Any:
    """Example by example, `changed` where `chosen` (batch,) and else `unchanged`."""
    return ops.where(ops.reshape(chosen, (-1,) + (1,) * (len(unchanged.shape) - 1)), changed, unchanged)


def _move(maps: Any, move: Any) -> Any:
    """`maps` (batch, height, width, ...) moved down and right by `move` (batch, 2) pixels; zeros come in."""
    count, height, width = ops.shape(maps)[:3]
    row = ops.arange(height, dtype="int32")[None, :, None] - move[:, 0, None, None]
    column = ops.arange(width, dtype="int32")[None, None, :] - move[:, 1, None, None]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)  # (batch, height, width)
    example = ops.arange(count, dtype="int32")[:, None, None]
    place = (example * height + ops.clip(row, 0, height - 1)) * width + ops.clip(column, 0, width - 1)
    pixels = ops.reshape(maps, (-1, *maps.shape[3:]))
    moved = ops.take(pixels, place, axis=0)  # one gather of whole pixels
    inside = ops.reshape(inside, (-1, height, width) + (1,) * (len(maps.shape) - 3))
    return ops.where(inside, moved, ops.zeros_like(moved))


def _clear_empty_rows(batch: dict[str, Any]) -> dict[str, Any]:
    for name in _present(batch, ("boxes", "landmarks")):
        rows = batch[name]
        exists = ops.reshape(batch["box_label"] >= 0, (*ops.shape(rows)[:2],) + (1,) * (len(rows.shape) - 2))
        batch[name] = ops.where(exists, rows, ops.zeros_like(rows))
    return batch
