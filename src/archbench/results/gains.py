"""Which nets are worth looking at for what they cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
