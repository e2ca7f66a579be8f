"""Reconstruction: the input, what was read of it and what came back; what codes between two others and new ones say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archbench.figures.gallery import Picture, displayable, grid, is_image, show
from archbench.figures.pictures import picture

SHOWN = 10
WALKS = 5
SAMPLES = 30


@picture("reconstruction", source="archbench")
def reconstruction(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Inputs above reconstructions, with the spoilt copies between if there are any; then walks and samples of a prior.

    None where no picture comes back.
    """
    inputs, outputs = predictions["input"], predictions["prediction_image"]
    if not is_image(inputs) or not is_image(outputs):
        return []
    rows, words = [inputs, outputs], "Above: the input. Below: its reconstruction."
    if "shown_seen" in predictions:
        rows.insert(1, np.clip(predictions["shown_seen"], 0, 1))
        words = "Above: the input. Middle: what was read, spoilt. Below: its reconstruction."
    count = len(inputs[:SHOWN])
    drawn = _rows([row[:SHOWN] for row in rows])
    made = [Picture("reconstructions", drawn, f"The first {count} test examples. {words}")]
    if "shown_walk" in predictions:
        made += _prior(predictions["shown_walk"])
    return made


def _prior(walks: np.ndarray) -> list[Picture]:
    """Of `walks` (example, step, height, width, channel) a few whole ones, and of many the end."""
    chosen, samples = walks[:WALKS], walks[:SAMPLES, -1]
    across = displayable(samples)
    drawn, places = grid(len(across), columns=SHOWN, side=0.8, room=0.05)
    for axes, image in zip(places, across, strict=True):
        show(axes, image)
    return [
        Picture(
            "walk",
            _rows(chosen),
            "Each row walks straight from the code of a test example, decoded on the left, to a sample of the prior.",
        ),
        Picture("samples", drawn, f"{len(across)} samples of the prior, decoded: no example stands behind them."),
    ]


def _rows(rows: Sequence[np.ndarray]):
    """Pictures in rows, all of one row as bright as they are beside each other."""
    drawn, places = grid(sum(map(len, rows)), columns=len(rows[0]), side=0.8, room=0.05)
    images = [image for row in rows for image in displayable(row)]
    for axes, image in zip(places, images, strict=True):
        show(axes, image)
    return drawn
