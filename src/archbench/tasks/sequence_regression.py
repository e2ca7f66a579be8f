"""One or more numbers a sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from archbench.losses.regression import mse as squared_error
from archbench.metrics.regression import mae, mse, within
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Direct, Smoke, smoke_inputs

CORRECT = 0.04
"""A sum counts as correct within this of the truth: experiment 4 of the paper, whose sums lie in [0, 1]."""


@task("sequence_regression", source="Hochreiter & Schmidhuber 1997, Long Short-Term Memory, experiment 4", smoke="lstm")
class SequenceRegression(Direct):
    """The numbers a sequence stands for, after its last step.

    Trained on, chosen and scored by the mean squared error; `within_0.04` is the paper's share of correct
    sums.
    """

    monitor = "mse"
    maximize = False
    needs = ("target",)

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Two numbers an example."""
        inputs = smoke_inputs(shape, examples, random)
        return Smoke({**inputs, "target": random.random((examples, 2), "float32")}, *inputs)

    def outputs(self) -> int:
        """How many numbers a target has."""
        return math.prod(self.card.arrays["target"]["shape"])

    def compare(self, outputs: Any, arrays: Batch, inputs: Any) -> dict[str, Any]:
        """`loss`, the squared error averaged over the numbers; `outputs` (batch, number)."""
        return {"loss": squared_error(arrays["target"], outputs)}

    def decode(self, outputs: Any) -> dict[str, Any]:
        """`target`, the outputs as they are, (batch, number)."""
        return {"target": outputs}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`mse`, `mae` and `within_0.04`."""
        pair = arrays["target"], predictions["target"]
        return {"mse": mse(*pair), "mae": mae(*pair), "within_0.04": within(*pair, tolerance=CORRECT)}
