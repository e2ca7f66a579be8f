"""Two ways of doing the same work, timed in turn: ours, baseline, ours, baseline, ..."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from archbench.training import machine

LEAST_REPEATS = 5

Side = Callable[[], float]
"""Does the work once and returns its rate, in units a second or a minute: more is better."""


@dataclass(frozen=True)
class Pair:
    """The rates of both sides, one a repeat."""

    ours: Sequence[float]
    baseline: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times faster ours is, by the medians."""
        return statistics.median(self.ours) / statistics.median(self.baseline)


def interleave(ours: Side, baseline: Side, repeats: int) -> Pair:
    """Run both sides in turn `repeats` times, after one run of each that warms up and is not counted.

    Raises `ValueError` for fewer than `LEAST_REPEATS`: a median of less says nothing.
    """
    if repeats < LEAST_REPEATS:
        raise ValueError(f"repeats must be at least {LEAST_REPEATS}. Received: {repeats}")
    ours()
    baseline()
    rates = [(ours(), baseline()) for _ in range(repeats)]
    return Pair([pair[0] for pair in rates], [pair[1] for pair in rates])


def row(case: str, unit: str, pair: Pair, note: str) -> dict[str, str | float | int]:
    """One line of speed.csv: medians, their ratio, and in the note the smallest and the largest of each side."""
    spread = (
        f"ours {_number(min(pair.ours))} to {_number(max(pair.ours))}, "
        f"baseline {_number(min(pair.baseline))} to {_number(max(pair.baseline))}"
    )
    return {
        "case": case,
        "backend": keras.backend.backend(),
        "ours": statistics.median(pair.ours),
        "baseline": statistics.median(pair.baseline),
        "ratio": pair.ratio,
        "unit": unit,
        "n": len(pair.ours),
        "note": f"{note}; {spread}; load {os.getloadavg()[0]:.1f}",
        "machine": _machine(),
    }


def _machine() -> str:
    """Hardware and system in one line, with the thread limit where the user set one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS")
    limit = f", TF_NUM_INTRAOP_THREADS={threads}" if threads else ""
    return f"{machine.device_name()}, {cores} cores, {platform.system()}{limit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
