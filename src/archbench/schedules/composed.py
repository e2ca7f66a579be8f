"""Schedules around another one: `{name: warmup, epochs: 2, then: cosine}`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from archbench.errors import UserError
from archbench.options import Count, NonNegative, Positive
from archbench.schedules import SCHEDULES, cycles, decays, plateau, schedule  # noqa: F401 -- their code decides too
from archbench.schedules.horizon import Factor, Horizon, WrongSchedule

Spec = str | Mapping[str, Any]
"""Another schedule, as params.yaml writes it."""


@schedule(
    "warmup",
    source="Goyal et al. 2017, arXiv:1706.02677, section 2.2",
    smoke={"epochs": 1.0, "then": "cosine"},
)
def warmup(horizon: Horizon, *, epochs: Positive, then: Spec = "constant", start: NonNegative = 0.0) -> Factor:
    """A straight rise from `start` to where the schedule `then` begins, over `epochs`; `then` has the rest of the run.

    `then` counts its own epochs from the end of the warm-up. The first step's factor is one step above `start`.
    """
    if epochs >= horizon.epochs:
        raise WrongSchedule(
            f"epochs: a warm-up of {epochs:g} epochs leaves nothing of a run of {horizon.epochs}. "
            f"Choose fewer warm-up epochs or more epochs."
        )
    steps = epochs * horizon.steps_per_epoch
    inner = _then(then, Horizon(horizon.steps_per_epoch, horizon.epochs - epochs, horizon.batch_size))
    top = float(inner(np.zeros(1))[0])

    def rate(step: np.ndarray, scores: Sequence[float]) -> np.ndarray:
        rise = start + (top - start) * np.minimum((step + 1.0) / max(steps, 1.0), 1.0)
        rest = inner(np.maximum(step - steps, 0.0), scores[math.ceil(epochs) :])
        return np.where(step < steps, rise, rest)

    return Factor(rate, lambda step: inner.momentum(np.maximum(step - steps, 0.0)))


@schedule(
    "linear_scaling",
    source="Goyal et al. 2017, arXiv:1706.02677, section 2.1",
    smoke={"reference_batch": 256},
)
def linear_scaling(horizon: Horizon, *, reference_batch: Count = 256, then: Spec = "constant") -> Factor:
    """The rate in proportion to the batch: batch_size / `reference_batch` times the schedule `then`."""
    if horizon.batch_size is None:
        raise WrongSchedule("linear_scaling goes by the batch size, which is not known here. Give a batch_size.")
    share = horizon.batch_size / reference_batch
    inner = _then(then, horizon)
    return Factor(lambda step, scores: share * inner(step, scores), inner.momentum)


def _then(spec: Spec, horizon: Horizon) -> Factor:
    """The schedule inside another; what is wrong with it is told with its key."""
    try:
        return SCHEDULES.build(spec, horizon)
    except UserError as error:
        raise WrongSchedule(f"then: {error}") from None
