"""Pictures turned, sheared, zoomed and cropped: new pixels from between the old ones, with all that lies on them.

Pictures are interpolated bilinearly, masks take the nearest pixel; what comes in from outside is 0, in masks void where
the data set has such. A box becomes the smallest upright box around its four moved corners, cut at the border: it
encloses its object, and turned it is larger than it need be. An object whose box is left with less than a pixel of
height or width gets the label -1. Landmarks may come to lie outside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import keras
from keras import ops
from pydantic import AfterValidator, Field

from archbench.augmentations import augmentation
from archbench.augmentations._pictures import (
    BOXES,
    MOVED,
    Augment,
    Batch,
    WrongChange,
    as_type_of,
    clear_empty_rows,
    each_map,
    picture_shape,
    present,
)
from archbench.datasets.card import Card
from archbench.options import Fraction, NonNegative, Part, Positive, Share


def _check_factors(factors: tuple[float, float]) -> tuple[float, float]:
    low, high = factors
    if not 0 < low <= high < math.inf:
        raise WrongChange(
            f"The factors by which an augmentation zooms must be [low, high] with 0 < low <= high, and are "
            f"[{low}, {high}]. [0.8, 1.25] would do."
        )
    return factors


Factors = Annotated[tuple[Positive, Positive], AfterValidator(_check_factors)]
Degrees = Annotated[float, Field(gt=0, le=180)]


@augmentation(
    "rotation",
    source="Simard, Steinkraus, Platt 2003, Best Practices for CNNs, section 2",
    smoke={},
    spoils=MOVED,
)
def rotation(card: Card, *, degrees: Degrees = 15.0) -> Augment:
    """Turn an example about its centre by an angle drawn from -`degrees` to `degrees`."""
    height, width, _ = picture_shape(card, "rotation")

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        limit = math.radians(degrees)
        angle = keras.random.uniform((ops.shape(batch["image"])[0],), -limit, limit, seed=seed)
        return about_centre(batch, turn(angle), height, width, card.void)

    return apply


@augmentation(
    "scale",
    source="Simonyan & Zisserman 2014, section 3.1 (scale jittering), arXiv:1409.1556",
    smoke={},
    spoils=MOVED,
)
def scale(card: Card, *, factors: Factors = (0.8, 1.25)) -> Augment:
    """Zoom an example about its centre by a factor drawn log-uniformly from `factors`, [low, high].

    Above 1 objects grow and the rim is lost; below 1 they shrink and a black rim comes in. Raises `WrongChange`.
    """
    height, width, _ = picture_shape(card, "scale")

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        low, high = (math.log(factor) for factor in factors)
        factor = ops.exp(keras.random.uniform((ops.shape(batch["image"])[0],), low, high, seed=seed))
        return about_centre(batch, ops.eye(2) / factor[:, None, None], height, width, card.void)

    return apply


@augmentation("crop", source="Szegedy et al. 2014, section 6, arXiv:1409.4842", smoke={"area": 0.5}, spoils=MOVED)
def crop(
    card: Card,
    *,
    area: Part = 0.08,
    aspect: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 4 / 3,
) -> Augment:
    """Cut a window out of an example at a random place and enlarge it to the size of the picture.

    The window has a share of the area drawn from `area` to 1, and is up to `aspect` times wider or higher in
    proportion than the picture (drawn log-uniformly), but at most as wide and as high. Padding and cropping at the
    same size is `shift`. The class of an example stays, as in the paper, though the window may miss what it names.
    """
    height, width, _ = picture_shape(card, "crop")

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["image"])[0]
        share = keras.random.uniform((count,), area, 1.0, seed=seed)
        wider = keras.random.uniform((count,), -math.log(aspect) / 2, math.log(aspect) / 2, seed=seed)
        side = ops.stack([ops.sqrt(share) * ops.exp(-wider), ops.sqrt(share) * ops.exp(wider)], axis=-1)
        side = ops.minimum(side, 1.0)  # (batch, [height, width]), as shares of the picture's
        corner = keras.random.uniform((count, 2), seed=seed) * (1 - side)
        matrix = ops.eye(2) * side[:, None, :]
        return warp(batch, matrix, corner * ops.convert_to_tensor([height, width], "float32"), card.void)

    return apply


@augmentation(
    "affine",
    source="Koch, Zemel, Salakhutdinov 2015, ICML deep learning workshop, section 3.2 (affine distortions)",
    smoke={},
    spoils=MOVED,
)
def affine(
    card: Card,
    *,
    degrees: Degrees = 10.0,
    shear: Fraction = 0.3,
    factors: Factors = (0.8, 1.2),
    pixels: NonNegative = 2.0,
    probability: Share = 0.5,
) -> Augment:
    """Turn, shear, zoom and move an example, by seven numbers each of which is drawn with `probability`, else nothing.

    An angle from -`degrees` to `degrees`; and along each axis a slope from -`shear` to `shear`, a factor from
    `factors`, [low, high], and a way from -`pixels` to `pixels`: all uniformly, about the centre. Raises `WrongChange`.
    """
    height, width, _ = picture_shape(card, "affine")
    limit = math.radians(degrees)

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["image"])[0]

        def drawn(numbers: int, low: float, high: float, nothing: float) -> Any:
            values = keras.random.uniform((count, numbers), low, high, seed=seed)
            chosen = keras.random.uniform((count, numbers), seed=seed) < probability
            return ops.where(chosen, values, nothing)

        angle, slope = drawn(1, -limit, limit, 0.0)[:, 0], drawn(2, -shear, shear, 0.0)
        factor, way = drawn(2, *factors, 1.0), drawn(2, -pixels, pixels, 0.0)
        sheared = ops.eye(2) + slope[:, :, None] * ops.convert_to_tensor([[0.0, 1.0], [1.0, 0.0]])
        matrix = ops.matmul(sheared / factor[:, :, None], turn(angle))
        return about_centre(batch, matrix, height, width, card.void, way)

    return apply


def turn(angle: Any) -> Any:
    """The matrices (batch, 2, 2) from new places [y, x] to old ones that turn a picture counterclockwise by `angle`.

    `angle` (batch,) is in radians.
    """
    cos, sin = ops.cos(angle), ops.sin(angle)
    return ops.stack([ops.stack([cos, sin], axis=-1), ops.stack([-sin, cos], axis=-1)], axis=-2)


def about_centre(
    batch: Batch, matrix: Any, height: int, width: int, void: Mapping[str, int], way: Any = 0.0
) -> dict[str, Any]:
    """`warp` with the centre of the picture where it is, or moved by `way` (batch, [down, right]) pixels."""
    centre = ops.convert_to_tensor([height / 2, width / 2], "float32")
    moved = ops.reshape(centre + way, (-1, 1, 2))
    return warp(batch, matrix, centre - ops.sum(matrix * moved, axis=-1), void)


def warp(batch: Batch, matrix: Any, origin: Any, void: Mapping[str, int]) -> dict[str, Any]:
    """The batch where the new place p of every example shows the old place `matrix` p + `origin`.

    `matrix` (batch, 2, 2) and `origin` (batch, 2) are for places [y, x]; `void` is that of the card.
    """
    height, width = ops.shape(batch["image"])[1:3]
    rows, columns = (ops.arange(size, dtype="float32") + 0.5 for size in (height, width))
    y, x = (
        matrix[:, part, 0, None, None] * rows[None, :, None]
        + matrix[:, part, 1, None, None] * columns[None, None, :]
        + origin[:, part, None, None]
        for part in range(2)
    )
    moved = resampled(batch, y, x, void)
    if "landmarks" in batch:
        moved["landmarks"] = _forward(batch["landmarks"], matrix, origin)
    for name in present(batch, tuple(BOXES)):
        limit = ops.cast(ops.stack([height, width]), "float32")
        moved[name], gone = _moved_boxes(batch[name], matrix, origin, limit)
        moved[BOXES[name]] = ops.where(gone, -1, batch[BOXES[name]])
    return clear_empty_rows(moved)


def resampled(batch: Batch, y: Any, x: Any, void: Mapping[str, int]) -> dict[str, Any]:
    """The batch whose maps show at every pixel what was at the old place `y`, `x`, each (batch, height, width)."""

    def change(name: str, maps: Any) -> Any:
        found = _between(maps, y, x) if name == "image" else _nearest(maps, y, x)
        return ops.where(_inside(maps, y, x), found, ops.full_like(found, void.get(name, 0)))

    return {**batch, **each_map(batch, change)}


def _forward(points: Any, matrix: Any, origin: Any) -> Any:
    """Where old places (batch, object, point, [y, x]) come to lie: matrix^-1 (place - origin)."""
    a, b, c, d = (matrix[:, row, column, None, None] for row in range(2) for column in range(2))
    y, x = (points[..., part] - origin[:, part, None, None] for part in range(2))
    return ops.stack([d * y - b * x, a * x - c * y], axis=-1) / (a * d - b * c)[..., None]


def _moved_boxes(boxes: Any, matrix: Any, origin: Any, limit: Any) -> tuple[Any, Any]:
    """The boxes around their moved corners, cut at `limit`, and which of them are gone (batch, object)."""
    top, left, bottom, right = (boxes[..., side] for side in range(4))
    y, x = ops.stack([top, top, bottom, bottom], axis=-1), ops.stack([left, right, left, right], axis=-1)
    corners = _forward(ops.stack([y, x], axis=-1), matrix, origin)
    corners = ops.minimum(ops.maximum(corners, 0.0), limit)
    low, high = ops.min(corners, axis=2), ops.max(corners, axis=2)
    return ops.concatenate([low, high], axis=-1), ops.any(high - low < 1, axis=-1)


def _nearest(maps: Any, y: Any, x: Any) -> Any:
    """`maps` (batch, height, width, ...) at the places `y`, `x` (batch, height, width)."""
    return _take(maps, ops.cast(ops.floor(y), "int32"), ops.cast(ops.floor(x), "int32"))


def _between(image: Any, y: Any, x: Any) -> Any:
    """`image` at the places `y`, `x`, bilinear between the centres of its pixels, as its border beyond the last."""
    row, column = ops.floor(y - 0.5), ops.floor(x - 0.5)
    down, right = (y - 0.5 - row)[..., None], (x - 0.5 - column)[..., None]
    row, column = ops.cast(row, "int32"), ops.cast(column, "int32")
    values = ops.cast(image, "float32")
    above, below = (
        (1 - right) * _take(values, row + step, column) + right * _take(values, row + step, column + 1)
        for step in (0, 1)
    )
    return as_type_of(image, (1 - down) * above + down * below)


def _take(maps: Any, row: Any, column: Any) -> Any:
    """Whole pixels of `maps` in one gather; beyond the border, those at the border."""
    count, height, width = ops.shape(maps)[:3]
    example = ops.arange(count, dtype="int32")[:, None, None]
    place = (example * height + ops.clip(row, 0, height - 1)) * width + ops.clip(column, 0, width - 1)
    return ops.take(ops.reshape(maps, (-1, *maps.shape[3:])), place, axis=0)


def _inside(maps: Any, y: Any, x: Any) -> Any:
    """Whether a place lies on the picture, with as many axes as `maps`."""
    height, width = ops.shape(maps)[1:3]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    return ops.reshape(inside, (*ops.shape(inside), *(1,) * (len(maps.shape) - 3)))
