"""What a trial may choose, and which trials an arm begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import FloatDistribution

from archbench.config import Arm, Range
from archbench.optimizers import OPTIMIZERS

Numbers = dict[str, float]


def distribution(number: Range) -> FloatDistribution:
    """The range as Optuna's distribution; of 1 - x where that is what is tuned."""
    return FloatDistribution(number.low, number.high, log=number.log)


def suggest(trial: optuna.Trial, arm: Arm) -> Numbers:
    """The numbers of a trial, by the arm's own space."""
    chosen = {
        name: trial.suggest_float(name, number.low, number.high, log=number.log) for name, number in arm.space.items()
    }
    return numbers_of(chosen, arm)


def numbers_of(chosen: Mapping[str, float], arm: Arm) -> Numbers:
    """Optuna's values as the optimizer's numbers: 1 - x where 1 - x was tuned."""
    return {name: 1.0 - value if arm.space[name].one_minus else value for name, value in chosen.items()}


def paper_default(arm: Arm) -> dict[str, float]:
    """The paper's numbers as a point of the arm's space, moved to its border where they lie outside."""
    entry, options = OPTIMIZERS.resolve(arm.optimizer.spec)
    values: Mapping[str, Any] = {**entry.options, **options}
    point = {}
    for name, number in arm.space.items():
        value = 1.0 - values[name] if number.one_minus else values[name]
        point[name] = min(max(value, number.low), number.high)
    return point
