"""What a schedule is built from, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from archbench.errors import UserError


@dataclass(frozen=True)
class Horizon:
    """How long a run is, for schedules that count epochs or need the end."""

    steps_per_epoch: int
    epochs: float
    """A whole number of them, but for the rest of a run that a part of an epoch of warm-up leaves."""
    batch_size: int | None = None
    """Examples a step; only the schedules that go by it need it."""

    @property
    def steps(self) -> float:
        """Optimizer steps in the whole run."""
        return self.steps_per_epoch * self.epochs


ROUNDING = 1e-6
"""Steps: an edge given in epochs counts as reached from so near before it, since 0.8 epochs of 6 steps are
4.800000000000001 of them in floating point, and five such stairs must end with step 24."""


def periods(step: np.ndarray, length: float) -> np.ndarray:
    """How many whole periods of `length` steps are over at each `step`."""
    return np.floor((step + ROUNDING) / length)


def passed(step: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many of `edges`, rising numbers of steps, each `step` has reached."""
    return np.searchsorted(edges, step + ROUNDING, side="right")


Rate = Callable[[np.ndarray, Sequence[float]], np.ndarray]


def _unchanged(step: np.ndarray) -> np.ndarray:
    return np.ones(len(step))


@dataclass(frozen=True)
class Factor:
    """The factors on an optimizer's numbers at each step, counted from 0."""

    rate: Rate
    """Step numbers and the scores of the epochs before them to factors on the learning rate."""
    momentum: Callable[[np.ndarray], np.ndarray] = _unchanged
    """Step numbers to factors on the optimizer's `momentum` or `beta_1`."""

    def __call__(self, step: np.ndarray, scores: Sequence[float] = ()) -> np.ndarray:
        """The factors on the rate at `step` (step,), where `scores` are the validation scores of the epochs done.

        A score is the better the lower it is. All of the history is given each time and nothing is kept between
        calls, so a resumed run goes on with the rates it would have had.
        """
        return self.rate(np.asarray(step, dtype=float), scores)


def by_step(function: Callable[[np.ndarray], np.ndarray]) -> Factor:
    """The factor of a schedule that goes by the step alone."""
    return Factor(lambda step, scores: function(step))


class WrongSchedule(UserError):
    """A schedule that does not fit its run."""
