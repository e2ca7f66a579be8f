"""Intervals over seeds and paired comparisons: how sure a difference is with the few seeds there are.

Sources: Student (1908) for the interval of a mean and of a paired difference; Holm (1979) for many comparisons at once;
Demšar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", for mean ranks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
"""The coverage of every interval in a report."""
LEVEL = 1 - CONFIDENCE
"""Below this p, adjusted by Holm's method, a difference is called one."""


@dataclass(frozen=True)
class Interval:
    """A mean over n independent values and its Student t interval; NaN where n does not allow one."""

    mean: float
    deviation: float
    """Sample standard deviation (n - 1 in the denominator)."""
    half: float
    """Half the width of the interval: mean ± half."""
    n: int

    @property
    def low(self) -> float:
        """Lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """Upper end."""
        return self.mean + self.half


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean, deviation and interval of the finite numbers in `values`: mean ± t(0.975, n-1) · deviation / sqrt(n)."""
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    n = len(numbers)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    if n == 1:
        return Interval(float(numbers[0]), math.nan, math.nan, 1)
    deviation = float(numbers.std(ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * deviation / math.sqrt(n)
    return Interval(float(numbers.mean()), deviation, half, n)


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
