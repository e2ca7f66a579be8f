"""A schedule that goes by the validation scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archbench.options import Count, Inside, NonNegative
from archbench.schedules import schedule
from archbench.schedules.horizon import Factor, Horizon, WrongSchedule, periods


@schedule(
    "reduce_on_plateau",
    source="common practice; keras.callbacks.ReduceLROnPlateau",
    smoke={"patience": 1},
)
def reduce_on_plateau(
    horizon: Horizon,
    *,
    drop: Inside = 0.1,
    patience: Count = 10,
    least_gain: NonNegative = 1e-4,
    floor: NonNegative = 0.0,
) -> Factor:
    """Times `drop`, but never below `floor`, after `patience` epochs without a score better by over `least_gain`.

    The score is the one that chooses the best epoch. Keras's callback counts the same way.
    """
    if patience >= horizon.epochs:
        raise WrongSchedule(
            f"patience: {patience} epochs of it outlast a run of {horizon.epochs}. Choose less patience, more "
            f"epochs, or the schedule constant."
        )

    def rate(step: np.ndarray, scores: Sequence[float]) -> np.ndarray:
        levels = np.array(_levels(scores, drop, patience, least_gain, floor))
        epoch = periods(step, horizon.steps_per_epoch).astype(int)
        return levels[np.minimum(epoch, len(levels) - 1)]

    return Factor(rate)


def _levels(scores: Sequence[float], drop: float, patience: int, least_gain: float, floor: float) -> list[float]:
    """The factor in each epoch of which the scores are known, and in the one after them."""
    levels, best, waited = [1.0], np.inf, 0
    for score in scores:
        if score < best - least_gain:
            best, waited = score, 0
        else:
            waited += 1
        spent = waited >= patience
        levels.append(max(levels[-1] * drop, min(floor, levels[-1])) if spent else levels[-1])
        waited = 0 if spent else waited
    return levels
