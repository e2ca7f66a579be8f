"""Pictures with other colors, or with a piece missing; nothing on them moves."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.augmentations import augmentation
from archbench.augmentations._pictures import (
    COPIES,
    HIDDEN,
    Augment,
    Batch,
    WrongChange,
    as_type_of,
    per_example,
    picture_shape,
)
from archbench.datasets.card import Card
from archbench.options import Count, Share

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue look: Recommendation ITU-R BT.601."""


@augmentation("color", source="Howard 2013, section 2, arXiv:1312.5402", smoke={}, spoils=COPIES)
def color(card: Card, *, brightness: Share = 0.4, contrast: Share = 0.4, saturation: Share = 0.4) -> Augment:
    """Change brightness, contrast and saturation, in this order, each by a factor from 1 - its option to 1 + it.

    Brightness multiplies, contrast is the distance from the picture's mean gray, saturation the distance from each
    pixel's own gray; pictures of one channel have no saturation. The result is cut to 0 .. 255 where pictures are
    whole numbers, and else to the range of the training split. The paper's strength is 0.5, in random order. Raises
    `WrongChange` where pictures have neither 1 nor 3 channels.
    """
    channels = picture_shape(card, "color")[-1]
    if channels not in (1, 3):
        raise WrongChange(
            f"The augmentation 'color' knows gray pictures and those of red, green and blue, and pictures of "
            f"{card.name!r} have {channels} channels. Take 'color' out of the benchmark's augmentation in params.yaml."
        )
    low, high = _range(card)
    strengths = (brightness, contrast, saturation)

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["image"])[0]
        factors = [keras.random.uniform((count,), 1 - strength, 1 + strength, seed=seed) for strength in strengths]
        values = recolored(ops.cast(batch["image"], "float32"), *factors)
        return {**batch, "image": as_type_of(batch["image"], ops.clip(values, low, high))}

    return apply


def recolored(image: Any, brightness: Any, contrast: Any, saturation: Any) -> Any:
    """Float pictures (batch, height, width, 1 or 3) after factors (batch,), each 1 for no change."""
    brightness, contrast, saturation = (per_example(f, image) for f in (brightness, contrast, saturation))
    image = image * brightness
    gray = ops.mean(_gray(image), axis=(1, 2, 3), keepdims=True)
    image = gray + (image - gray) * contrast
    gray = _gray(image)
    return gray + (image - gray) * saturation


def _gray(image: Any) -> Any:
    if image.shape[-1] == 1:
        return image
    return ops.sum(image * ops.convert_to_tensor(LUMA, "float32"), axis=-1, keepdims=True)


def _range(card: Card) -> tuple[float, float]:
    if np.issubdtype(np.dtype(card.arrays["image"]["dtype"]), np.integer):
        return 0.0, 255.0
    return min(card.statistics["minimum"]), max(card.statistics["maximum"])


@augmentation("cutout", source="DeVries & Taylor 2017, section 3, arXiv:1708.04552", smoke={"pixels": 4}, spoils=HIDDEN)
def cutout(card: Card, *, pixels: Count = 16) -> Augment:
    """Cover a square, `pixels` wide, around a pixel drawn from the whole picture; what sticks out is lost.

    The square takes the mean of each channel over the training split, which is the 0 that the paper puts into pictures
    already normalized. Other arrays stay, so it goes with tasks alone that do not tell what can be seen and where.
    Raises `WrongChange` where the square is larger than the picture.
    """
    height, width, _ = picture_shape(card, "cutout")
    if pixels > min(height, width):
        raise WrongChange(
            f"The augmentation 'cutout' covers a square of {pixels} pixels, but pictures of {card.name!r} are "
            f"{height} x {width}. Set pixels to at most {min(height, width)}; half the side is usual."
        )
    mean = card.statistics["mean"]

    def apply(batch: Batch, seed: keras.random.SeedGenerator) -> dict[str, Any]:
        count = ops.shape(batch["image"])[0]
        row = keras.random.randint((count,), 0, height, seed=seed)
        column = keras.random.randint((count,), 0, width, seed=seed)
        return {**batch, "image": covered(batch["image"], row, column, pixels, mean)}

    return apply


def covered(image: Any, row: Any, column: Any, pixels: int, fill: Any) -> Any:
    """`image` with `fill` (channel,) in the squares around the pixels at `row`, `column`, each (batch,)."""
    height, width = ops.shape(image)[1:3]
    down = ops.arange(height, dtype="int32")[None, :, None, None] - (row - pixels // 2)[:, None, None, None]
    right = ops.arange(width, dtype="int32")[None, None, :, None] - (column - pixels // 2)[:, None, None, None]
    hidden = (down >= 0) & (down < pixels) & (right >= 0) & (right < pixels)
    return ops.where(hidden, as_type_of(image, ops.convert_to_tensor(fill, "float32")), image)
