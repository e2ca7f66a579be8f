"""How fast this machine is beside the one on which the constants of the forecast were fitted."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

NUMBERS = 500_000
LOOPS = 200_000
ROUNDS = 9
ARRAY_SECONDS, LOOP_SECONDS = 0.00033, 0.0081
"""What the two pieces take on an AMD EPYC (Zen 5, Python 3.11)."""


def slowness() -> float:
    """How many times the seconds of the reference one core here takes; a tenth of a second is spent on it.

    Training is both arithmetic on arrays and Python, so both are measured. Only the processor's time counts, and the
    best of several rounds, so that what else runs here does not.
    """
    numbers = np.random.default_rng(0).random(NUMBERS, "float32")
    array = _best(lambda: np.exp(numbers) * numbers + numbers)
    return (array / ARRAY_SECONDS + _best(_loop) / LOOP_SECONDS) / 2


def _loop() -> int:
    total = 0
    for number in range(LOOPS):
        total += number * number
    return total


def _best(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return min(taken)
