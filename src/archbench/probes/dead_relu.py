"""Units that no gradient passes: a rectifier whose input is below 0 for every example learns nothing any more.

Maas, Hannun, Ng 2013, "Rectifier nonlinearities improve neural network acoustic models", section 2; Lu, Shin, Su,
Karniadakis 2019, arXiv:1903.06733.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from keras import ops

from archbench.architectures.activity import ACTIVATIONS, activations, observed, passes
from archbench.errors import UserError
from archbench.options import Count, Epochs
from archbench.probes import probe
from archbench.probes.subject import Subject
from archbench.tasks.base import Arrays
from archbench.training.program import Learner, Program, Steps
from archbench.training.split import open_split


class NoActivations(UserError):
    """A network without activations of its own: a linear one, or one whose units have them within a layer."""


@probe("dead_relu", source="Maas, Hannun, Ng 2013, section 2; Lu et al. 2019, arXiv:1903.06733")
def dead_relu(
    subjects: Iterator[Subject], *, examples: Count = 256, epochs: Epochs = (0, 1, 2)
) -> dict[str, pd.DataFrame]:
    """How many units of each activation no gradient passes, by epoch.

    On the first `examples` of the training split, in inference mode, after each of `epochs` of training, where 0 is
    before the first. A row an activation, input first, part by part: `units` are its channels; `dead` those where its
    slope is below 0.001 at every example and position; `silent` those whose input is nowhere above 0, which for a
    rectifier is the same and for one with a slope below 0 is not; `blocked` is the share of all its numbers that no
    gradient passes. Raises `NoActivations`.
    """
    rows: list[dict[str, Any]] = []
    for subject in subjects:
        first, count = subject.first(examples)
        learner = subject.learner(batch_size=count)
        if not any(activations(part) for part in learner.parts.values()):
            raise NoActivations(
                f"{subject.arm} has no activation that a gradient might not pass: {', '.join(sorted(ACTIVATIONS))} as "
                "operations of the network. Name another network."
            )
        rows += subject.followed(learner, epochs, lambda: inspect(learner, first, count))  # noqa: B023
    return {"units": pd.DataFrame(rows)}


def inspect(learner: Learner, arrays: Arrays, count: int) -> list[dict[str, Any]]:
    """A row an activation, as `dead_relu` says, of the `count` examples in `arrays`, with the weights as they are."""
    chosen = [(name, operation) for name, part in learner.parts.items() for operation in activations(part)]
    seen = [_Tally() for _ in chosen]
    steps = Steps(learner)
    split = open_split(Program(learner, xla=False), arrays, batch_size=count, resident_bytes=0, group=None)
    with observed([operation for _, operation in chosen], lambda place, call, x: seen[place].add(call, x)):
        for feed in split.feeds:
            steps.answer("losses", {name: ops.convert_to_tensor(np.asarray(a)) for name, a in feed.arrays.items()})
    return [
        {"part": name, "layer": number, "kind": type(operation).__name__, **tally.row()}
        for number, ((name, operation), tally) in enumerate(zip(chosen, seen, strict=True), start=1)
        if tally.values
    ]


class _Tally:
    """What is known of the units of one activation, over all its calls."""

    def __init__(self) -> None:
        self.values = self.blocked = 0
        self.passed: Any = False
        self.above: Any = False

    def add(self, call: Callable[..., Any], x: Any) -> None:
        """Take in what the activation `call` is given: `x` (batch, ..., unit)."""
        passed, given = (ops.convert_to_numpy(one) for one in (passes(call, x), x))
        axes = tuple(range(passed.ndim - 1))
        self.passed, self.above = self.passed | passed.any(axis=axes), self.above | (given > 0).any(axis=axes)
        self.values, self.blocked = self.values + passed.size, self.blocked + int((~passed).sum())

    def row(self) -> dict[str, float]:
        """The columns of the table."""
        dead, silent = (int((~flags).sum()) for flags in (self.passed, self.above))
        return {"units": len(self.passed), "dead": dead, "silent": silent, "blocked": self.blocked / self.values}
