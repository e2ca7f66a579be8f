"""Style transfer: what is painted, in which style, what came of it, and how it came."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.figures.gallery import Picture, displayable, grid, show
from archbench.figures.pictures import picture

FRAMES = 6


@picture("style_transfer", source="archbench")
def style_transfer(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """The two given pictures and the made one; and frames of its making, where the run kept snapshots."""
    given = predictions["input"][:1], predictions["input_style"][:1]
    made = predictions["prediction_picture"][:1]
    drawn, places = grid(3, columns=3, side=1.6)
    for axes, image, title in zip(places, (*given, made), ("content", "style", "made"), strict=True):
        show(axes, displayable(image)[0], title=title)
    pictures = [Picture("styled", drawn, "The picture to paint, the one that shows how, and what was made of both.")]
    return [*pictures, _film(predictions)] if "snapshot_picture" in predictions else pictures


def _film(predictions: Mapping[str, np.ndarray]) -> Picture:
    """A few of the snapshots, as far apart as they go, the first and the last among them."""
    epochs = predictions["snapshot_epoch"]
    chosen = np.unique(np.linspace(0, len(epochs) - 1, FRAMES).round().astype(int))
    drawn, places = grid(len(chosen), columns=FRAMES, side=1.0)
    frames = displayable(predictions["snapshot_picture"][chosen, 0])
    for axes, image, epoch in zip(places, frames, epochs[chosen], strict=True):
        show(axes, image, title=f"epoch {epoch}")
    return Picture("film", drawn, f"How it came: {len(chosen)} of the {len(epochs)} snapshots that were kept.")
