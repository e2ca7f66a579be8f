"""What a schedule is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archbench.errors import UserError

Factor = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Horizon:
    """How long a run is, for schedules that count epochs or need the end."""

    steps_per_epoch: int
    epochs: int

    @property
    def steps(self) -> int:
        """Optimizer steps in the whole run."""
        return self.steps_per_epoch * self.epochs


class WrongSchedule(UserError):
    """A schedule that does not fit its run."""
