"""Regions of a picture stretched to squares of one size, with some of what surrounds them.

Girshick, Donahue, Darrell, Malik, "Rich feature hierarchies for accurate object detection and semantic segmentation",
2013, arXiv:1311.2524, section 2.1 and appendix A.
"""

from __future__ import annotations

from typing import Any

from keras import ops

from archbench.layers.roi_align import roi_align

CONTEXT = 16 / 227
"""The share of a square's side that shows, on each side, what surrounds its region: 16 of 227 pixels."""


def warp(images: Any, boxes: Any, side: int) -> Any:
    """Every region and its surroundings as a square: (batch, region, `side`, `side`, channel).

    `images` (batch, height, width, channel), `boxes` (batch, region, [top, left, bottom, right]) in pixels. A pixel of
    a square is the bilinear reading at its middle; more than a pixel outside the picture it is 0, which is the mean of
    a picture whose mean was subtracted. No gradient flows to the boxes.
    """
    middle, half = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2 / (1 - 2 * CONTEXT)
    around = ops.concatenate([middle - half, middle + half], axis=-1)
    return roi_align([images], around, side, strides=(1,), samples=1)
