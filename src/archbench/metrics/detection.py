"""Average precision of detections, as the COCO and the Pascal VOC challenge define it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from archbench.metrics import metric
from archbench.metrics.coco import AREAS, Compared, compare_boxes, mean_precisions, precisions
from archbench.options import Inside

Arrays = Mapping[str, np.ndarray]

SOURCE = "Lin et al. 2014, Microsoft COCO, arXiv:1405.0312; pycocotools"


def average_precisions(targets: Arrays, predictions: Arrays) -> dict[str, float]:
    """`map`, the mean over classes and over IoU thresholds .50, .55 to .95, and `map_50`, at .50 alone.

    And where there are objects of that size `map_small`, below 32 x 32 square pixels, `map_medium`, and `map_large`,
    beyond 96 x 96, as `map` of these alone.

    `targets` holds `boxes` (image, object, [top, left, bottom, right]) and `box_label` (image, object), and may hold
    `ignored_boxes`, `ignored_label` and `ignored_crowd` in the same form: what is neither to be found nor wrong to be
    found, and a crowd takes any number of detections. `predictions` holds `boxes`, `score` and `label`, at most 100 an
    image. A label of -1 is an empty row. Classes without any object in `targets` do not count; if there is no object at
    all, `map` and `map_50` are nan.
    """
    return mean_precisions(precisions(compare_boxes(targets, predictions)))


@metric("map", source=SOURCE, values="detections")
def coco_map(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision over IoU thresholds .50, .55 to .95 (COCO's AP), between 0 and 1."""
    return average_precisions(targets, predictions)["map"]


@metric("map_50", source=SOURCE, values="detections")
def map_50(targets: Arrays, predictions: Arrays) -> float:
    """Mean average precision where an IoU of one half is a hit (COCO's AP50), between 0 and 1."""
    return average_precisions(targets, predictions)["map_50"]


@metric(
    {f"map_{size}": {"size": size} for size in AREAS if size != "all"},
    source=SOURCE,
    values="detections",
)
def map_of_size(targets: Arrays, predictions: Arrays, *, size: Literal["small", "medium", "large"]) -> float:
    """Mean average precision of objects of one size (COCO's AP), between 0 and 1; nan where there are none.

    Small ones are below 32 x 32 square pixels, large ones beyond 96 x 96.
    """
    return average_precisions(targets, predictions).get(f"map_{size}", math.nan)


@metric(
    "average_precision",
    source="Everingham et al. 2010, The Pascal Visual Object Classes Challenge, IJCV 88, section 4.2",
    values="detections",
)
def average_precision(
    targets: Arrays, predictions: Arrays, *, points: Literal["11", "all"] = "all", iou_threshold: Inside = 0.5
) -> float:
    """Mean over classes of the average precision of Pascal VOC, between 0 and 1; nan where there is no object.

    The area below precision over recall where precision is the best at that recall or a higher one, at all `points`,
    as from 2010 on, or its mean at the 11 recalls 0, 0.1 to 1, as in 2007. A detection is a hit where the object that
    it overlaps most does so by `iou_threshold` and no surer one has it. `targets` and `predictions` are those of
    `average_precisions`; VOC's difficult objects are ignored ones, and so are crowds.
    """
    # VOC knows no crowds: they share what other boxes share.
    plain = {"ignored_crowd": np.zeros_like(targets["ignored_crowd"])} if "ignored_crowd" in targets else {}
    compared = compare_boxes({**targets, **plain}, predictions)
    found = []
    for kind in compared.kinds:
        recall, precision = _curve(compared, kind, iou_threshold)
        best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        if points == "all":
            found.append(float(np.sum(np.diff(recall, prepend=0.0) * best[:-1])))
        else:
            found.append(float(np.mean(best[np.searchsorted(recall, np.linspace(0, 1, 11) - 1e-12)])))
    return float(np.mean(found)) if found else math.nan


def _curve(compared: Compared, kind: int, iou_threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision after each detection of a class that counts, the surest first."""
    images, rows = np.nonzero(compared.said == kind)
    order = np.argsort(-compared.score[images, rows], kind="stable")
    own = compared.label == kind
    taken, hits = np.zeros(own.shape, bool), []
    for image, row in zip(images[order], rows[order], strict=True):
        shared = np.where(own[image], compared.shared[image, row], -1.0)
        best = int(shared.argmax())
        near = shared[best] >= iou_threshold
        if near and compared.ignored[image, best]:
            continue
        hits.append(near and not taken[image, best])
        if near:
            taken[image, best] = True
    right = np.cumsum(np.array(hits, float))
    return right / (own & ~compared.ignored).sum(), right / np.arange(1, len(hits) + 1)
