"""Segmentation: the true and the predicted map over the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns

from archbench.figures.detections import kind_legend
from archbench.figures.gallery import LARGEST_SIDE, Picture, class_names, displayable, first_and_worst, grid, show
from archbench.figures.pictures import picture

SHOWN = 5
OPACITY = 0.55


@picture("segmentation", source="archbench")
def segmentation(predictions: Mapping[str, np.ndarray]) -> list[Picture]:
    """Picture, true map and predicted map of the first test examples and of the worst, one below the other."""
    worst = "The {shown} of all {whole} test examples with most wrong pixels"
    return first_and_worst(predictions, SHOWN, _maps, "overlays", worst)


def _maps(predictions: Mapping[str, np.ndarray], rows: np.ndarray, name: str, which: str) -> Picture:
    height, width = predictions["prediction_mask"].shape[1:3]
    images = displayable(_center(predictions["input"][rows], height, width))
    truth = _small(_center(predictions["target_mask"][rows], height, width))
    guess = _small(predictions["prediction_mask"][rows])
    named = [str(name) for name in predictions.get("mask_names", ())]  # of all that a mask says; else 0 is background
    truth, guess = (mask.astype(int) + bool(named) for mask in (truth, guess))
    kinds = named or class_names(predictions, int(max(truth.max(initial=0), guess.max(initial=0))))
    known = truth <= len(kinds)  # what lies above is void
    drawn, places = grid(3 * len(images), columns=len(images), side=1.15, room=0.18)
    for column, image in enumerate(images):
        layers = (image, overlay(image, np.where(known, truth, 0)[column]), overlay(image, guess[column]))
        agreeing = (truth == guess)[column][known[column]]
        titles = ("picture", "true", f"predicted: {agreeing.mean():.0%}" if agreeing.size else "predicted")
        for row, (layer, title) in enumerate(zip(layers, titles, strict=True)):
            show(places[row * len(images) + column], layer, title=title)
    kind_legend(drawn, kinds)
    caption = (
        f"{which}: the picture, the true map and the predicted map over it, with the share of pixels "
        f"({'' if named else 'background included, '}those of no known class left out) on which they agree."
        f"{'' if named else ' The background has no colour.'}"
    )
    return Picture(name, drawn, caption)


def overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A uint8 picture (height, width, channel) with the pixels of class k > 0 tinted in the k-th colour."""
    palette = np.array(sns.color_palette("colorblind"))
    tint = 255 * palette[(mask.astype(int) - 1) % len(palette)]
    blended = np.where(mask[..., None] > 0, (1 - OPACITY) * image + OPACITY * tint, image)
    return np.rint(blended).astype(np.uint8) & 0xF8


def _center(arrays: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of (example, height, width, ...): a network without padding maps only that part of its input."""
    top, left = (arrays.shape[1] - height) // 2, (arrays.shape[2] - width) // 2
    return arrays[:, top : top + height, left : left + width]


def _small(masks: np.ndarray) -> np.ndarray:
    step = -(-max(masks.shape[1:3]) // LARGEST_SIDE)
    return masks[:, ::step, ::step]
