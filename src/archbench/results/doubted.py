"""Labels of test examples that the best network on a data set doubts, from the predictions that its run kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from archbench.results.runs import Run

KEPT = ("all_target_label", "all_prediction_label", "all_prediction_confidence")
"""Of every test example: the class that it is given as, and by the network, and how sure that is of it."""


@dataclass(frozen=True)
class Doubt:
    """One test example whose label is doubted."""

    row: int
    label: int
    said: int
    """The class that the network says."""
    confidence: float
    """How likely it takes that class to be."""


@dataclass(frozen=True)
class Doubted:
    """What one network doubts."""

    run: Run
    examples: int
    """That were judged: all of the test split."""
    doubts: list[Doubt]
    """Those that it is surest of first."""


def doubted(runs: Iterable[Run]) -> Doubted | None:
    """What the best of `runs`, by its accuracy on the validation split, doubts; None where none told single labels.

    A label is doubted where another class is said at least as surely as that class is said on average where it is
    right: the threshold of confident learning (Northcutt, Jiang, Chuang 2021, arXiv:1911.00068, equation 1), of the
    likeliest classes alone, for a run keeps no others.
    """
    able = sorted((run for run in runs if _accuracy(run) > 0), key=_accuracy, reverse=True)
    best = next((run for run in able if set(KEPT) <= run.predictions.keys()), None)
    if best is None:
        return None
    label, said, confidence = (np.asarray(best.predictions[name]) for name in KEPT)
    right = label == said
    threshold = {j: confidence[right & (said == j)].mean() for j in np.unique(said[right])}
    rows = [
        row
        for row in np.flatnonzero(~right & (label >= 0))  # below 0 stands what has no label
        if said[row] in threshold and confidence[row] >= threshold[said[row]]
    ]
    rows.sort(key=lambda row: -confidence[row])
    doubts = [Doubt(int(row), int(label[row]), int(said[row]), float(confidence[row])) for row in rows]
    return Doubted(best, len(label), doubts)


def _accuracy(run: Run) -> float:
    """On the validation split; NaN where it has none."""
    return run.score_on("validation", "accuracy")
