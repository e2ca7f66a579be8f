"""Which runs starve, explode or saturate: what the columns of their histories tell that begin with `health_`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from archbench.results.runs import Run

STARVED = 1e-6
"""A group of layers whose steps are never as large as this, in parts of its weights, hardly learns."""
EXPLODED = 1.0
"""A step as large as the weights themselves leaves nothing of what they were."""
SATURATED = 0.5
"""From this share of units on that no gradient passes, at the end, a group of layers is said to be saturated."""
PREFIX = "health_"


@dataclass(frozen=True)
class Mark:
    """A run in which something is wrong, in one group of its layers or as a whole."""

    run: Run
    sign: str
    """`starves`, `explodes` or `saturates`."""
    group: int | None
    """Counted from 1, from the input on."""
    of: int
    """How many groups it has."""
    value: float
    """The largest step that starves or explodes, in parts of the weights; or the share of units at last."""


def watched(runs: Sequence[Run]) -> list[Run]:
    """The runs whose histories tell of their health."""
    return [run for run in runs if any(name.startswith(PREFIX) for name in run.history)]


def marks(runs: Sequence[Run]) -> Iterator[Mark]:
    """What is wrong with each of `runs`, which are `watched`."""
    for run in runs:
        groups = sum(name.startswith(f"{PREFIX}update_") for name in run.history)
        for group in range(1, groups + 1):
            steps = _column(run, f"update_{group}")
            largest = steps.max()
            if largest < STARVED:
                yield Mark(run, "starves", group, groups, largest)
            if not largest < EXPLODED and len(steps):
                yield Mark(run, "explodes", group, groups, largest)
            dead = _column(run, f"dead_{group}")
            if len(dead) and dead.iloc[-1] >= SATURATED:
                yield Mark(run, "saturates", group, groups, dead.iloc[-1])
        if run.state == "diverged":
            yield Mark(run, "explodes", None, groups, math.inf)


def health_table(runs: Sequence[Run]) -> pd.DataFrame:
    """A row a run and group: the largest step of all epochs, and of the last the gradient's norm and the dead share."""
    rows = []
    for run in runs:
        groups = sum(name.startswith(f"{PREFIX}update_") for name in run.history)
        for group in range(1, groups + 1):
            last = [_last(run, f"{name}_{group}") for name in ("gradient", "update", "dead")]
            rows.append((run.benchmark, run.seed, group, _column(run, f"update_{group}").max(), *last))
    names = ["benchmark", "seed", "group", "largest_update", "last_gradient", "last_update", "last_dead"]
    return pd.DataFrame(rows, columns=names)


def _column(run: Run, name: str) -> pd.Series:
    """The numbers of a column, epoch by epoch, without those that are missing."""
    return run.history.get(PREFIX + name, pd.Series(dtype=float)).dropna()


def _last(run: Run, name: str) -> float:
    return float(run.history[PREFIX + name].iloc[-1]) if PREFIX + name in run.history else math.nan
