"""Examples of a data set side by side, with their labels, boxes and masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from archbench.figures.detections import kind_legend
from archbench.figures.gallery import LETTERS, grid, show
from archbench.figures.pictures.detection import draw_box
from archbench.figures.style import shorten
from archbench.inspection.drawn import Example

COLUMNS, SIDE = 6, 1.2
"""Pictures beside each other, and the inches of one."""
LARGEST = 96
"""Pixels of the longer side that are shown, so that a report stays small."""


def examples(shown: Sequence[Example], kinds: Sequence[str] = (), *, places: bool = False) -> Figure:
    """Pictures with what is told of them above, or their `places`; those of one example stand side by side.

    `kinds` are the classes of boxes, by their numbers.
    """
    each = len(shown[0].pictures)
    drawn, axes = grid(each * len(shown), columns=COLUMNS // each * each, side=SIDE)
    for number, one in enumerate(shown):
        title = shorten(one.place if places else one.told, LETTERS)
        scale = max(1, max(one.pictures[0].shape) / LARGEST)
        for at, pixels in zip(axes[each * number :], one.pictures, strict=False):
            show(at, _fitting(pixels), title=title if at is axes[each * number] else "")
        for kind, box in one.boxes:
            draw_box(axes[each * number], np.array(box) / scale, kind)
    if kinds and any(one.boxes for one in shown):
        kind_legend(drawn, kinds)
    return drawn


def _fitting(pixels: np.ndarray) -> np.ndarray:
    """`pixels` uint8 (height, width, 3), the longer side no longer than `LARGEST`, five bits a channel."""
    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    return np.asarray(image) & 0xF8
