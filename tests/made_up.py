"""A task for learners without a data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from archbench.tasks.base import Direct


class MadeUp(Direct):
    """The given losses of what a network answers to `x`."""

    def __init__(self, losses: Callable[..., dict[str, Any]]) -> None:
        self.compare = losses

    def reads(self) -> dict[str, keras.InputSpec]:
        """`x`, of any shape."""
        return {"x": keras.InputSpec(dtype="float32")}
