"""Precision over recall of boxes, as the COCO challenge defines it: pycocotools' arithmetic on whole arrays.

Lin et al. 2014, Microsoft COCO, arXiv:1405.0312; pycocotools goes through images one by one, which takes longer than
many a net's epoch. Here the images are an axis, and the detections of one rank are matched at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Arrays = Mapping[str, np.ndarray]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""IoU from which on a detection is a hit: .50, .55 to .95."""
RECALLS = np.linspace(0.0, 1.0, 101)
"""Where precision is read."""
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Objects by their area in square pixels, ends included."""
NONE = -1.0
"""The precision where there is no object."""


class Truth(NamedTuple):
    """The objects of every image, and what is ignored: neither to be found nor wrong to be found."""

    boxes: np.ndarray
    """float64 (image, object, [top, left, bottom, right])."""
    label: np.ndarray
    """(image, object), -1 in rows without one."""
    ignored: np.ndarray
    """bool (image, object)."""
    crowd: np.ndarray
    """bool (image, object): ignored, and any number of detections may lie in it."""


def read_truth(targets: Arrays) -> Truth:
    """Of `boxes` and `box_label`, and where there are such `ignored_boxes`, `ignored_label` and `ignored_crowd`."""
    boxes, label = np.asarray(targets["boxes"], "float64"), np.asarray(targets["box_label"])
    nothing = np.zeros(label.shape, bool)
    if "ignored_boxes" not in targets:
        return Truth(boxes, label, nothing, nothing)
    further = np.asarray(targets["ignored_label"])
    crowd = np.asarray(targets["ignored_crowd"]) > 0
    return Truth(
        np.concatenate([boxes, np.asarray(targets["ignored_boxes"], "float64")], axis=1),
        np.concatenate([label, further], axis=1),
        np.concatenate([nothing, np.ones(further.shape, bool)], axis=1),
        np.concatenate([nothing, crowd], axis=1),
    )


def precisions(targets: Arrays, predictions: Arrays) -> np.ndarray:
    """(threshold, recall, class, area): the best precision at that recall or a higher one, -1 where no object is.

    `targets` are as `read_truth` reads them; `predictions` holds `boxes`, `score` and `label`, -1 in empty rows, at
    most 100 an image. The classes are those with an object, in order, the areas those of `AREAS`.
    """
    truth, score = read_truth(targets), np.asarray(predictions["score"], "float64")
    surest = np.argsort(-score, axis=1, kind="stable")
    label, score = (np.take_along_axis(np.asarray(one), surest, axis=1) for one in (predictions["label"], score))
    boxes = np.take_along_axis(np.asarray(predictions["boxes"], "float64"), surest[..., None], axis=1)
    kinds = np.unique(truth.label[(truth.label >= 0) & ~truth.ignored])
    found = np.full((len(THRESHOLDS), len(RECALLS), len(kinds), len(AREAS)), NONE)
    for place, kind in enumerate(kinds):
        own = Truth(*_picked(truth.label == kind, *truth))
        label_of, boxes_of, score_of = _picked(label == kind, label, boxes, score)
        found[:, :, place] = _of_one_kind(own, own.label == kind, boxes_of, score_of, label_of == kind)
    return found


def _picked(wanted: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
    """Of `arrays` (image, row, ...) the rows that are `wanted` (image, row) first, as many as the most of an image.

    One row at least; in images with fewer, others follow, whose labels tell that they are not wanted.
    """
    order = np.argsort(~wanted, axis=1, kind="stable")[:, : max(1, int(wanted.sum(axis=1).max(initial=0)))]
    return [np.take_along_axis(one, order.reshape(*order.shape, *[1] * (one.ndim - 2)), axis=1) for one in arrays]


def _of_one_kind(
    truth: Truth, exists: np.ndarray, boxes: np.ndarray, score: np.ndarray, there: np.ndarray
) -> np.ndarray:
    """(threshold, recall, area) of detections that stand the surest first in their image."""
    low, high = (np.array(ends)[:, None, None] for ends in zip(*AREAS.values(), strict=True))
    area, own = _area(truth.boxes), _area(boxes)
    ignored = truth.ignored | (area < low) | (area > high)  # (area, image, object)
    objects = (exists & ~ignored).sum(axis=(1, 2))
    shared = overlap(boxes[:, :, None], truth.boxes[:, None], truth.crowd[:, None])
    hit, missing = _match(shared, there, exists, ignored, truth.crowd)
    missing |= ~hit & ((own < low) | (own > high))[:, None]
    order = np.argsort(-score[there], kind="stable")
    hit, missing = (one[:, :, there][:, :, order] for one in (hit, missing))  # (area, threshold, detection)
    right = np.cumsum(hit & ~missing, axis=2).astype(float)
    wrong = np.cumsum(~hit & ~missing, axis=2).astype(float)
    found = np.full((len(THRESHOLDS), len(RECALLS), len(AREAS)), NONE)
    for number in np.flatnonzero(objects):
        precision = right[number] / (wrong[number] + right[number] + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        for row, recall in enumerate(right[number] / objects[number]):
            places = np.searchsorted(recall, RECALLS, side="left")
            found[row, :, number] = np.append(precision[row], 0.0)[places]
    return found


def _match(
    shared: np.ndarray, there: np.ndarray, exists: np.ndarray, ignored: np.ndarray, crowd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which detections have an object, and which of these an ignored one: (area, threshold, image, detection).

    `shared` (image, detection, object) is the overlap, `there` (image, detection) and `exists` (image, object) tell
    rows that hold something, `ignored` is (area, image, object) and `crowd` (image, object).
    The surest first takes the object that it overlaps most of those that are left; one that is ignored only where it
    reaches no other. Of equal ones it takes the last.
    """
    shape = (len(ignored), len(THRESHOLDS), *there.shape)
    hit, missing = np.zeros(shape, bool), np.zeros(shape, bool)
    taken = np.zeros((*shape[:3], exists.shape[1]), bool)
    least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None, None]
    ignored = np.broadcast_to(ignored[:, None], taken.shape)
    for rank in range(there.shape[1]):
        near = shared[:, rank]  # (image, object)
        reached = (near >= least) & exists & there[:, rank, None] & (~taken | crowd)
        asked = reached & ~ignored
        reached = np.where(asked.any(axis=-1, keepdims=True), asked, reached)
        best = np.where(reached, near, -1.0)[..., ::-1].argmax(axis=-1)
        mine = (np.arange(exists.shape[1]) == (exists.shape[1] - 1 - best)[..., None]) & reached
        taken |= mine
        hit[..., rank], missing[..., rank] = mine.any(axis=-1), (mine & ignored).any(axis=-1)
    return hit, missing


def overlap(boxes: np.ndarray, truth: np.ndarray, crowd: np.ndarray | bool = False) -> np.ndarray:
    """IoU of `boxes` and `truth` (..., 4), shapes broadcast; of a `crowd` (...) the share of the box that lies in it.

    From corners and sides, as pycocotools has boxes, so that the last digit is its as well.
    """
    top, left, height, width = _sides(boxes)
    top_2, left_2, height_2, width_2 = _sides(truth)
    across = np.minimum(width + left, width_2 + left_2) - np.maximum(left, left_2)
    down = np.minimum(height + top, height_2 + top_2) - np.maximum(top, top_2)
    shared = np.where((across > 0) & (down > 0), across * down, 0.0)
    own = width * height
    either = np.where(crowd, own, own + width_2 * height_2 - shared)
    return np.divide(shared, either, out=np.zeros_like(shared), where=shared > 0)


def _sides(boxes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Top, left, height and width."""
    return boxes[..., 0], boxes[..., 1], boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
