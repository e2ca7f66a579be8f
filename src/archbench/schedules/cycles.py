"""Schedules that rise: with restarts, in one cycle, or to the Transformer's peak."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.options import NonNegative, Part, Positive, Width
from archbench.schedules import schedule
from archbench.schedules.horizon import Factor, Horizon, WrongSchedule, by_step, passed

Growth = Annotated[float, Field(ge=1, allow_inf_nan=False)]
"""How much longer each cycle is than the one before."""
Half = Annotated[float, Field(gt=0, le=0.5)]
"""A share of the run that fits into it twice."""


@schedule("cosine_restarts", source="Loshchilov and Hutter 2016 (SGDR), arXiv:1608.03983", smoke={"period_epochs": 1.0})
def cosine_restarts(
    horizon: Horizon, *, period_epochs: Positive, growth: Growth = 2.0, floor: NonNegative = 0.0
) -> Factor:
    """Half a cosine from 1 to `floor` in `period_epochs`, then again from 1, each `growth` times as long as the last.

    The paper's T_0 and T_mult.
    """
    if period_epochs >= horizon.epochs:
        raise WrongSchedule(
            f"period_epochs: a period of {period_epochs:g} epochs never restarts in a run of {horizon.epochs}. "
            f"Choose a shorter one, more epochs, or the schedule cosine."
        )
    edges = [0.0]
    length = period_epochs * horizon.steps_per_epoch
    while edges[-1] < horizon.steps:
        edges.append(edges[-1] + length)
        length *= growth
    edges = np.array(edges)

    def factor(step: np.ndarray) -> np.ndarray:
        cycle = np.minimum(passed(step, edges) - 1, len(edges) - 2)
        progress = np.clip((step - edges[cycle]) / (edges[cycle + 1] - edges[cycle]), 0.0, 1.0)
        return floor + (1.0 - floor) * 0.5 * (1.0 + np.cos(np.pi * progress))

    return by_step(factor)


@schedule("one_cycle", source="Smith and Topin 2017, arXiv:1708.07120; Smith 2018, arXiv:1803.09820", smoke={})
def one_cycle(
    horizon: Horizon,
    *,
    rise: Half = 0.45,
    start: Part = 0.1,
    end: NonNegative = 0.001,
    momentum_floor: NonNegative = 0.9,
) -> Factor:
    """A straight line from `start` up to 1, one back, and one down to `end`, with the momentum going inversely.

    The two slopes take the share `rise` of the run each. The optimizer's `momentum`, or `beta_1`, falls to
    `momentum_floor` of itself where the rate is highest, comes back, and stays: Smith's 0.95, 0.85, 0.95.
    """
    if momentum_floor > 1:
        raise WrongSchedule(f"momentum_floor: {momentum_floor} would raise the momentum. Choose one of at most 1.")
    turns = np.array([0.0, rise, 2 * rise, max(1.0, 2 * rise + 1e-9)]) * horizon.steps
    return Factor(
        rate=lambda step, scores: np.interp(step, turns, [start, 1.0, start, end]),
        momentum=lambda step: np.interp(step, turns, [1.0, momentum_floor, 1.0, 1.0]),
    )


@schedule("noam", source="Vaswani et al. 2017, arXiv:1706.03762, equation 3", smoke={"warmup_epochs": 1.0})
def noam(horizon: Horizon, *, warmup_epochs: Positive, width: Width = 512) -> Factor:
    """width^-0.5 min(step^-0.5, step warmup^-1.5), steps counted from 1 and `warmup` the steps of `warmup_epochs`.

    It is the whole rate in the paper, so the optimizer's is 1 then. The paper warms up for 4,000 of 100,000 steps.
    """
    if warmup_epochs >= horizon.epochs:
        raise WrongSchedule(
            f"warmup_epochs: a warm-up of {warmup_epochs:g} epochs leaves nothing of a run of {horizon.epochs}. "
            f"Choose fewer warm-up epochs or more epochs."
        )
    warmup = warmup_epochs * horizon.steps_per_epoch
    return by_step(lambda step: width**-0.5 * np.minimum((step + 1.0) ** -0.5, (step + 1.0) * warmup**-1.5))
