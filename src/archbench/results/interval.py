"""The interval of a mean over seeds (Student 1908), without the heavy libraries of a report's other statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
"""The coverage of every interval in a report."""
LEVEL = 1 - CONFIDENCE
"""Below this p, adjusted by Holm's method, a difference is called one."""

NORMAL = 1.959964
"""So many deviations on either side of its mean hold that share of a normal variable."""


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
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * deviation / math.sqrt(n)
    return Interval(float(numbers.mean()), deviation, half, n)
