"""Capsules: what the labels of classification or of several labels show, and what the capsules draw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.gallery import Picture, displayable, grid, is_image, show
from archbench.figures.pictures import picture
from archbench.figures.pictures.classification import classification
from archbench.figures.pictures.multi_label import multi_label

SHOWN = 10


@picture("capsules", source="archbench")
def capsules(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The pictures of classification, and inputs above what the longest capsule draws."""
    inputs, drawn_images = predictions["input"][:SHOWN], predictions["prediction_image"][:SHOWN]
    caption = f"The first {len(inputs)} kept test examples. Above: the input. Below: what the longest capsule draws."
    return [*classification(predictions), *_rows([inputs, drawn_images], caption)]


@picture("overlapping_capsules", source="archbench")
def overlapping_capsules(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The pictures of several labels, and inputs above what each of the longest capsules draws."""
    inputs, images = predictions["input"][:SHOWN], predictions["prediction_images"][:SHOWN]
    caption = (
        f"The first {len(inputs)} kept test examples. Above: the input. Below: what each of the {images.shape[1]} "
        "longest capsules draws, the longest first."
    )
    return [*multi_label(predictions), *_rows([inputs, *np.moveaxis(images, 1, 0)], caption)]


def _rows(rows: list[np.ndarray], caption: str) -> list[Picture]:
    if not is_image(rows[0]) or not len(rows[0]):
        return []
    drawn, places = grid(sum(map(len, rows)), columns=len(rows[0]), side=0.8, room=0.05)
    for axes, image in zip(places, [image for row in rows for image in displayable(row)], strict=True):
        show(axes, image)
    return [Picture("reconstructions", drawn, caption)]
