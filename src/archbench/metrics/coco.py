"""Precision over recall, as the COCO challenge defines it: pycocotools' arithmetic on whole arrays.

Lin et al. 2014, Microsoft COCO, arXiv:1405.0312; pycocotools goes through images and classes one by one, which takes
longer than many a net's epoch. Here both are axes, and the detections of one rank are matched at once. Boxes and masks
differ in what they share alone, so that both are compared here.
"""

from __future__ import annotations

import math
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
IOU_50, EVERY_AREA = 0, 0
"""Places in what `precisions` gives (threshold, recall, class, area)."""
AT_ONCE = 64
"""Images whose boxes are compared together."""


class Compared(NamedTuple):
    """The objects and the detections of every image, and what they share. In rows without one the label is -1."""

    label: np.ndarray
    """(image, object)."""
    area: np.ndarray
    """float64 (image, object), in square pixels."""
    ignored: np.ndarray
    """bool (image, object): neither to be found nor wrong to be found."""
    crowd: np.ndarray
    """bool (image, object): ignored, and any number of detections may lie in it."""
    said: np.ndarray
    """The label of each detection (image, detection), the surest of an image first."""
    score: np.ndarray
    """float64 (image, detection)."""
    said_area: np.ndarray
    """float64 (image, detection), in square pixels."""
    shared: np.ndarray
    """float64 (image, detection, object): the IoU, or of a crowd the share of the detection that lies in it."""

    @property
    def kinds(self) -> np.ndarray:
        """The labels of the objects that are to be found, in order."""
        return np.unique(self.label[(self.label >= 0) & ~self.ignored])


def compare_boxes(targets: Arrays, predictions: Arrays) -> Compared:
    """Of `boxes` float32 (image, object, [top, left, bottom, right]), and others that are ignored, and those predicted.

    `targets` also holds `box_label`, and may hold `ignored_boxes`, `ignored_label` and `ignored_crowd`; `predictions`
    holds `boxes`, `score` and `label`, at most 100 an image.
    """
    label, ignored, crowd = told(targets, "ignored_boxes")
    boxes = np.asarray(targets["boxes"], "float64")
    if label.shape != boxes.shape[:2]:
        boxes = np.concatenate([boxes, np.asarray(targets["ignored_boxes"], "float64")], axis=1)
    said = surest_first(predictions)
    found = np.asarray(said["boxes"], "float64")
    some = [slice(start, start + AT_ONCE) for start in range(0, len(boxes), AT_ONCE)]
    shared = [overlap(found[rows][:, :, None], boxes[rows][:, None], crowd[rows][:, None]) for rows in some]
    return Compared(
        label, _area(boxes), ignored, crowd, said["label"], said["score"], _area(found), np.concatenate(shared)
    )


def told(targets: Arrays, ignored: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The label of every object, whether it is ignored, and whether it is a crowd, each (image, object).

    Those that are ignored come last, where `targets` has the array `ignored` of what they look like.
    """
    label = np.asarray(targets["box_label"])
    nothing = np.zeros(label.shape, bool)
    if ignored not in targets:
        return label, nothing, nothing
    further, crowd = np.asarray(targets["ignored_label"]), np.asarray(targets["ignored_crowd"]) > 0
    return (
        np.concatenate([label, further], axis=1),
        np.concatenate([nothing, np.ones(further.shape, bool)], axis=1),
        np.concatenate([nothing, crowd], axis=1),
    )


def surest_first(predictions: Arrays) -> dict[str, np.ndarray]:
    """`predictions` (image, detection, ...), the surest of each image first; `score` as float64."""
    score = np.asarray(predictions["score"], "float64")
    order = np.argsort(-score, axis=1, kind="stable")
    arrays = {**{name: np.asarray(values) for name, values in predictions.items()}, "score": score}
    return {
        name: np.take_along_axis(values, order.reshape(*order.shape, *[1] * (values.ndim - 2)), axis=1)
        for name, values in arrays.items()
    }


def precisions(compared: Compared) -> np.ndarray:
    """(threshold, recall, class, area): the best precision at that recall or a higher one, -1 where no object is.

    The classes are those with an object, in order, the areas those of `AREAS`.
    """
    kinds = compared.kinds
    found = np.full((len(THRESHOLDS), len(RECALLS), len(kinds), len(AREAS)), NONE)
    if not len(kinds):
        return found
    low, high = (np.array(ends)[:, None, None] for ends in zip(*AREAS.values(), strict=True))
    ignored = compared.ignored | (compared.area < low) | (compared.area > high)  # (area, image, object)
    row = match(compared, ignored, THRESHOLDS)
    hit = row >= 0
    outside = (compared.said_area < low) | (compared.said_area > high)
    missing = np.where(hit, of_row(ignored[:, None], row), outside[:, None])
    for place, kind in enumerate(kinds):
        objects = ((compared.label == kind) & ~ignored).sum(axis=(1, 2))
        there = compared.said == kind
        order = np.argsort(-compared.score[there], kind="stable")
        right, wrong = (one[:, :, there][:, :, order] for one in (hit & ~missing, ~hit & ~missing))
        for number in np.flatnonzero(objects):
            found[:, :, place, number] = best_precisions(right[number], wrong[number], objects[number])
    return found


def best_precisions(right: np.ndarray, wrong: np.ndarray, objects: int) -> np.ndarray:
    """(row, recall): the best precision at each of `RECALLS` or a higher one, of so many objects.

    `right` and `wrong` are bool (row, detection), the surest first; a detection that is neither has no say.
    """
    right, wrong = (np.cumsum(one, axis=1).astype(float) for one in (right, wrong))
    precision = right / (wrong + right + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    pairs = zip(right / objects, precision, strict=True)
    return np.stack([np.append(best, 0.0)[np.searchsorted(recall, RECALLS, side="left")] for recall, best in pairs])


def mean_precisions(precision: np.ndarray) -> dict[str, float]:
    """`map` and `map_50` of what `precisions` gives, and `map_small`, `map_medium`, `map_large` of the sizes there are.

    Nan where there is no object at all.
    """
    if not precision.shape[2]:
        return {"map": math.nan, "map_50": math.nan}
    # Copies, so that the order in which numbers are added up hangs on no array's layout.
    everywhere, kinds = precision[:, :, :, EVERY_AREA], np.arange(precision.shape[2])
    found = {"map": float(everywhere[:, :, kinds].mean()), "map_50": float(everywhere[IOU_50][:, kinds].mean())}
    for place, size in enumerate(AREAS):
        values = precision[:, :, :, place]
        if place != EVERY_AREA and (values > NONE).any():
            found[f"map_{size}"] = float(values[values > NONE].mean())
    return found


def match(compared: Compared, ignored: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """The object that each detection has, or -1: (area, threshold, image, detection).

    `ignored` is (area, image, object). The surest first takes the object of its class that it overlaps most of those
    that are left; one that is ignored only where it reaches no other. Of equal ones it takes the last.
    """
    label, said, crowd = compared.label, compared.said, compared.crowd
    found = np.full((len(ignored), len(thresholds), *said.shape), -1)
    taken = np.zeros((*found.shape[:3], label.shape[1]), bool)
    least = np.minimum(thresholds, 1 - 1e-10)[:, None, None]
    ignored = np.broadcast_to(ignored[:, None], taken.shape)
    own = (label >= 0)[:, None] & (label[:, None] == said[..., None]) & (compared.shared >= least.min())
    for rank in range(said.shape[1]):
        images = np.flatnonzero(own[:, rank].any(axis=1))  # where this detection may have an object
        if not len(images):
            continue
        near, was_taken = compared.shared[images, rank], taken[:, :, images]  # (image, object)
        reached = (near >= least) & own[images, rank] & (~was_taken | crowd[images])
        asked = reached & ~ignored[:, :, images]
        reached = np.where(asked.any(axis=-1, keepdims=True), asked, reached)
        best = label.shape[1] - 1 - np.where(reached, near, -1.0)[..., ::-1].argmax(axis=-1)
        taken[:, :, images] = was_taken | (np.arange(label.shape[1]) == best[..., None]) & reached
        found[:, :, images, rank] = np.where(reached.any(axis=-1), best, -1)
    return found


def of_row(values: np.ndarray, row: np.ndarray) -> np.ndarray:
    """What `values` (..., image, object) say of the object that each detection has, `row` (..., image, detection).

    Where that is -1: of the first, and of nothing where there is none.
    """
    if not values.shape[-1]:
        return np.zeros(row.shape, values.dtype)
    shape = *row.shape[:-1], values.shape[-1]
    return np.take_along_axis(np.broadcast_to(values, shape), np.maximum(row, 0), axis=-1)


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
