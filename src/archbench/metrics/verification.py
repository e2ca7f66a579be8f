"""Metrics of distances: whether two examples are of one class, and which of several is of the same class as another."""

from __future__ import annotations

import math

import numpy as np

from archbench.metrics import metric


@metric(
    "verification_accuracy",
    source="Huang, Ramesh, Berg, Learned-Miller 2007, Labeled Faces in the Wild, UMass TR 07-49, section 4",
    values="distances",
)
def verification_accuracy(targets: np.ndarray, predictions: np.ndarray, fold: np.ndarray) -> float:
    """The share of pairs that are told right, the mean over folds: each by the threshold that is best on the others.

    `targets` (pair,) are 1 for pairs of one class; `predictions` (pair,) are distances, which are at most the threshold
    for pairs that are said to be of one class; `fold` (pair,). Of a single fold the threshold is chosen on itself.
    """
    targets, distances, fold = np.asarray(targets).astype(bool), np.asarray(predictions, float), np.asarray(fold)
    several = len(np.unique(fold)) > 1
    shares = []
    for one in np.unique(fold):
        there = fold == one
        chosen = ~there if several else there
        bound = best_threshold(targets[chosen], distances[chosen])
        shares.append(np.mean((distances[there] <= bound) == targets[there]))
    return float(np.mean(shares))


def best_threshold(targets: np.ndarray, distances: np.ndarray) -> float:
    """The threshold that tells the most pairs right: halfway to the next distance, below all, or the largest.

    Of several as good ones the lowest.
    """
    order = np.argsort(distances, kind="stable")
    right = np.concatenate([[0], np.cumsum(np.where(targets[order], 1, -1))])  # more than by a threshold below all
    sorted_ = distances[order]
    ends = np.concatenate([[True], sorted_[1:] != sorted_[:-1], [True]])  # no threshold parts equal distances
    best = int(np.flatnonzero(ends)[np.argmax(right[ends])])
    if best == 0:
        return -math.inf
    return float(sorted_[best - 1] if best == len(sorted_) else (sorted_[best - 1] + sorted_[best]) / 2)


@metric(
    "equal_error_rate",
    source="Jain, Ross, Prabhakar 2004, An introduction to biometric recognition, section IV",
    values="distances",
    less_is_better=True,
)
def equal_error_rate(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The share of errors where as large a share of pairs of two classes is accepted as of one class refused.

    `targets` (pair,) are 1 for pairs of one class, `predictions` (pair,) distances. Between two thresholds both shares
    are taken to change along a line. Without pairs of both kinds it is nan.
    """
    targets, distances = np.asarray(targets).astype(bool), np.asarray(predictions, float)
    if targets.all() or not targets.any():
        return math.nan
    bounds = np.concatenate([[-math.inf], np.unique(distances)])
    same, others = np.sort(distances[targets]), np.sort(distances[~targets])
    refused = 1 - np.searchsorted(same, bounds, side="right") / len(same)
    accepted = np.searchsorted(others, bounds, side="right") / len(others)
    after = int(np.argmax(accepted >= refused))  # there is one: at the last bound nothing is refused
    gap_before, gap_after = refused[after - 1] - accepted[after - 1], accepted[after] - refused[after]
    share = gap_before / (gap_before + gap_after)
    return float(accepted[after - 1] + share * (accepted[after] - accepted[after - 1]))


@metric(
    "n_way_accuracy",
    source="Lake, Salakhutdinov, Tenenbaum 2015, Science 350: one-shot classification; Koch et al. 2015, section 4.3",
    values="distances",
)
def n_way_accuracy(targets: np.ndarray, predictions: np.ndarray, trial: np.ndarray) -> float:
    """The share of trials whose nearest pair is the one of one class; a pair that others are as near as shares it.

    `targets` (pair,) are 1 for pairs of one class, `predictions` (pair,) distances, `trial` (pair,).
    """
    targets, distances = np.asarray(targets, float), np.asarray(predictions, float)
    _, place = np.unique(trial, return_inverse=True)
    least = np.full(place.max() + 1, math.inf)
    np.minimum.at(least, place, distances)
    nearest = distances == least[place]
    return float(np.mean(np.bincount(place, targets * nearest) / np.bincount(place, nearest)))
