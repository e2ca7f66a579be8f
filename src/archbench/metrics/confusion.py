"""Metrics of labels, all from one table: how often each true class was given each predicted class."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.metrics import metric

AT_ONCE = 2**22
"""Labels that are counted together."""
Label = Annotated[int, Field(ge=0, le=65_535)]


@metric("confusion_matrix", source="scikit-learn, confusion_matrix", values="labels", gives="table")
def confusion_matrix(targets: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts int64 (true class, predicted class) of integers of any one shape, all in 0 .. `classes` - 1.

    The one metric that is no number: those of several batches add up, and the others here follow from it.
    """
    targets, predictions = np.asarray(targets).ravel(), np.asarray(predictions).ravel()
    counts = np.zeros(classes * classes, np.int64)
    for start in range(0, len(targets), AT_ONCE):  # of all pixels of a split the pairs would not fit into memory
        rows = slice(start, start + AT_ONCE)
        pairs = targets[rows].astype(np.int64) * classes + predictions[rows]
        counts += np.bincount(pairs, minlength=len(counts))
    return counts.reshape(classes, classes)


@metric("accuracy", source="scikit-learn, accuracy_score", values="labels")
def accuracy(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The share of examples given their true class, between 0 and 1."""
    return float(np.mean(np.asarray(targets) == np.asarray(predictions)))


@metric("precision", source="scikit-learn, precision_score(average='macro')", values="labels")
def precision(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Macro precision: hits / predictions of each class, averaged over classes, between 0 and 1.

    A class that is true but never predicted counts as 0; one that is neither in `targets` nor in `predictions` does
    not count.
    """
    hits, true, predicted = _margins(targets, predictions)
    return _mean_present(_shares(hits, predicted, 0.0), true, predicted)


@metric("recall", source="scikit-learn, recall_score(average='macro')", values="labels")
def recall(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Macro recall: hits / targets of each class, averaged over classes, between 0 and 1.

    A class that is predicted but nowhere true counts as 0; one that is neither in `targets` nor in `predictions` does
    not count.
    """
    hits, true, predicted = _margins(targets, predictions)
    return _mean_present(_shares(hits, true, 0.0), true, predicted)


def precision_and_recall(targets: np.ndarray, predictions: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of every class, each (`classes`,); nan where a class is never predicted or nowhere true."""
    table = confusion_matrix(targets, predictions, classes)
    hits = np.diag(table)
    return _shares(hits, table.sum(axis=0), np.nan), _shares(hits, table.sum(axis=1), np.nan)


@metric("f1", source="scikit-learn, f1_score(average='macro')", values="labels")
def f1(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Macro F1: 2 hits / (targets + predictions) of each class, averaged over classes, between 0 and 1.

    Classes that are neither in `targets` nor in `predictions` do not count.
    """
    hits, true, predicted = _margins(targets, predictions)
    present = true + predicted > 0
    return float(np.mean(2 * hits[present] / (true + predicted)[present]))


@metric("pixel_accuracy", source="Long et al. 2014, section 5, arXiv:1411.4038", values="labels")
def pixel_accuracy(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The share of pixels given their true class, between 0 and 1: sum_i n_ii / sum_i t_i."""
    return accuracy(targets, predictions)


@metric(
    "pixel_error",
    source="Arganda-Carreras et al. 2015, Frontiers in Neuroanatomy 9, 142",
    values="labels",
    less_is_better=True,
)
def pixel_error(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The share of pixels given another than their true class, between 0 and 1."""
    return 1 - pixel_accuracy(targets, predictions)


@metric("mean_iou", source="Long et al. 2014, section 5, arXiv:1411.4038", values="labels")
def mean_iou(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Intersection over union of each class over all pixels of a split, averaged over classes.

    A class counts if it is in `targets` or in `predictions`, the background too: one that was predicted but
    is nowhere true scores 0, one that is in neither is left out. Between 0 and 1.
    """
    shares = class_ious(targets, predictions, _classes(targets, predictions))
    return float(np.mean(shares[~np.isnan(shares)]))


@metric("class_iou", source="Long et al. 2014, section 5, arXiv:1411.4038", values="labels", smoke={"label": 0})
def class_iou(targets: np.ndarray, predictions: np.ndarray, *, label: Label) -> float:
    """Intersection over union of one class over all pixels of a split: n_ii / (t_i + sum_j n_ji - n_ii).

    Between 0 and 1; nan where `label` is neither in `targets` nor in `predictions`.
    """
    classes = max(label + 1, _classes(targets, predictions))
    return float(class_ious(targets, predictions, classes)[label])


def class_ious(targets: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """`class_iou` of every class, (`classes`,)."""
    table = confusion_matrix(targets, predictions, classes)
    hits = np.diag(table)
    return _shares(hits, table.sum(axis=1) + table.sum(axis=0) - hits, np.nan)


@metric("frequency_weighted_iou", source="Long et al. 2014, section 5, arXiv:1411.4038", values="labels")
def frequency_weighted_iou(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Intersection over union of each class, weighted by the share of pixels that are truly of it."""
    hits, true, predicted = _margins(targets, predictions)
    present = true > 0  # a class that is nowhere true has no weight
    union = (true + predicted - hits)[present]
    return float(np.sum(true[present] * hits[present] / union) / true.sum())


def _shares(hits: np.ndarray, of: np.ndarray, of_none: float) -> np.ndarray:
    return np.where(of > 0, hits / np.maximum(of, 1), of_none)


def _mean_present(values: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean(values[true + predicted > 0]))


def _margins(targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, true and predicted examples of each class."""
    table = confusion_matrix(targets, predictions, _classes(targets, predictions))
    return np.diag(table), table.sum(axis=1), table.sum(axis=0)


def _classes(targets: np.ndarray, predictions: np.ndarray) -> int:
    return 1 + int(max(np.max(targets), np.max(predictions)))
