"""Average precision of masks, as the COCO challenge defines it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pycocotools import mask as run_lengths

from archbench.metrics import metric
from archbench.metrics.coco import AREAS, Compared, mean_precisions, precisions, surest_first, told

Arrays = Mapping[str, np.ndarray]

SOURCE = "Lin et al. 2014, Microsoft COCO, arXiv:1405.0312; pycocotools"
LIKELY = 0.5
"""A pixel is in a mask from this probability on: Mask R-CNN, arXiv:1703.06870, section 3.1."""
CERTAIN = 255


def mask_average_precisions(targets: Arrays, predictions: Arrays) -> dict[str, float]:
    """`mask_map`, the mean over classes and IoU thresholds .50, .55 to .95 of masks, and `mask_map_50`, at .50 alone.

    And where there are objects of that size `mask_map_small`, of a mask below 32 x 32 pixels, `mask_map_medium`, and
    `mask_map_large`, beyond 96 x 96. `targets` and `predictions` are those of `compare_masks`. Classes without any
    object in `targets` do not count; if there is no object at all, `mask_map` and `mask_map_50` are nan.
    """
    found = mean_precisions(precisions(compare_masks(targets, predictions)))
    return {f"mask_{name}": value for name, value in found.items()}


@metric("mask_map", source=SOURCE, values="instances")
def mask_map(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision of masks over IoU thresholds .50, .55 to .95 (COCO's mask AP), between 0 and 1."""
    return mask_average_precisions(targets, predictions)["mask_map"]


@metric("mask_map_50", source=SOURCE, values="instances")
def mask_map_50(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision of masks where an IoU of one half is a hit (COCO's mask AP50), between 0 and 1."""
    return mask_average_precisions(targets, predictions)["mask_map_50"]


@metric({f"mask_map_{size}": {"size": size} for size in AREAS if size != "all"}, source=SOURCE, values="instances")
def mask_map_of_size(targets: Arrays, predictions: Arrays, *, size: Literal["small", "medium", "large"]) -> float:
    """Mean average precision of masks of one size (COCO's mask AP), between 0 and 1; nan where there are none.

    Small ones are below 32 x 32 pixels, large ones beyond 96 x 96.
    """
    return mask_average_precisions(targets, predictions).get(f"mask_map_{size}", math.nan)


def compare_masks(targets: Arrays, predictions: Arrays) -> Compared:
    """The true masks of every image, those that are ignored, and the predicted ones.

    `targets` holds `box_label` (image, object), and `masks` (image, object, height, width) or `instances` (image,
    height, width), where a pixel is 0 or 1 + object; and may hold `ignored_masks`, of the form of `masks`, with
    `ignored_label` and `ignored_crowd`. `predictions` holds `boxes` (image, detection, [top, left, bottom, right]),
    `label`, `score`, and `mask` uint8 (image, detection, side, side) over the box, of which 255 is certain; at most 100
    an image. A label of -1 is an empty row.
    """
    label, ignored, crowd = told(targets, "ignored_masks")
    said = surest_first(predictions)
    compared = Compared(
        *(label, np.zeros(label.shape), ignored, crowd, said["label"], said["score"], np.zeros(said["label"].shape)),
        shared=np.zeros((*said["label"].shape, label.shape[1])),
    )
    for image in range(len(label)):
        objects, found = np.flatnonzero(label[image] >= 0), np.flatnonzero(said["label"][image] >= 0)
        masks = true_masks(targets, image)
        if "ignored_masks" in targets:
            masks = np.concatenate([masks, np.asarray(targets["ignored_masks"][image]) > 0])
        drawn = pasted(said["mask"][image, found], said["boxes"][image, found], masks.shape[1:])
        truth, guess = _codes(masks[objects]), _codes(drawn)
        compared.area[image, objects], compared.said_area[image, found] = _areas(truth), _areas(guess)
        if truth and guess:
            crowds = crowd[image, objects].astype("uint8").tolist()
            compared.shared[np.ix_([image], found, objects)] = run_lengths.iou(guess, truth, crowds)
    return compared


def true_masks(targets: Arrays, image: int) -> np.ndarray:
    """The masks of the objects of an image: bool (object, height, width)."""
    if "masks" in targets:
        return np.asarray(targets["masks"][image]) > 0
    number = np.arange(1, len(targets["box_label"][image]) + 1)
    return np.asarray(targets["instances"][image]) == number[:, None, None]


def pasted(masks: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Predicted `masks` uint8 (n, side, side) at their `boxes` (n, 4) in a picture of `size`: bool (n, height, width).

    The inverse of RoIAlign: the middle of each pixel in the box is read from the mask, bilinearly between the middles
    of its cells, beyond the outer ones as these; it is in the mask where that is `LIKELY`.
    """
    down = _shares(boxes[:, 0::2], masks.shape[1], size[0])
    across = _shares(boxes[:, 1::2], masks.shape[2], size[1])
    return down @ (masks / np.float32(CERTAIN)) @ across.transpose(0, 2, 1) >= LIKELY


def _shares(ends: np.ndarray, cells: int, pixels: int) -> np.ndarray:
    """How much each pixel (n, `pixels`, `cells`) of an axis reads of each cell that `ends` (n, 2) are cut into."""
    first, last = (np.asarray(end, "float32")[:, None] for end in ends.T)
    middle = np.arange(pixels, dtype="float32") + 0.5
    place = np.clip((middle - first) / np.maximum(last - first, 1e-6) * cells - 0.5, 0, cells - 1)
    shares = np.maximum(0, 1 - np.abs(place[..., None] - np.arange(cells, dtype="float32")))
    return shares * ((middle >= first) & (middle < last))[..., None]


def _codes(masks: np.ndarray) -> list[dict]:
    """The run lengths of `masks` (n, height, width)."""
    return run_lengths.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype("uint8"))) if len(masks) else []


def _areas(codes: list[dict]) -> np.ndarray:
    """Pixels of each."""
    return np.array(run_lengths.area(codes) if codes else [], "float64")
