"""Tests of vectors of words: analogies, and how alike two words are."""

from __future__ import annotations

import numpy as np
from scipy import stats

from archbench.metrics import metric

BLOCK = 1_024
"""Questions that are answered at once."""


@metric("spearman", source="Spearman 1904, American Journal of Psychology 15(1)", values="ranks")
def spearman(targets: np.ndarray, predictions: np.ndarray) -> float:
    """How well the order of `predictions` is that of `targets`: 1 the same, -1 the reverse; nan where all are equal.

    The correlation of ranks, where equal numbers have the mean of theirs.
    """
    ranks = [stats.rankdata(np.asarray(values, float).ravel()) for values in (targets, predictions)]
    spread = [np.ptp(one) for one in ranks]
    return float(np.corrcoef(*ranks)[0, 1]) if all(spread) else float("nan")


def even(vectors: np.ndarray) -> np.ndarray:
    """Vectors (word, width) of length 1; one of zeros stays so."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def cosines(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The cosine of the angle between the two words of each of `pairs` (pair, 2): (pair,)."""
    unit = even(vectors)
    return (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1)


def answers(vectors: np.ndarray, questions: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Of a is to b as c is to what, (question, [a, b, c]), the word that is told: (question,).

    That of the `candidates`, words by their number, whose vector is nearest to b - a + c, each of these of length 1, by
    its cosine (Mikolov et al. 2013, arXiv:1301.3781, section 4), other than a, b and c.
    """
    unit = even(vectors)
    found = [np.zeros(0, np.int64)]
    place = np.full(len(vectors), -1)
    place[candidates] = np.arange(len(candidates))
    for start in range(0, len(questions), BLOCK):
        asked = questions[start : start + BLOCK]
        wanted = unit[asked[:, 1]] - unit[asked[:, 0]] + unit[asked[:, 2]]
        scores = wanted @ unit[candidates].T
        for column in asked.T:
            own = place[column]
            scores[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        found.append(candidates[scores.argmax(axis=1)])
    return np.concatenate(found)
