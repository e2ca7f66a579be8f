"""What every task tells the one training loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError

Arrays = Mapping[str, np.ndarray]
"""Named arrays with the examples along their first axis."""


class TaskMismatch(UserError):
    """A data set that lacks what a task needs."""


class Task:
    """Targets, loss, decoding and scores of one kind of output.

    The training loop knows no task by name: it calls `targets` once a split on the host, `losses` and
    `predict` inside the compiled program, and `scores` on the host over a whole split.
    """

    monitor: ClassVar[str]
    """The validation score that chooses the best epoch."""
    maximize: ClassVar[bool]
    """Whether a larger `monitor` is better."""
    needs: ClassVar[tuple[str, ...]]
    """The arrays that a data set must hold for this task."""

    def __init__(self, card: Card) -> None:
        missing = [name for name in self.needs if name not in card.arrays]
        if missing:
            raise TaskMismatch(
                f"The data set {card.name!r} has no {' and no '.join(missing)}, which {type(self).__name__.lower()} "
                f"needs. It has: {', '.join(card.arrays)}."
            )
        self.card = card

    def outputs(self) -> int:
        """The number of outputs an architecture is asked for: classes, values, or channels."""
        raise NotImplementedError

    def fit(self, training: Arrays, outputs: Any) -> None:
        """Learn what decoding needs (anchors, say) from training data and the network's symbolic `outputs`."""

    def targets(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """What the loss and the scores compare with, one row an example, fixed in shape."""
        return {name: np.asarray(arrays[name]) for name in self.needs if name != self.card.input}

    def losses(self, outputs: Any, targets: Mapping[str, Any], inputs: Any) -> dict[str, Any]:
        """Per-example numbers, each (batch,); the one called `loss` is minimised, the others are logged."""
        raise NotImplementedError

    def inference(self, outputs: Any) -> Any:
        """Of a network's `outputs`, symbolic or not, those that are used once it is trained: all, or fewer."""
        return outputs

    def predict(self, outputs: Any) -> dict[str, Any]:
        """Network outputs decoded to arrays with the batch first, inside the compiled program."""
        raise NotImplementedError

    def scores(self, targets: Arrays, predictions: Arrays) -> dict[str, float]:
        """The metrics of a whole split, on the host."""
        raise NotImplementedError
