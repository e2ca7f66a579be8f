"""Average precision of detections, as the COCO challenge defines it; the arithmetic is pycocotools' own."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from archbench.metrics import metric

Arrays = Mapping[str, np.ndarray]

SOURCE = "Lin et al. 2014, Microsoft COCO, arXiv:1405.0312; pycocotools"
IOU_50, EVERY_AREA, MOST_DETECTIONS = 0, 0, -1
"""Places in pycocotools' `precision` (threshold, recall, class, area, detections an image)."""


def average_precisions(targets: Arrays, predictions: Arrays) -> dict[str, float]:
    """`map`, the mean over classes and over IoU thresholds .50, .55 to .95, and `map_50`, at .50 alone.

    `targets` holds `boxes` (image, object, [top, left, bottom, right]) and `box_label` (image, object);
    `predictions` holds `boxes`, `score` and `label` in the same form, at most 100 an image. A label of -1 is
    an empty row. Classes without any object in `targets` do not count; if there is no object at all, both are
    nan.
    """
    truth = _rows(targets["boxes"], targets["box_label"])
    found = _rows(predictions["boxes"], predictions["label"], predictions["score"])
    if not truth:
        return {"map": math.nan, "map_50": math.nan}
    if not found:
        return {"map": 0.0, "map_50": 0.0}
    precision = _precision(truth, found, len(targets["boxes"]))[:, :, :, EVERY_AREA, MOST_DETECTIONS]
    known = precision[0, 0] > -1  # the classes with objects
    return {"map": float(precision[:, :, known].mean()), "map_50": float(precision[IOU_50][:, known].mean())}


@metric("map", source=SOURCE, values="detections")
def coco_map(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision over IoU thresholds .50, .55 to .95 (COCO's AP), between 0 and 1."""
    return average_precisions(targets, predictions)["map"]


@metric("map_50", source=SOURCE, values="detections")
def map_50(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision where an IoU of one half is a hit (COCO's AP50), between 0 and 1."""
    return average_precisions(targets, predictions)["map_50"]


def _rows(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray | None = None) -> list[dict]:
    """The boxes that exist, as COCO annotations; images and classes are numbered from 1."""
    rows = []
    for image, row in np.argwhere(np.asarray(labels) >= 0):
        top, left, bottom, right = (float(side) for side in boxes[image, row])
        height, width = bottom - top, right - left
        annotation = {
            "id": len(rows) + 1,  # pycocotools takes the id 0 for "unmatched"
            "image_id": int(image) + 1,
            "category_id": int(labels[image, row]) + 1,
            "bbox": [left, top, width, height],
            "area": height * width,
            "iscrowd": 0,
        }
        if scores is not None:
            annotation["score"] = float(scores[image, row])
        rows.append(annotation)
    return rows


def _precision(truth: list[dict], found: list[dict], images: int) -> np.ndarray:
    kinds = sorted({row["category_id"] for row in truth + found})
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluation = COCOeval(_coco(truth, kinds, images), _coco(found, kinds, images), "bbox")
        evaluation.params.areaRng = evaluation.params.areaRng[:1]
        evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"]


def _coco(rows: list[dict], kinds: list[int], images: int) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": number} for number in range(1, images + 1)],
        "categories": [{"id": number} for number in kinds],
        "annotations": rows,
    }
    coco.createIndex()
    return coco
