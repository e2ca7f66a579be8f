"""Average precision of masks, as the COCO challenge defines it; the arithmetic is pycocotools' own."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from archbench.metrics import metric

Arrays = Mapping[str, np.ndarray]

SOURCE = "Lin et al. 2014, Microsoft COCO, arXiv:1405.0312; pycocotools"
LIKELY = 0.5
"""A pixel is in a mask from this probability on: Mask R-CNN, arXiv:1703.06870, section 3.1."""
CERTAIN = 255


def mask_average_precisions(targets: Arrays, predictions: Arrays) -> dict[str, float]:
    """`mask_map`, the mean over classes and IoU thresholds .50, .55 to .95 of masks, and `mask_map_50`, at .50 alone.

    `targets` holds `box_label` (image, object), and `masks` (image, object, height, width) or `instances` (image,
    height, width), where a pixel is 0 or 1 + object; `predictions` holds `boxes` (image, detection, [top, left, bottom,
    right]), `label`, `score`, and `mask` uint8 (image, detection, side, side) over the box, of which 255 is certain; at
    most 100 an image. A label of -1 is an empty row. Classes without any object in `targets` do not count; if there is
    no object at all, both are nan.
    """
    truth, found = [], []
    images = len(targets["box_label"])
    for image in range(images):
        masks = true_masks(targets, image)
        truth += _rows(image, masks, targets["box_label"][image])
        there = np.asarray(predictions["label"][image]) >= 0
        drawn = pasted(predictions["mask"][image][there], predictions["boxes"][image][there], masks.shape[1:])
        found += _rows(image, drawn, predictions["label"][image][there], predictions["score"][image][there])
    if not truth:
        return {"mask_map": math.nan, "mask_map_50": math.nan}
    if not found:
        return {"mask_map": 0.0, "mask_map_50": 0.0}
    precision = _precision(truth, found, images, masks.shape[1:])
    known = precision[0, 0] > -1  # the classes with objects
    return {
        "mask_map": float(precision[:, :, known].mean()),
        "mask_map_50": float(precision[0][:, known].mean()),
    }


@metric("mask_map", source=SOURCE, values="instances")
def mask_map(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision of masks over IoU thresholds .50, .55 to .95 (COCO's mask AP), between 0 and 1."""
    return mask_average_precisions(targets, predictions)["mask_map"]


@metric("mask_map_50", source=SOURCE, values="instances")
def mask_map_50(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision of masks where an IoU of one half is a hit (COCO's mask AP50), between 0 and 1."""
    return mask_average_precisions(targets, predictions)["mask_map_50"]


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


def _rows(image: int, masks: np.ndarray, labels: np.ndarray, scores: np.ndarray | None = None) -> list[dict[str, Any]]:
    """The masks that exist, as COCO annotations without a number; images and classes are numbered from 1."""
    rows = []
    for place in np.flatnonzero(np.asarray(labels) >= 0):
        code = run_lengths.encode(np.asfortranarray(masks[place].astype(np.uint8)))
        row = {
            "image_id": image + 1,
            "category_id": int(labels[place]) + 1,
            "segmentation": code,
            "area": float(run_lengths.area(code)),
            "bbox": run_lengths.toBbox(code).tolist(),
            "iscrowd": 0,
        }
        rows.append(row if scores is None else {**row, "score": float(scores[place])})
    return rows


def _precision(truth: list[dict], found: list[dict], images: int, size: tuple[int, int]) -> np.ndarray:
    """(threshold, recall, class) over objects of every area, of at most 100 detections an image."""
    kinds = sorted({row["category_id"] for row in truth + found})
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluation = COCOeval(*(_coco(rows, kinds, images, size) for rows in (truth, found)), "segm")
        evaluation.params.areaRng = evaluation.params.areaRng[:1]
        evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, -1]


def _coco(rows: list[dict], kinds: list[int], images: int, size: tuple[int, int]) -> COCO:
    coco = COCO()
    height, width = size
    coco.dataset = {
        "images": [{"id": number, "height": height, "width": width} for number in range(1, images + 1)],
        "categories": [{"id": number} for number in kinds],
        "annotations": [{"id": number, **row} for number, row in enumerate(rows, 1)],  # 0 stands for "unmatched"
    }
    coco.createIndex()
    return coco
