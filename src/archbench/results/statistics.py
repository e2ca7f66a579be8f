"""Intervals over seeds and paired comparisons: how sure a difference is with the few seeds there are.

Sources: Student (1908) for the interval of a mean; Wilcoxon (1945) for signed ranks; Holm (1979) for many
comparisons at once; Demšar (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", for mean ranks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
"""The coverage of every interval in a report."""
WILCOXON_PAIRS = 6
"""From this many pairs on, signed ranks can reach p < 0.05 (two-sided minimum 2 / 2^n); below it the t test is used."""


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

    def overlaps(self, other: Interval) -> bool | None:
        """Whether the two intervals share a value; None where one of them has no interval."""
        if math.isnan(self.half) or math.isnan(other.half):
            return None
        return self.low <= other.high and other.low <= self.high


def verdict(score: Interval, best: Interval) -> str:
    """What two intervals allow to say of `score`, whose mean is not the best, against `best`."""
    if not score.n:
        return "no score"
    overlap, n = score.overlaps(best), min(score.n, best.n)
    if overlap is None:
        return f"no interval with n={n}"
    return f"not distinguishable with n={n}" if overlap else "worse: intervals apart"


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
    """One paired comparison over the seeds that both sides finished."""

    difference: Interval
    """First minus second, seed by seed."""
    p: float
    """Two-sided; NaN where fewer than two pairs exist."""
    test: str
    """`paired t`, `Wilcoxon` or `none`."""


def compare_pairs(first: Mapping[int, float], second: Mapping[int, float]) -> Comparison:
    """Compare two scores given as seed -> value over their common seeds.

    Under `WILCOXON_PAIRS` pairs the paired t test, from there on Wilcoxon's signed ranks. Pairs that are all equal
    have p = 1. Pairs that all differ by one same amount, as scores counted in single examples may, have no spread to
    test against: the t test does not say anything of them, and p is NaN.
    """
    seeds = sorted(set(first) & set(second))
    differences = np.array([first[seed] - second[seed] for seed in seeds], dtype=float)
    differences = differences[np.isfinite(differences)]
    interval = mean_interval(differences)
    if len(differences) < 2:
        return Comparison(interval, math.nan, "none")
    test = "Wilcoxon" if len(differences) >= WILCOXON_PAIRS else "paired t"
    if not differences.any():
        return Comparison(interval, 1.0, test)
    if test == "Wilcoxon":
        return Comparison(interval, float(stats.wilcoxon(differences).pvalue), test)
    if np.ptp(differences) < 1e-9 * np.abs(differences).max():
        return Comparison(interval, math.nan, test)
    return Comparison(interval, float(stats.ttest_1samp(differences, 0.0).pvalue), test)


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
    """Mean rank of every column of `scores` over its complete rows; 1 is the best, ties share their mean rank.

    A row is a seed (or a data set), a column a competitor. Rows with a missing score are left out, because a rank among
    fewer competitors cannot be compared with one among all.
    """
    return scores.dropna().rank(axis=1, ascending=not maximize).mean()
