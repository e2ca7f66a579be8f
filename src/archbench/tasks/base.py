"""What every task tells the one training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError

Arrays = Mapping[str, np.ndarray]
"""Named arrays with the examples along their first axis."""
Mean = Callable[..., Any]
"""`(values, known=None)`, both (batch,), to one number."""


class TaskMismatch(UserError):
    """A data set that lacks what a task needs."""


class Task:
    """Targets, loss, decoding and scores of one kind of output.

    The training loop knows no task by name: it calls `targets` once a split on the host, `losses` and
    `predict` inside the compiled program, `means` there over a batch to train on and on the host over a whole split,
    and `scores` on the host over a whole split.
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

    @classmethod
    def labels(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The arrays that a task with these options compares with, known before there is a card."""
        return cls.needs

    def outputs(self) -> int:
        """The number of outputs an architecture is asked for: classes, values, or channels."""
        raise NotImplementedError

    def fit(self, training: Arrays, outputs: Any) -> None:
        """Learn what decoding needs (anchors, say) from training data and the network's symbolic `outputs`."""

    def targets(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """What the loss and the scores compare with, one row an example, fixed in shape.

        Evaluation that draws at random draws with a row of these too, so that it never depends on its batches.
        """
        return {name: np.asarray(arrays[name]) for name in self.needs if name != self.card.input}

    def losses(self, outputs: Any, targets: Mapping[str, Any], inputs: Any) -> dict[str, Any]:
        """Per-example numbers, each (batch,); the one called `loss` is minimised, the others are logged."""
        raise NotImplementedError

    def means(self, losses: Mapping[str, Any], targets: Mapping[str, Any], mean: Mean) -> dict[str, Any]:
        """`losses` over the examples: of a batch, as tensors, in training; of a whole split, as arrays, after it.

        `mean(values)` is the mean over all examples, `mean(values, known)` that over those where `known` (batch,) is
        true.
        """
        return {name: mean(values) for name, values in losses.items()}

    def coupled(self, targets: Arrays) -> bool:
        """Whether what an example adds to the loss depends on which others stand in its batch."""
        return False

    def inference(self, outputs: Any) -> Any:
        """Of a network's `outputs`, symbolic or not, those that are used once it is trained: all, or fewer."""
        return outputs

    def predict(self, outputs: Any) -> dict[str, Any]:
        """Network outputs decoded to arrays with the batch first, inside the compiled program."""
        raise NotImplementedError

    def scores(self, targets: Arrays, predictions: Arrays) -> dict[str, float]:
        """The metrics of a whole split, on the host."""
        raise NotImplementedError
