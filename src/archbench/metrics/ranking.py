"""Metrics of class scores: where the true class stands among the others, and true examples among the others."""

from __future__ import annotations

import math

import numpy as np

from archbench.metrics import metric
from archbench.options import Count


@metric("top_k", source="scikit-learn, top_k_accuracy_score", values="scores", smoke={"k": 2})
def top_k(targets: np.ndarray, predictions: np.ndarray, *, k: Count = 5) -> float:
    """The share of examples whose true class is among the `k` with the highest scores, between 0 and 1.

    `targets` are integers (example,), `predictions` scores (example, class). Of equal scores the later class counts
    as the higher, as in scikit-learn. With as many classes as `k` or fewer it is 1.
    """
    order = np.argsort(np.asarray(predictions), axis=1, kind="stable")
    return share_among(targets, order[:, ::-1][:, :k])


def share_among(targets: np.ndarray, chosen: np.ndarray) -> float:
    """The share of `targets` (example,) that are among the classes `chosen` (example, k)."""
    return float(np.mean(np.any(np.asarray(chosen) == np.asarray(targets)[:, None], axis=1)))


@metric("roc_auc", source="scikit-learn, roc_auc_score; Hanley & McNeil 1982 (as a rank statistic)", values="scores")
def roc_auc(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The area under the ROC curve: how often a true example scores above another, ties counting half.

    `targets` are integers (example,). `predictions` are scores of class 1 (example,), or of every class (example,
    class), whose areas one against the rest are averaged. A class that no example or every example is of has no curve
    and does not count; without any the answer is nan.
    """
    targets, scores = np.asarray(targets), np.asarray(predictions)
    if scores.ndim == 1:
        return _area(targets == 1, scores)
    areas = np.array([_area(targets == number, scores[:, number]) for number in range(scores.shape[1])])
    known = areas[~np.isnan(areas)]
    return float(known.mean()) if known.size else math.nan


def _area(true: np.ndarray, scores: np.ndarray) -> float:
    positives, negatives = np.count_nonzero(true), np.count_nonzero(~true)
    if not positives or not negatives:
        return math.nan
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # equal scores share the mean of their ranks
    return float((ranks[true].sum() - positives * (positives + 1) / 2) / (positives * negatives))
