"""Gradients against central differences in double precision, layer by layer.

Nocedal and Wright 2006, Numerical Optimization, section 8.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any
from unittest import mock

import keras
import numpy as np
import pandas as pd
from keras import ops
from pydantic import Field

from archbench.options import Count, Depth
from archbench.probes import probe
from archbench.probes.slopes import by_variables, in_double_precision, number
from archbench.probes.subject import Subject
from archbench.training.program import Learner, Program, Steps
from archbench.training.split import open_split

Step = Annotated[float, Field(gt=0, le=0.1)]


@probe("gradient_check", source="Nocedal and Wright 2006, Numerical Optimization, section 8.1")
def gradient_check(
    subjects: Iterator[Subject], *, examples: Count = 4, checks: Depth = 8, step: Step = 1e-5
) -> dict[str, pd.DataFrame]:
    """How far the gradient of the loss is from central differences, weight tensor by weight tensor.

    In float64, of the loss that training minimises, penalties included, on the first `examples` of the training split,
    without augmentation; what is drawn at random is drawn alike each time, and where gradients are stopped the
    differences hold still. A row a weight tensor, input first, part by part: `checked` of its numbers are compared, at
    most `checks`, half of them those with the largest gradients; `relative_error` is |a - n| / (|a| + |n|), with a the
    gradient at them and n the differences (loss(w + step) - loss(w - step)) / (2 step); 0 where both are 0. Correct
    gradients of smooth losses are below 1e-7, or below `rounding`, the relative error of a loss that is off by one unit
    in its last place, where the gradient is tiny beside the loss; where a rectifier or a maximum lies within a step of
    its kink, that number alone is off. The default step is near the cube root of the unit roundoff (section 8.1).
    """
    rows = []
    for subject in subjects:
        with in_double_precision():
            count = min(examples, subject.prepared.card.split_sizes["train"])
            learner = replace(subject.learner(precision="float64", batch_size=count), augmentations=())
            first, _ = subject.first(count)
            split = open_split(Program(learner, xla=False), first, batch_size=count, resident_bytes=0, group=None)
            arrays = {name: np.asarray(array) for name, array in split.feeds[0].arrays.items()}
            found = check(learner, arrays, checks, step)
        rows += [{"arm": subject.arm, "seed": subject.seed, **row} for row in found]
    return {"weights": pd.DataFrame(rows)}


def check(learner: Learner, arrays: dict[str, np.ndarray], checks: int, step: float) -> list[dict[str, Any]]:
    """A row a weight tensor, as `gradient_check` says, on the batch `arrays`; inside `in_double_precision`."""
    batch = {name: ops.convert_to_tensor(array) for name, array in arrays.items()}
    loss = _Loss(learner, lambda: Steps(learner).objective(batch)[0])
    loss()  # which remembers what is held
    analytic, height = by_variables(loss, learner.trainable), number(loss, learner.trainable)
    rows = []
    for order, (variable, slope) in enumerate(zip(learner.trainable, analytic, strict=True), start=1):
        value = np.array(ops.convert_to_numpy(variable))
        places = chosen(slope, checks, order)
        numeric = np.zeros(len(places))
        for row, place in enumerate(places):
            ends = []
            for side in (step, -step):
                moved = value.copy()
                moved[place] += side
                variable.assign(moved)
                ends.append(height())
            numeric[row] = (ends[0] - ends[1]) / (2 * step)
        variable.assign(value)
        known = {"number": order, "weight": variable.path, "size": slope.size, "checked": len(places)}
        exact = np.array([slope[place] for place in places])
        norms = {"gradient": np.linalg.norm(exact), "difference": np.linalg.norm(numeric)}
        off = np.full(len(places), np.spacing(abs(ends[0])) / (2 * step))
        found = {"relative_error": relative_error(exact, numeric), "rounding": relative_error(exact, exact + off)}
        rows.append({**known, **norms, **found})
    return rows


def chosen(slope: np.ndarray, most: int, seed: int) -> list[tuple[int, ...]]:
    """At most so many places of `slope`: those of the largest, and as many others."""
    if slope.size <= most:
        return list(np.ndindex(slope.shape))
    order = np.argsort(-np.abs(slope), axis=None, kind="stable")
    largest, others = order[: most - most // 2], order[most - most // 2 :]
    drawn = np.random.default_rng(seed).choice(others, most // 2, replace=False)
    return list(zip(*np.unravel_index([*largest, *drawn], slope.shape), strict=True))


def relative_error(analytic: np.ndarray, numeric: np.ndarray) -> float:
    """|a - n| / (|a| + |n|), in Euclidean norms; 0 where both are 0."""
    whole = np.linalg.norm(analytic) + np.linalg.norm(numeric)
    return float(np.linalg.norm(analytic - numeric) / whole) if whole else 0.0


class _Loss:
    """The objective, which draws alike at each call, and holds what stands where gradients are stopped."""

    def __init__(self, learner: Learner, objective: Callable[[], Any]) -> None:
        self._objective, self._held = objective, None
        known = {id(variable) for variable in learner.trainable}
        others = [variable for variable in learner.state if id(variable) not in known]
        self._others: Sequence[tuple[keras.Variable, np.ndarray]] = [
            (variable, np.array(ops.convert_to_numpy(variable))) for variable in others
        ]

    def __call__(self) -> Any:
        """The loss with the weights as they are; what the first call finds where gradients are stopped is held."""
        for variable, value in self._others:
            variable.assign(value)
        stop, held = ops.stop_gradient, [] if self._held is None else iter(self._held)

        def remember(x: Any) -> Any:
            held.append(stop(x))
            return held[-1]

        with mock.patch.object(ops, "stop_gradient", remember if self._held is None else lambda x: next(held)):
            found = self._objective()
        self._held = held if self._held is None else self._held
        return found
