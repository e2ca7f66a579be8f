"""What a trial may choose, and which trial an arm begins with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from archbench import tuning
from archbench.config import Choices, Dimension, Range, Sampler, Space, name_of_choice
from archbench.tuning import Values

Drawn = Mapping[str, float | str]
"""Key -> what Optuna keeps of a trial: a number, or the name of a choice."""


def distribution(given: Dimension) -> BaseDistribution:
    """The range as Optuna's distribution; of 1 - x where that is what is tuned, of their names where it is choices."""
    if isinstance(given, Choices):
        return CategoricalDistribution(tuple(given.by_name))
    if given.integer:
        return IntDistribution(int(given.low), int(given.high), log=given.log)
    return FloatDistribution(given.low, given.high, log=given.log)


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Every range of a space, and all choices, as Optuna's distributions."""
    return {key: distribution(given) for key, given in space.items()}


def suggest(trial: optuna.Trial, space: Space) -> Values:
    """The values of a trial."""
    return values_of({key: trial._suggest(key, one) for key, one in distributions(space).items()}, space)


def values_of(drawn: Drawn, space: Space) -> Values:
    """What Optuna drew as the values that are meant: 1 - x where 1 - x was tuned, a choice for its name."""
    return {key: tuning.value_of(value, space[key]) for key, value in drawn.items()}


def paper_default(space: Space, settings: Mapping[str, Any]) -> dict[str, float | str]:
    """The paper's values as a point of the space: numbers moved to the border of their range where they lie outside.

    What no paper has a default for is left out, and so is a default that is none of the choices: the sampler draws it.
    """
    point: dict[str, float | str] = {}
    for key, given in space.items():
        value = tuning.current(settings, key)
        if isinstance(given, Choices):
            if (name := name_of_choice(value)) in given.by_name:
                point[key] = name
        elif isinstance(value, int | float):
            value = 1.0 - value if given.one_minus else value
            point[key] = min(max(value, given.low), given.high)
            point[key] = round(point[key]) if given.integer else point[key]
    return point


def grid(space: Space, trials: int) -> dict[str, list[float | str]]:
    """All choices, and evenly spaced values of every number, as few a number as make at least `trials` points."""
    chosen = {key: list(given.by_name) for key, given in space.items() if isinstance(given, Choices)}
    numbers = len(space) - len(chosen)
    left = max(1, trials / math.prod(len(names) for names in chosen.values()))
    points = math.ceil(round(left ** (1 / max(numbers, 1)), 9))
    return {key: chosen[key] if key in chosen else _spaced(given, points) for key, given in space.items()}


def distinct_points(space: Space, sampler: Sampler, trials: int) -> int:
    """How many different points so many trials can try: fewer than these where all is choices or few integers."""
    if sampler == "grid":
        return min(trials, math.prod(len(values) for values in grid(space, trials).values()))
    counts = [_count(given) for given in space.values()]
    return trials if None in counts else min(trials, math.prod(counts))


def _count(given: Dimension) -> int | None:
    """How many values there are; None where there is no end of them."""
    if isinstance(given, Choices):
        return len(given.choices)
    return int(given.high - given.low) + 1 if given.integer else None


def _spaced(number: Range, points: int) -> list[float]:
    """`points` values from low to high, of equal ratios on a log scale; one value is the middle."""
    low, high = (math.log(number.low), math.log(number.high)) if number.log else (number.low, number.high)
    places = np.linspace(low, high, points) if points > 1 else np.array([(low + high) / 2])
    values = np.exp(places) if number.log else places
    values = np.clip(values, number.low, number.high)
    return sorted({round(value) for value in values}) if number.integer else values.tolist()
