"""Reconstruction: the input above what came back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.gallery import Picture, displayable, grid, is_image, show
from archbench.figures.pictures import picture

SHOWN = 10


@picture("reconstruction", source="archbench")
def reconstruction(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Inputs in the upper row, reconstructions in the lower one; none where inputs are no pictures."""
    inputs, outputs = predictions["input"][:SHOWN], predictions["prediction_image"][:SHOWN]
    if not is_image(inputs):
        return []
    drawn, places = grid(2 * len(inputs), columns=len(inputs), side=0.8, room=0.05)
    for axes, image in zip(places, [*displayable(inputs), *displayable(outputs)], strict=True):
        show(axes, image)
    caption = f"The first {len(inputs)} test examples. Above: the input. Below: its reconstruction."
    return [Picture("reconstructions", drawn, caption)]
