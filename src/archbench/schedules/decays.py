"""Schedules: the factor on the initial learning rate at each optimizer step.

A schedule is a function from step numbers, counted from 0, to factors; the training loop multiplies them with the
optimizer's rate on the host, so any schedule goes with any optimizer and none is compiled.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.schedules import schedule
from archbench.schedules.horizon import Factor, Horizon, WrongSchedule

Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A number of epochs, or a factor: finite and not negative."""


@schedule("constant", source="common practice", smoke={})
def constant(horizon: Horizon) -> Factor:
    """The initial rate throughout."""
    return lambda step: np.ones(len(step))


@schedule("cosine", source="Loshchilov and Hutter 2016, arXiv:1608.03983, equation 5", smoke={})
def cosine(horizon: Horizon, *, warmup_epochs: Share = 0.0, floor: Share = 0.0) -> Factor:
    """Half a cosine from 1 to `floor` over the run, after `warmup_epochs` of linear rise."""
    warmup = warmup_epochs * horizon.steps_per_epoch
    if warmup >= horizon.steps:
        raise WrongSchedule(
            f"A warm-up of {warmup_epochs} epochs leaves nothing of a run of {horizon.epochs}. "
            f"Choose fewer warm-up epochs or more epochs."
        )

    def factor(step: np.ndarray) -> np.ndarray:
        progress = np.clip((step - warmup) / (horizon.steps - warmup), 0.0, 1.0)
        decay = floor + (1.0 - floor) * 0.5 * (1.0 + np.cos(np.pi * progress))
        return np.where(step < warmup, np.minimum((step + 1) / max(warmup, 1.0), 1.0), decay)

    return factor


@schedule(
    "piecewise",
    source="He et al. 2015, arXiv:1512.03385, section 4.2",
    smoke={"epochs": [1], "factors": [0.1]},
)
def piecewise(horizon: Horizon, *, epochs: tuple[Share, ...], factors: tuple[Share, ...]) -> Factor:
    """1 until the first of `epochs`, then the first of `factors`, and so on."""
    if len(epochs) != len(factors) or sorted(epochs) != list(epochs):
        raise WrongSchedule(
            f"piecewise needs rising `epochs` and as many `factors`; it was given epochs {list(epochs)} "
            f"and factors {list(factors)}."
        )
    if epochs and epochs[-1] >= horizon.epochs:
        raise WrongSchedule(f"piecewise changes at epoch {epochs[-1]}, but the run ends after {horizon.epochs}.")
    levels = np.array([1.0, *factors])
    edges = np.array(epochs, dtype=float) * horizon.steps_per_epoch
    return lambda step: levels[np.searchsorted(edges, step, side="right")]


@schedule("exponential", source="common practice; Goodfellow et al. 2016, Deep Learning, chapter 8", smoke={})
def exponential(horizon: Horizon, *, decay: Share = 0.95) -> Factor:
    """`decay` to the power of the epoch, constant within each."""
    return lambda step: decay ** (step // horizon.steps_per_epoch)
