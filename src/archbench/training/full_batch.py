"""Training on the gradient over all training data: batch gradient descent and L-BFGS.

The gradient is summed over chunks of `batch_size` examples, so what fits memory is the user's choice and changes
nothing else: each example's loss counts 1/n, or its weight's share of all weights, in whichever chunk it is, and the
penalties of the weights count once.
The sums are kept in float64 on the host.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.optimize
from keras import ops
from scipy.optimize._linesearch import LineSearchWarning  # SciPy exports no public name of it

from archbench.catalogue import Spec
from archbench.errors import UserError
from archbench.optimizers import OPTIMIZERS
from archbench.optimizers.second_order import LBFGS
from archbench.training.feed import Feed
from archbench.training.program import LEAST, Learner, Program

SUFFICIENT_DECREASE, CURVATURE = 1e-4, 0.9
"""The constants c1 and c2 of the strong Wolfe conditions: Nocedal and Wright 2006, equation 3.7."""
ROUNDING = 1e-6
"""Relative differences of a float32 loss below this are rounding."""

Height = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""A point (weight,) to the loss there and its gradient (weight,), both in float64."""


class NotFullBatch(UserError):
    """A setting that does not go with an optimizer that trains on all data at once."""


def is_full_batch(spec: Spec) -> bool:
    """Whether the optimizer that `spec` names takes its steps on all training data."""
    return OPTIMIZERS.resolve(spec)[0].facts.get("full_batch", False)


def iterations_per_epoch(spec: Spec) -> int:
    """The steps in an epoch of an optimizer that takes them on all training data."""
    entry, options = OPTIMIZERS.resolve(spec)
    return {**entry.options, **options}.get("iterations_per_epoch", 1)


def check(settings: Mapping[str, Any]) -> None:
    """Refuse settings with which an optimizer on all data cannot work; others pass, whatever they are."""
    spec = settings["optimizer"]
    if not is_full_batch(spec):
        return
    name = OPTIMIZERS.resolve(spec)[0].name
    if settings["precision"] == "mixed_float16":
        raise NotFullBatch(
            f"{name} sums the gradients of chunks, which mixed_float16 scales. Choose precision float32 or "
            f"mixed_bfloat16, or another optimizer."
        )
    if name != "lbfgs":
        return
    if settings["clip"]:
        raise NotFullBatch("lbfgs measures the curvature with gradients as they are: choose clip none.")
    if "average" in settings:
        raise NotFullBatch("lbfgs leaves its weights at the lowest point that it found: leave average out.")
    if settings["augmentation"]:
        raise NotFullBatch(
            "lbfgs searches along a line on which the loss must not change by chance, as it does with augmentation: "
            "choose augmentation [], or the optimizer batch_gd."
        )


def only(feeds: Sequence[Feed]) -> Feed:
    """The feed of a split, which has to hold all of it."""
    if len(feeds) > 1:
        raise NotFullBatch(
            f"Examples of {len(feeds)} lengths are no single batch. Choose one bucket in the options of the task, or "
            "an optimizer that takes its steps on batches."
        )
    return feeds[0]


class FullBatch:
    """The loss over a whole split, its gradient, and the optimizer's steps on them."""

    def __init__(self, program: Program, feed: Feed, batch_size: int) -> None:
        _check_chunks(program.learner, batch_size, feed)
        self._program, self._feed = program, feed
        learner = program.learner
        rows = np.arange(math.ceil(feed.examples / batch_size) * batch_size)
        shape = (-1, batch_size)
        self._order = np.minimum(rows, feed.examples - 1).reshape(shape).astype(np.int32)
        self._shares = ((rows < feed.examples) / feed.examples).reshape(shape).astype(np.float32)
        others = {id(v) for v in (*learner.trainable, *learner.frozen, *learner.optimizer.variables)}
        self._random = [variable for variable in learner.state if id(variable) not in others]
        self._shapes = [tuple(variable.shape) for variable in learner.trainable]

    def compile(self, numbers: Mapping[str, float]) -> None:
        """Trace the program of a chunk, and that of a step, and leave every variable as it was."""
        before = self._program.learner.read_state()
        data, chunk, _ = next(iter(self._feed.chunks(self._order, 1)))
        _, gradients, _ = self._program.gradient(data, chunk[0], self._shares[0], numbers)
        if not isinstance(self._program.learner.optimizer, LBFGS):
            self._program.apply(gradients, 0.0, numbers)
        self._program.learner.write_state(before)

    def gradient(self, numbers: Mapping[str, float]) -> tuple[dict[str, float], list[np.ndarray]]:
        """The means of every loss part over all examples, penalties in `loss`, and its gradient by weight tensor."""
        parts: dict[str, float] = {}
        total, so_far = [np.zeros(shape) for shape in self._shapes], 0.0
        for number, (data, chunk, _) in enumerate(self._feed.chunks(self._order, 1)):
            last = number + 1 == len(self._shares)
            found, gradients, so_far = self._program.gradient(
                data, chunk[0], self._shares[number], numbers, before=so_far, last=last
            )
            parts = {name: parts.get(name, 0.0) + value for name, value in found.items()}
            for sum_, gradient in zip(total, gradients, strict=True):
                sum_ += gradient
        counted = max(so_far, LEAST)
        return {name: value / counted for name, value in parts.items()}, [sum_ / counted for sum_ in total]

    def train(self, rates: np.ndarray, numbers: Mapping[str, Any]) -> dict[str, float]:
        """A step at each of `rates`, with what `Program.train` logs; `numbers` are one value each, or one a step."""
        numbers = {name: np.broadcast_to(values, rates.shape) for name, values in numbers.items()}
        lbfgs = isinstance(self._program.learner.optimizer, LBFGS)
        sums, done, norm, finite = {}, 0, 0.0, True
        function = _Frozen(self, {name: float(values[0]) for name, values in numbers.items()}) if lbfgs else None
        for rate in rates:
            at_step = {name: float(values[done]) for name, values in numbers.items()}
            parts, norm = function.step(rate) if function else self._descend(rate, at_step)
            sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
            done, finite = done + 1, math.isfinite(parts["loss"])
            if not finite:
                break
        weights = [ops.convert_to_numpy(variable) for variable in self._program.learner.trainable]
        return {
            **{name: value / done for name, value in sums.items()},
            "steps": float(done),
            "finite": float(finite),
            "gradient_norm": norm,
            "weight_norm": float(np.linalg.norm(_flat(weights))),
        }

    def _descend(self, rate: float, numbers: Mapping[str, float]) -> tuple[dict[str, float], float]:
        """One step of the optimizer; returns the loss parts and the gradient's norm before it."""
        parts, gradient = self.gradient(numbers)
        return parts, self._program.apply([g.astype(np.float32) for g in gradient], float(rate), numbers)


class _Frozen:
    """The loss as a function of the weights alone, and the L-BFGS iterations of one epoch on it.

    Every evaluation starts from the same random states and statistics, so dropout draws the same masks each time; the
    next epoch's are others.
    """

    def __init__(self, whole: FullBatch, numbers: Mapping[str, float]) -> None:
        self._whole, self._numbers = whole, numbers
        self._learner = whole._program.learner
        self._start = [np.array(ops.convert_to_numpy(variable)) for variable in whole._random]
        self._parts: dict[str, float] = {}
        point = _flat([ops.convert_to_numpy(variable) for variable in self._learner.trainable])
        self._at = (point, *self(point))

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss with the weights at `point` (weight,), where it leaves them, and the gradient there."""
        for variable, value in zip(self._whole._random, self._start, strict=True):
            variable.assign(value)
        self._write(point)
        self._parts, gradient = self._whole.gradient(self._numbers)
        return self._parts["loss"], _flat(gradient)

    def step(self, rate: float) -> tuple[dict[str, float], float]:
        """One iteration; returns the loss parts and the gradient's norm before it."""
        point, loss, gradient = self._at
        parts, norm = self._parts, float(np.linalg.norm(gradient))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return {**parts, "loss": math.nan}, norm
        self._at = iterate(self._learner.optimizer, self, point, loss, gradient, float(rate))
        self._write(self._at[0])
        return parts, norm

    def _write(self, point: np.ndarray) -> None:
        start = 0
        for variable, shape in zip(self._learner.trainable, self._whole._shapes, strict=True):
            size = math.prod(shape)
            variable.assign(point[start : start + size].reshape(shape).astype(np.float32))
            start += size


def iterate(
    optimizer: LBFGS, function: Height, point: np.ndarray, loss: float, gradient: np.ndarray, rate: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """One L-BFGS iteration from `point`, where `function` is `loss` with `gradient`; returns the next three.

    Where no length of the step satisfies the conditions, the pairs are forgotten and the gradient itself is followed;
    where that finds none either, the loss is as low as its rounding lets it be told, and the point stays.
    """
    for _ in range(2):
        found = search(function, point, loss, gradient, rate * optimizer.direction(gradient))
        if found:
            optimizer.remember(found[0] - point, found[2] - gradient)
            return found
        optimizer.forget()
    return point, loss, gradient


def search(
    function: Height, point: np.ndarray, loss: float, gradient: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """A point along `direction` (weight,) that satisfies the strong Wolfe conditions, its loss and gradient.

    The whole of `direction` is tried first. Near the lowest point, where losses differ by their rounding alone, the
    slope decides in place of the decrease: the approximate conditions of Hager and Zhang 2005. None if neither holds.
    """
    known = {point.tobytes(): (loss, gradient)}

    def at(place: np.ndarray) -> tuple[float, np.ndarray]:
        # The weights are float32: the point where the loss is taken is the nearest such, and so is what is returned.
        near = place.astype(np.float32).astype(np.float64)
        if near.tobytes() not in known:
            known[near.tobytes()] = function(near)
        return known[near.tobytes()]

    slope = float(gradient @ direction)
    if not slope < 0:
        return None
    first = at(point + direction)
    if abs(first[0] - loss) <= ROUNDING * max(abs(loss), ROUNDING):
        flat = abs(float(first[1] @ direction)) <= -CURVATURE * slope
        return (_near(point + direction), *first) if flat else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LineSearchWarning)  # that it found nothing is told by its answer
        length, *_ = scipy.optimize.line_search(
            lambda x: at(x)[0],
            lambda x: at(x)[1],
            point,
            direction,
            gradient,
            loss,
            c1=SUFFICIENT_DECREASE,
            c2=CURVATURE,
            maxiter=20,
        )
    if length is None:
        return None
    place = _near(point + length * direction)
    return (place, *at(place))


def _near(place: np.ndarray) -> np.ndarray:
    return place.astype(np.float32).astype(np.float64)


def _flat(tensors: list[np.ndarray]) -> np.ndarray:
    """All entries of `tensors` in one row, in float64."""
    return np.concatenate([np.asarray(tensor, dtype=np.float64).ravel() for tensor in tensors])


def _check_chunks(learner: Learner, batch_size: int, feed: Feed) -> None:
    """Refuse chunks where the loss of an example depends on the others of its chunk."""
    why = None if batch_size >= feed.examples else learner.coupling(feed.arrays)
    if why:
        raise NotFullBatch(
            f"{why} the gradient over chunks another than that over all data, and batch_size is {batch_size} of "
            f"{feed.examples} examples. Choose batch_size {feed.examples}"
            f"{', or another normalization in parts' if learner.normalizes_batches else ''}."
        )
