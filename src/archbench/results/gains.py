"""How much better one net is than another, and which nets are worth looking at for what they cost.

Source: Welch (1947), "The generalization of Student's problem when several different population variances are
involved", for the interval of a difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from archbench.results.statistics import CONFIDENCE, Interval


def difference(first: Interval, second: Interval) -> Interval:
    """Mean of `first` minus mean of `second`, with Welch's interval; seeds are not paired.

    half = t(0.975, v) · sqrt(a + b) with a = s1² / n1, b = s2² / n2 and v = (a + b)² / (a² / (n1 - 1) + b² / (n2 - 1)).
    Half is NaN where a side has less than two seeds; n is the smaller number of seeds. The deviation is NaN: there are
    two of them.
    """
    n = min(first.n, second.n)
    gained = first.mean - second.mean
    if n < 2:
        return Interval(gained, math.nan, math.nan, n)
    a, b = (side.deviation**2 / side.n for side in (first, second))
    if a + b == 0:
        return Interval(gained, math.nan, 0.0, n)
    freedom = (a + b) ** 2 / (a**2 / (first.n - 1) + b**2 / (second.n - 1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(a + b)
    return Interval(gained, math.nan, half, n)


def pareto_front(costs: Sequence[float], scores: Sequence[float], *, maximize: bool) -> list[int]:
    """The places of those that nobody beats at their cost or below, cheapest first.

    Of equals in both only the first is on the front. A cost or a score that is not finite is on no front.
    """
    gains = np.asarray(scores, dtype=float) * (1 if maximize else -1)
    prices = np.asarray(costs, dtype=float)
    known = np.flatnonzero(np.isfinite(gains) & np.isfinite(prices))
    front: list[int] = []
    for place in sorted(known, key=lambda place: (prices[place], -gains[place], place)):
        if not front or gains[place] > gains[front[-1]]:
            front.append(int(place))
    return front
