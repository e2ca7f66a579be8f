"""What keeps average precision from one: the mistakes of a detector by kind, and how much fixing each kind would win.

Bolya, Foley, Hays, Hoffman 2020, "TIDE: A General Toolbox for Identifying Object Detection Errors", arXiv:2008.08115,
sections 2.2 and 2.3; which kind comes first, and which mistake a fix turns into a hit, as in the authors' code. Differs
from it: detections are matched as COCO does, so that what a fix wins is added to `map_50`; classes without an object do
not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from archbench.metrics import metric
from archbench.metrics.coco import THRESHOLDS, Compared, best_precisions, compare_boxes, match, of_row

KINDS = ("localization", "classification", "duplicate", "background", "both", "missed")
"""Mistakes, in the order in which they are looked for: a detection is of the first kind that fits."""
LOCALIZATION, CLASSIFICATION, DUPLICATE, BACKGROUND, BOTH, MISSED = range(len(KINDS))
TOTALS = ("false_positive", "false_negative")
"""All wrong detections, and all objects that were not found, whatever the kind of mistake."""
FOREGROUND_IOU, BACKGROUND_IOU = 0.5, 0.1
"""An object is found from the one on; below the other, there is none."""
SURE = 0.3
"""A detection with less of a score is neither drawn nor counted among the mistakes in a picture."""

Arrays = Mapping[str, np.ndarray]


class Mistakes(NamedTuple):
    """What became of every detection and of every object."""

    right: np.ndarray
    """bool (image, detection): found an object that was to be found."""
    kind: np.ndarray
    """(image, detection): the place in `KINDS` of its mistake, or -1 where it made none or has no say."""
    owner: np.ndarray
    """(image, detection): the object that it means, if it is wrong in its place or its class."""
    fixable: np.ndarray
    """bool (image, detection): the surest that means an object which none has found; the others are left out."""
    found: np.ndarray
    """bool (image, object): by a right detection."""
    missed: np.ndarray
    """bool (image, object): neither found nor meant."""


class Breakdown(NamedTuple):
    """How many mistakes there are of each of `KINDS` and `TOTALS`, and how much `map_50` would grow without them."""

    counts: np.ndarray
    """int64 (kind,)."""
    gains: np.ndarray
    """float64 (kind,), each for itself: they do not add up."""


@metric("error_breakdown", source="Bolya et al. 2020, TIDE, arXiv:2008.08115", values="detections", gives="table")
def error_breakdown(targets: Arrays, predictions: Arrays) -> Breakdown:
    """Mistakes at an IoU of one half by kind, of boxes: counts, and the growth of `map_50` if a kind were fixed."""
    return break_down(compare_boxes(targets, predictions))


def break_down(compared: Compared) -> Breakdown:
    """`error_breakdown` of boxes or masks; gains are nan where there is no object."""
    told = find_mistakes(compared)
    wrong, wanted = told.kind >= 0, (compared.label >= 0) & ~compared.ignored
    counts = [int((told.missed if kind == MISSED else told.kind == kind).sum()) for kind in range(len(KINDS))]
    counts += [int(wrong.sum()), int((wanted & ~told.found).sum())]
    said = {"label": compared.said, "score": compared.score, "right": told.right, "wrong": wrong}
    before = _average_precision(compared, wanted, **said)
    gains = [_average_precision(compared, *_without(kind, compared, told, said, wanted)) for kind in range(len(KINDS))]
    perfect = {**said, "score": np.where(told.right, 1.0, 0.0)}
    gains += [_average_precision(compared, wanted, **perfect), _average_precision(compared, told.found, **said)]
    return Breakdown(np.array(counts), np.maximum(np.array(gains) - before, 0.0))


def find_mistakes(compared: Compared) -> Mistakes:
    """Judge every detection and every object at `FOREGROUND_IOU`."""
    row = match(compared, compared.ignored[None], THRESHOLDS[:1])[0, 0]
    right = (row >= 0) & ~of_row(compared.ignored, row)
    wanted = (compared.label >= 0) & ~compared.ignored
    number = np.arange(compared.label.shape[1])
    found = ((row[..., None] == number) & right[..., None]).any(axis=1)
    shared = np.where(wanted[:, None], compared.shared, 0.0)
    same = compared.said[..., None] == compared.label[:, None]
    own, other = np.where(same, shared, 0.0), np.where(same, 0.0, shared)
    nearest_own = own.max(axis=2, initial=0.0)
    fits = [
        (nearest_own >= BACKGROUND_IOU) & (nearest_own <= FOREGROUND_IOU),
        other.max(axis=2, initial=0.0) >= FOREGROUND_IOU,
        np.where(found[:, None], own, 0.0).max(axis=2, initial=0.0) >= FOREGROUND_IOU,
        shared.max(axis=2, initial=0.0) <= BACKGROUND_IOU,
    ]
    kind = np.where((compared.said >= 0) & (row < 0), np.select(fits, range(len(fits)), BOTH), -1)
    meant = np.where((kind == CLASSIFICATION)[..., None], other, own)
    owner = meant.argmax(axis=2) if len(number) else np.zeros(kind.shape, int)
    means = np.isin(kind, (LOCALIZATION, CLASSIFICATION))[..., None] & (owner[..., None] == number) & ~found[:, None]
    fixable = (means & (means.cumsum(axis=1) == 1)).any(axis=2)
    return Mistakes(right, kind, owner, fixable, found, wanted & ~found & ~means.any(axis=1))


def mistakes_of_images(compared: Compared, sure: float = SURE) -> np.ndarray:
    """(image,): objects that no `sure` detection has found, and sure detections that are wrong."""
    told, certain = find_mistakes(compared), compared.score >= sure
    wanted = ((compared.label >= 0) & ~compared.ignored).sum(axis=1)
    return wanted - (told.right & certain).sum(axis=1) + ((told.kind >= 0) & certain).sum(axis=1)


def _without(
    kind: int, compared: Compared, told: Mistakes, said: Mapping[str, np.ndarray], wanted: np.ndarray
) -> tuple[np.ndarray, ...]:
    """What `_average_precision` reads, without the mistakes of a kind."""
    if kind == MISSED:
        return wanted & ~told.missed, *said.values()
    of_kind = told.kind == kind
    mended = of_kind & told.fixable
    label = said["label"]
    if kind == CLASSIFICATION:
        label = np.where(mended, of_row(compared.label, told.owner), label)
    return wanted, label, said["score"], said["right"] | mended, said["wrong"] & ~of_kind


def _average_precision(
    compared: Compared, wanted: np.ndarray, label: np.ndarray, score: np.ndarray, right: np.ndarray, wrong: np.ndarray
) -> float:
    """The mean over the classes with objects; one that no longer has any, nor detections, is left out."""
    found = []
    for kind in compared.kinds:
        objects, there = ((compared.label == kind) & wanted).sum(), (label == kind) & (right | wrong)
        if objects:
            order = np.argsort(-score[there], kind="stable")
            found.append(best_precisions(right[there][None, order], wrong[there][None, order], objects).mean())
        elif there.any():
            found.append(0.0)
    return float(np.mean(found)) if found else np.nan
