"""What every augmentation agrees on.

A builder takes the card of the data set and its own options, and gives a function `(batch, seed) -> batch`. `batch` is
a dictionary with `image` (batch, height, width, channel) of any type and whichever of `mask` and `instances` (batch,
height, width), `masks` (batch, object, height, width), `boxes` (batch, object, [top, left, bottom, right]), `box_label`
(batch, object), `landmarks` (batch, object, point, [y, x]) and `proposals` (batch, region, 4) the task needs; `boxes`
and `landmarks` come with `box_label`, `ignored_boxes` with `ignored_label`, and other arrays pass unchanged.
`seed` is a `keras.random.SeedGenerator`. Every example draws its own change; of a pair it is that of one picture, and
`build_augmentation` asks again for the second, `other`. Coordinates are continuous: the pixel in column i covers
[i, i + 1). Rows of boxes and landmarks whose label is -1 hold no object and stay zero.
Pictures keep their type: values between two whole numbers are rounded where it has only whole ones.

The fact `tasks` names the tasks that an augmentation goes with, where it changes the targets of these alone. The fact
`spoils` names the labels that it can make wrong: a task that compares with one of them does not take it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.errors import UserError

Batch = Mapping[str, Any]
Augment = Callable[[Batch, keras.random.SeedGenerator], dict[str, Any]]
MAPS = ("image", "mask", "instances")
BOXES = {"boxes": "box_label", "ignored_boxes": "ignored_label"}
"""Boxes of objects, each with the labels whose -1 says that a row holds none."""
COPIES = ("singles",)
"""Labels that repeat the pixels of the picture, and do not change with it."""
MOVED = ("present", "count", "proposals", *COPIES)
"""Labels that tell of all that is on the picture, too: moved, one of its objects may come to lie outside. Proposals
move with a reflection alone."""
HIDDEN = ("boxes", "mask", *MOVED)
"""Labels that tell of what can be seen, too: an object that is covered still has its box and its mask."""


class NoPicture(UserError):
    """An augmentation of pictures for a data set that has none."""


class WrongChange(UserError):
    """An option of an augmentation that does not go with the data set, or with another option."""


def picture_shape(card: Card, name: str) -> tuple[int, int, int]:
    """Height, width and channels of the data set's pictures; raises `NoPicture`."""
    if "image" not in card.arrays:
        raise NoPicture(
            f"The augmentation {name!r} changes pictures, and the data set {card.name!r} has only "
            f"{', '.join(card.arrays)}. Take {name!r} out of the benchmark's augmentation in params.yaml."
        )
    return tuple(card.arrays["image"]["shape"])


def present(batch: Batch, names: tuple[str, ...]) -> list[str]:
    """Those of `names` that the batch has."""
    return [name for name in names if name in batch]


def each_map(batch: Batch, change: Callable[[str, Any], Any]) -> dict[str, Any]:
    """What `change(name, values)` makes of all that lies on the picture as maps, values (batch, height, width, ...)."""
    made = {name: change(name, batch[name]) for name in present(batch, MAPS)}
    if "masks" in batch:
        changed = change("masks", ops.transpose(batch["masks"], (0, 2, 3, 1)))
        made["masks"] = ops.transpose(changed, (0, 3, 1, 2))
    return made


def per_example(numbers: Any, like: Any) -> Any:
    """`numbers` (batch,) shaped to be broadcast against `like` (batch, ...)."""
    return ops.reshape(numbers, (-1,) + (1,) * (len(like.shape) - 1))


def where(chosen: Any, changed: Any, unchanged: Any) -> Any:
    """Example by example, `changed` where `chosen` (batch,) and else `unchanged`."""
    return ops.where(per_example(chosen, unchanged), changed, unchanged)


def as_type_of(picture: Any, values: Any) -> Any:
    """Float `values` in the type of `picture`, rounded where it has only whole numbers."""
    kind = keras.backend.standardize_dtype(picture.dtype)
    return ops.cast(ops.round(values) if np.issubdtype(np.dtype(kind), np.integer) else values, kind)


def clear_empty_rows(batch: dict[str, Any]) -> dict[str, Any]:
    """The batch with zeros in the rows of boxes and landmarks that hold no object."""
    labels = {**BOXES, "landmarks": "box_label"}
    for name in present(batch, tuple(labels)):
        rows = batch[name]
        exists = ops.reshape(batch[labels[name]] >= 0, (*ops.shape(rows)[:2],) + (1,) * (len(rows.shape) - 2))
        batch[name] = ops.where(exists, rows, ops.zeros_like(rows))
    return batch
