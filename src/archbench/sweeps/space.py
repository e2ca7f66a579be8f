"""What a trial may choose, and which trial an arm begins with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from archbench import tuning
from archbench.config import Range, Sampler, Space
from archbench.tuning import Numbers


def distribution(number: Range) -> BaseDistribution:
    """The range as Optuna's distribution; of 1 - x where that is what is tuned."""
    if number.integer:
        return IntDistribution(int(number.low), int(number.high), log=number.log)
    return FloatDistribution(number.low, number.high, log=number.log)


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Every range of a space as Optuna's distribution."""
    return {key: distribution(number) for key, number in space.items()}


def suggest(trial: optuna.Trial, space: Space) -> Numbers:
    """The numbers of a trial."""
    return numbers_of({key: trial._suggest(key, one) for key, one in distributions(space).items()}, space)


def numbers_of(chosen: Mapping[str, float], space: Space) -> Numbers:
    """Optuna's values as the numbers they mean: 1 - x where 1 - x was tuned."""
    return {key: tuning.value_of(value, space[key]) for key, value in chosen.items()}


def paper_default(space: Space, settings: Mapping[str, Any]) -> dict[str, float]:
    """The paper's numbers as a point of the space, moved to its border where they lie outside.

    Numbers for which no paper has a default are left out: the sampler draws them.
    """
    point = {}
    for key, number in space.items():
        value = tuning.current(settings, key)
        if value is not None:
            value = 1.0 - value if number.one_minus else value
            point[key] = min(max(value, number.low), number.high)
            point[key] = round(point[key]) if number.integer else point[key]
    return point


def grid(space: Space, trials: int) -> dict[str, list[float]]:
    """Evenly spaced values of every number, as few a number as make at least `trials` points."""
    points = math.ceil(round(trials ** (1 / len(space)), 9))
    return {key: _spaced(number, points) for key, number in space.items()}


def distinct_points(space: Space, sampler: Sampler, trials: int) -> int:
    """How many different points so many trials can try: fewer than these where all ranges are of few integers."""
    if sampler == "grid":
        return min(trials, math.prod(len(values) for values in grid(space, trials).values()))
    if not all(number.integer for number in space.values()):
        return trials
    return min(trials, math.prod(int(number.high - number.low) + 1 for number in space.values()))


def _spaced(number: Range, points: int) -> list[float]:
    """`points` values from low to high, of equal ratios on a log scale; one value is the middle."""
    low, high = (math.log(number.low), math.log(number.high)) if number.log else (number.low, number.high)
    places = np.linspace(low, high, points) if points > 1 else np.array([(low + high) / 2])
    values = np.exp(places) if number.log else places
    values = np.clip(values, number.low, number.high)
    return sorted({round(value) for value in values}) if number.integer else values.tolist()
