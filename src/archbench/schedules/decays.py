"""Schedules that fall: the factor on the initial learning rate at each optimizer step.

A schedule is a function from step numbers, counted from 0, to factors; the training loop multiplies them with the
optimizer's rate on the host, so any schedule goes with any optimizer and none is compiled.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from archbench.options import NonNegative, Part, Positive
from archbench.schedules import schedule
from archbench.schedules.horizon import Factor, Horizon, WrongSchedule, by_step, passed, periods

Unit = Literal["epoch", "step"]
"""What a decay counts."""


@schedule("constant", source="common practice", smoke={})
def constant(horizon: Horizon) -> Factor:
    """The initial rate throughout."""
    return by_step(lambda step: np.ones(len(step)))


@schedule("cosine", source="Loshchilov and Hutter 2016, arXiv:1608.03983, equation 5", smoke={})
def cosine(horizon: Horizon, *, warmup_epochs: NonNegative = 0.0, floor: NonNegative = 0.0) -> Factor:
    """Half a cosine from 1 to `floor` over the run, after `warmup_epochs` of linear rise."""
    warmup = warmup_epochs * horizon.steps_per_epoch
    if warmup >= horizon.steps:
        raise WrongSchedule(
            f"A warm-up of {warmup_epochs:g} epochs leaves nothing of a run of {horizon.epochs}. "
            f"Choose fewer warm-up epochs or more epochs."
        )

    def factor(step: np.ndarray) -> np.ndarray:
        progress = np.clip((step - warmup) / (horizon.steps - warmup), 0.0, 1.0)
        decay = floor + (1.0 - floor) * 0.5 * (1.0 + np.cos(np.pi * progress))
        return np.where(step < warmup, np.minimum((step + 1) / max(warmup, 1.0), 1.0), decay)

    return by_step(factor)


@schedule(
    "piecewise",
    source="He et al. 2015, arXiv:1512.03385, section 4.2",
    smoke={"epochs": [1], "factors": [0.1]},
)
def piecewise(horizon: Horizon, *, epochs: tuple[NonNegative, ...], factors: tuple[NonNegative, ...]) -> Factor:
    """1 until the first of `epochs`, then the first of `factors`, and so on."""
    if len(epochs) != len(factors) or sorted(epochs) != list(epochs):
        raise WrongSchedule(
            f"piecewise needs rising `epochs` and as many `factors`; it was given epochs {list(epochs)} "
            f"and factors {list(factors)}."
        )
    if epochs and epochs[-1] >= horizon.epochs:
        raise WrongSchedule(
            f"epochs: piecewise changes at epoch {epochs[-1]}, but the run ends after {horizon.epochs}. "
            f"Choose an earlier change or more epochs."
        )
    levels = np.array([1.0, *factors])
    edges = np.array(epochs, dtype=float) * horizon.steps_per_epoch
    return by_step(lambda step: levels[passed(step, edges)])


@schedule("exponential", source="common practice; Goodfellow et al. 2016, Deep Learning, chapter 8", smoke={})
def exponential(horizon: Horizon, *, decay: NonNegative = 0.95, per: Unit = "epoch") -> Factor:
    """`decay` to the power of the epoch, constant within each, or of the step; both counted from 0."""
    return by_step(lambda step: decay ** _count(horizon, step, per))


@schedule("inverse_time", source="Robbins and Monro 1951; Goodfellow et al. 2016, Deep Learning, chapter 8", smoke={})
def inverse_time(horizon: Horizon, *, decay: NonNegative = 1.0, per: Unit = "epoch") -> Factor:
    """1 / (1 + decay * epoch), constant within each epoch, or with steps for epochs; both counted from 1.

    A rate of 0.2 with decay 1 is 0.1, 0.067, 0.05, 0.04 in epochs 1 to 4. Keras's `InverseTimeDecay` counts from 0.
    """
    return by_step(lambda step: 1.0 / (1.0 + decay * (_count(horizon, step, per) + 1.0)))


@schedule(
    {"inverse_sqrt_epoch": {"per": "epoch"}, "inverse_sqrt_step": {"per": "step"}},
    source="Nemirovski and Yudin 1983; Duchi 2018, Introductory Lectures on Stochastic Optimization, section 3",
    smoke={},
)
def inverse_sqrt(horizon: Horizon, *, k: Positive = 1.0, per: Unit) -> Factor:
    """k / sqrt(epoch), constant within each epoch, or k / sqrt(step); both counted from 1."""
    return by_step(lambda step: k / np.sqrt(_count(horizon, step, per) + 1.0))


@schedule("staircase", source="common practice; He et al. 2015, arXiv:1512.03385", smoke={"every_epochs": 1.0})
def staircase(horizon: Horizon, *, every_epochs: Positive, drop: Part = 0.5) -> Factor:
    """Times `drop` after every `every_epochs` epochs: drop^floor(epoch / every_epochs), epochs counted from 0."""
    if every_epochs >= horizon.epochs:
        raise WrongSchedule(
            f"every_epochs: a stair of {every_epochs:g} epochs is never taken in a run of {horizon.epochs}. "
            f"Choose a shorter one, more epochs, or the schedule constant."
        )
    stair = every_epochs * horizon.steps_per_epoch
    return by_step(lambda step: drop ** periods(step, stair))


@schedule("polynomial", source="Chen et al. 2016 (DeepLab v2), arXiv:1606.00915, section 4.1", smoke={})
def polynomial(horizon: Horizon, *, power: Positive = 0.9, floor: NonNegative = 0.0) -> Factor:
    """floor + (1 - floor)(1 - step / steps)^power: a straight line with power 1, DeepLab's with 0.9.

    Keras's `PolynomialDecay` ends at a rate of 0.0001 unless told otherwise; this ends at 0.
    """
    return by_step(lambda step: floor + (1.0 - floor) * (1.0 - np.clip(step / horizon.steps, 0.0, 1.0)) ** power)


def _count(horizon: Horizon, step: np.ndarray, per: Unit) -> np.ndarray:
    """The epochs or the steps done before `step`."""
    return periods(step, horizon.steps_per_epoch) if per == "epoch" else step
