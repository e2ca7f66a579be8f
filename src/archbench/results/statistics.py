"""Intervals over seeds and paired comparisons: how sure a difference is with the few seeds there are.

Sources: Student (1908) for the interval of a paired difference; Holm (1979) for many comparisons at once;
Demšar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", for mean ranks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from archbench.results.interval import LEVEL, Interval, mean_interval


@dataclass(frozen=True)
class Comparison:
    """One paired comparison over the seeds that both sides have a score of."""

    difference: Interval
    """First minus second, seed by seed; its interval leaves zero out just where `p` is below `LEVEL`."""
    p: float
    """Of the paired t test, two-sided; NaN where there is nothing to test."""
    p_holm: float = math.nan
    """`p` adjusted for the comparisons that were made together: never smaller, so a verdict is never bolder."""

    @property
    def sure(self) -> int:
        """1 or -1 where the first is surely above or below the second: `p_holm` is below `LEVEL`; else 0."""
        return int(math.copysign(1, self.difference.mean)) if self.p_holm < LEVEL else 0


Scores = Mapping[int, float]
"""Seed -> score, of the seeds that have one."""
NO_COMPARISON = Comparison(Interval(math.nan, math.nan, math.nan, 0), math.nan)


def compare_pairs(first: Scores, second: Scores) -> Comparison:
    """Compare two sides over their common seeds by the paired t test, not yet adjusted.

    Pairs that are all equal have p = 1. Pairs that all differ by one same amount, as scores counted in single examples
    and those of nets without chance may, have no spread to test against: neither interval nor p.
    """
    seeds = sorted(set(first) & set(second))
    differences = np.array([first[seed] - second[seed] for seed in seeds], dtype=float)
    interval = mean_interval(differences)
    if len(differences) < 2:
        return Comparison(interval, math.nan)
    if not differences.any():
        return Comparison(interval, 1.0)
    if np.ptp(differences) < 1e-9 * np.abs(differences).max():
        return Comparison(Interval(interval.mean, 0.0, math.nan, interval.n), math.nan)
    return Comparison(interval, float(stats.ttest_1samp(differences, 0.0).pvalue))


def compare_all(pairs: Sequence[tuple[Scores, Scores]]) -> list[Comparison]:
    """The comparison of every pair of sides, adjusted for their number."""
    compared = [compare_pairs(first, second) for first, second in pairs]
    adjusted = holm([comparison.p for comparison in compared])
    return [replace(comparison, p_holm=float(p)) for comparison, p in zip(compared, adjusted, strict=True)]


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's step-down adjustment: the i-th smallest of m times (m - i + 1), made monotone, at most 1; NaN stays."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else steps
    return adjusted


def mean_ranks(scores: pd.DataFrame, *, maximize: bool) -> pd.Series:
    """Mean rank of every column of `scores` over its rows; 1 is the best, ties share their mean rank.

    A row is a seed (or a data set), a column a competitor. A missing score is worse than every other one of its row.
    """
    return scores.rank(axis=1, ascending=not maximize, na_option="bottom").mean()
