"""The compiled program: many optimizer steps, or one batch of predictions, in a single call.

The arithmetic of a step is written once, in `Steps`; `_tensorflow.py` and `_jax.py` turn it into a loop that
runs on the device without returning to Python. Learning rates, the other numbers of an optimizer, limits of
clipping, strengths of regularizers and rates of dropout are inputs of the program, so changing them never compiles
it again, and the weights are its state, so the seeds of a benchmark and the trials of a study share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.tasks.base import Task

Batch = Mapping[str, Any]
"""Named tensors with the examples along their first axis; the input stands under its card's name."""


@dataclass
class Clip:
    """Clipping of gradients: each `value`, each tensor's `norm`, or the `global_norm` of all, to at most `limit`."""

    kind: str
    limit: Any
    """A number, or a tensor while a step is traced."""

    def __call__(self, gradients: Sequence[Any], norm: Any, scale: Any) -> list[Any]:
        """`gradients`, which are `scale` times too large and of global norm `norm` without that, clipped."""
        limit = self.limit * scale
        if self.kind == "value":
            return [ops.clip(g, -ops.cast(limit, g.dtype), ops.cast(limit, g.dtype)) for g in gradients]
        norms = [norm * scale] * len(gradients) if self.kind == "global_norm" else [global_norm([g]) for g in gradients]
        shares = [limit / ops.maximum(norm, limit) for norm in norms]
        return [g * ops.cast(share, g.dtype) for g, share in zip(gradients, shares, strict=True)]


Knobs = Mapping[str, Sequence[tuple[Any, str]]]
"""A tunable number's key in params.yaml -> the objects that hold it, each with the attribute's name."""


@dataclass(frozen=True)
class Learner:
    """A network with all that one optimizer step needs."""

    model: keras.Model
    """From raw inputs to outputs: what is saved."""
    preprocess: Callable[[Any], Any]
    """From raw inputs to what the network reads."""
    network: keras.Model
    task: Task
    optimizer: keras.Optimizer
    clip: Clip | None = None
    knobs: Knobs = field(default_factory=dict)
    """The numbers that are inputs of the compiled program, but for the learning rate."""
    constraints: Sequence[tuple[keras.Variable, Any]] = ()
    """Weights with the regularizers that change them after each step: `after_step(weight, rate)`."""
    augmentations: Sequence[Callable[[dict, keras.random.SeedGenerator], dict]] = ()
    randomness: keras.random.SeedGenerator = field(default_factory=lambda: keras.random.SeedGenerator(0))
    """The seeds that augmentations draw from."""

    @property
    def trainable(self) -> list[keras.Variable]:
        """The variables that gradients reach."""
        return self.model.trainable_variables

    @property
    def scales_loss(self) -> bool:
        """Whether the loss is scaled against underflow, so that a step whose gradients overflow is skipped."""
        return isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)

    @property
    def state(self) -> list[keras.Variable]:
        """Every variable that training changes: weights, statistics, random states, optimizer slots."""
        return [*self.model.variables, *self.optimizer.variables, self.randomness.state]

    def read_state(self) -> list[np.ndarray]:
        """The values of `state` on the host."""
        return [np.array(ops.convert_to_numpy(variable)) for variable in self.state]

    def write_state(self, values: Sequence[np.ndarray]) -> None:
        """Set `state` to values that `read_state` gave."""
        for variable, value in zip(self.state, values, strict=True):
            variable.assign(value)


class Steps:
    """What one step computes, in `keras.ops` alone."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    def losses(self, batch: Batch, training: bool) -> tuple[Any, dict[str, Any]]:
        """The outputs of the network and the task's per-example losses, each (batch,), in float32."""
        task = self.learner.task
        inputs = self.learner.preprocess(ops.cast(batch[task.card.input], "float32"))
        outputs = self.learner.network(inputs, training=training)
        outputs = keras.tree.map_structure(lambda x: ops.cast(x, "float32"), outputs)
        targets = {name: value for name, value in batch.items() if name != task.card.input}
        return outputs, task.losses(outputs, targets, inputs)

    def objective(self, batch: Batch) -> tuple[Any, dict[str, Any]]:
        """The number that is minimised, and the batch means that are logged."""
        batch = dict(batch)
        for augmentation in self.learner.augmentations:
            batch = augmentation(batch, self.learner.randomness)
        _, losses = self.losses(batch, training=True)
        means = self.learner.task.means(losses, batch, _batch_mean)
        penalty = sum(ops.cast(value, "float32") for value in self.learner.network.losses)
        means["loss"] = means["loss"] + penalty
        return self.learner.optimizer.scale_loss(means["loss"]), means

    def share(self, batch: Batch, weights: Any, penalty: Any) -> tuple[Any, dict[str, Any]]:
        """What a chunk adds to the objective over all data, and to each loss part.

        Example i's losses count `weights[i]`, and the penalties of the weights `penalty` times.
        """
        batch = dict(batch)
        for augmentation in self.learner.augmentations:
            batch = augmentation(batch, self.learner.randomness)
        _, losses = self.losses(batch, training=True)
        parts = self.learner.task.means(losses, batch, partial(_weighted_sum, weights))
        penalties = sum(ops.cast(value, "float32") for value in self.learner.network.losses)
        parts["loss"] = parts["loss"] + penalty * penalties
        return parts["loss"], parts

    def apply(self, gradients: Sequence[Any]) -> Any:
        """Let the optimizer move the weights; returns the gradients' global norm before clipping.

        Under loss scaling a step whose gradients overflowed changes no weight and no slot: it only halves the scale,
        and its norm is NaN.
        """
        learner, optimizer = self.learner, self.learner.optimizer
        if not learner.scales_loss:
            norm = global_norm(gradients)
            optimizer.apply(learner.clip(gradients, norm, 1.0) if learner.clip else gradients, learner.trainable)
            self._constrain()
            return norm
        scale, finite = ops.cast(optimizer.dynamic_scale, "float32"), optimizer.check_finite(gradients)
        norm = global_norm(gradients) / scale
        if learner.clip:
            # Clipped, an overflow may be finite: the optimizer, which skips such a step, must see it as it is.
            clipped = learner.clip(gradients, norm, scale)
            gradients = [ops.where(finite, c, g) for c, g in zip(clipped, gradients, strict=True)]
        if keras.backend.backend() == "jax":
            self._apply_scaled(gradients)
        else:
            optimizer.apply(gradients, learner.trainable)
        self._constrain(finite)
        return ops.where(finite, norm, math.nan)

    def _constrain(self, where: Any = True) -> None:
        """Change the weights whose regularizer acts after a step, if `where` is true."""
        optimizer = self.learner.optimizer
        rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate  # a tensor, inside `tuned`
        for weight, regularizer in self.learner.constraints:
            before = ops.convert_to_tensor(weight)
            weight.assign(ops.where(where, regularizer.after_step(before, rate), before))

    @contextmanager
    def tuned(self, rate: Any, numbers: Mapping[str, Any]) -> Iterator[None]:
        """Put tensors in the place of Python numbers while a step is traced.

        Keras reads `learning_rate`, `beta_1` and their kin as attributes each time it updates, and our layers and
        regularizers theirs each time they are called, so a tensor there becomes an input of the compiled program.
        The attributes are set past Keras's variable tracking, which would otherwise keep the tracer.
        """
        optimizer = self.learner.optimizer
        places = [(getattr(optimizer, "inner_optimizer", optimizer), "_learning_rate", rate)]
        places += [(*place, value) for name, value in numbers.items() for place in self.learner.knobs[name]]
        with _replaced(places):
            yield

    def _apply_scaled(self, gradients: Sequence[Any]) -> None:
        """As `apply` of a `LossScaleOptimizer`, which assigns inside a branch, where JAX's tracers would leak."""
        optimizer, trainable = self.learner.optimizer, self.learner.trainable
        slots, weights = ([ops.convert_to_tensor(v) for v in group] for group in (optimizer.variables, trainable))
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        for variable, value in zip([*trainable, *optimizer.variables], [*weights, *slots], strict=True):
            variable.assign(value)

    def predict(self, batch: Batch) -> dict[str, Any]:
        """Per-example losses (as `loss/<name>`) and decoded predictions of one batch, in inference mode.

        A layer that can draw a sample with a given `noise` is given that of the batch, one row an example: what it
        draws hangs on the example alone.
        """
        drawing = [layer for layer in self.learner.network._flatten_layers() if hasattr(layer, "noise")]
        with _replaced([(layer, "noise", batch["noise"]) for layer in drawing]):
            outputs, losses = self.losses(batch, training=False)
        predictions = self.learner.task.predict(outputs)
        return {**predictions, **{f"loss/{name}": value for name, value in losses.items()}}

    def weight_norm(self) -> Any:
        """The global norm of the trainable weights."""
        return global_norm([ops.convert_to_tensor(variable) for variable in self.learner.trainable])


@contextmanager
def _replaced(places: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """Each (holder, attribute, value) set while a step is traced, past Keras's tracking, and put back."""
    before = [getattr(holder, attribute) for holder, attribute, _ in places]
    try:
        for holder, attribute, value in places:
            object.__setattr__(holder, attribute, value)
        yield
    finally:
        for (holder, attribute, _), value in zip(places, before, strict=True):
            object.__setattr__(holder, attribute, value)


def _batch_mean(values: Any, known: Any = None) -> Any:
    """The mean of `values` (batch,), of those where `known` (batch,) is true if it is given; 0 where none is."""
    values = ops.cast(values, "float32")
    if known is None:
        return ops.mean(values)
    known = ops.cast(known, "float32")
    return ops.mean(values * known / ops.maximum(ops.mean(known), 1e-12))


def _weighted_sum(weights: Any, values: Any, known: Any = None) -> Any:
    """The sum of `values` (batch,) times `weights` (batch,).

    Where `known` (batch,) is given, the weights of the others go to those where it is true.
    """
    if known is not None:
        known = ops.cast(known, "float32")
        weights = weights * known * ops.sum(weights) / ops.maximum(ops.sum(weights * known), 1e-12)
    return ops.sum(ops.cast(values, "float32") * weights)


def global_norm(tensors: Sequence[Any]) -> Any:
    """The Euclidean norm of all entries of `tensors` together, in float32."""
    squares = [ops.sum(ops.square(ops.cast(tensor, "float32"))) for tensor in tensors]
    return ops.sqrt(sum(squares))


class Program:
    """A learner compiled: `train` runs a chunk of optimizer steps, `predict` one batch."""

    def __init__(self, learner: Learner, xla: bool) -> None:
        if keras.backend.backend() == "tensorflow":
            from archbench.training._tensorflow import TensorFlowBackend as Backend
        else:
            from archbench.training._jax import JaxBackend as Backend
        self.learner = learner
        self.xla = xla
        self._backend = Backend(Steps(learner), xla)

    def place(self, arrays: Mapping[str, np.ndarray]) -> Batch:
        """Copy arrays to the device."""
        return self._backend.place(arrays)

    def train(
        self, data: Batch, order: np.ndarray, count: int, rates: np.ndarray, numbers: Mapping[str, Any]
    ) -> dict[str, float]:
        """Run the first `count` steps of a chunk and return what they logged.

        `order` (step, batch) holds rows of `data`; `rates` (step,) the learning rate of each step; `numbers` the
        other tunable numbers, each one value or one a step. The result holds the mean over the steps taken of every
        loss part, the last step's `gradient_norm`, the `weight_norm` after it, and `steps`, which is less than
        `count` where a loss was NaN or infinite: the loop stops there and `finite` is 0. With `count` 0 it only
        compiles.
        """
        numbers = {
            name: np.ascontiguousarray(np.broadcast_to(np.float32(value), rates.shape))
            for name, value in numbers.items()
        }
        logs = self._backend.train(data, order.astype(np.int32), np.int32(count), rates.astype(np.float32), numbers)
        logs = {name: float(value) for name, value in logs.items()}
        for name in logs:
            if name not in ("steps", "finite", "gradient_norm", "weight_norm"):
                logs[name] /= max(logs["steps"], 1.0)
        return logs

    def train_side_by_side(
        self, values: Sequence[Any], data: Batch, order: np.ndarray, count: int, rates: np.ndarray, numbers: Any
    ) -> tuple[Sequence[Any], dict[str, np.ndarray]]:
        """As `train` for several learners at once, on JAX: `values` of the state, `rates`, `numbers` have them first.

        Learners whose loss is no longer finite stand still. Returns the new values, which stay on the device, and what
        each learner logged, its losses as sums over the steps that it took.
        """
        numbers = {name: value.astype(np.float32) for name, value in numbers.items()}
        return self._backend.train_side_by_side(
            values, data, order.astype(np.int32), np.int32(count), rates.astype(np.float32), numbers
        )

    def predict_side_by_side(self, values: Sequence[Any], data: Batch, rows: np.ndarray) -> dict[str, np.ndarray]:
        """As `predict` for several learners at once, on JAX."""
        return self._backend.predict_side_by_side(values, data, rows.astype(np.int32))

    def gradient(
        self, data: Batch, rows: np.ndarray, weights: np.ndarray, penalty: float, numbers: Mapping[str, float]
    ) -> tuple[dict[str, float], list[np.ndarray]]:
        """What the given rows of `data` add to each loss part over all data and to the gradient, by weight tensor.

        Row i counts `weights[i]`, the penalties of the weights `penalty` times. The weights stay as they are.
        """
        numbers = {name: np.float32(value) for name, value in numbers.items()}
        parts, gradients = self._backend.gradient(
            data, rows.astype(np.int32), weights.astype(np.float32), np.float32(penalty), numbers
        )
        return {name: float(value) for name, value in parts.items()}, gradients

    def apply(self, gradients: Sequence[np.ndarray], rate: float, numbers: Mapping[str, float]) -> float:
        """One step of the optimizer with these gradients; returns their norm before clipping."""
        numbers = {name: np.float32(value) for name, value in numbers.items()}
        return float(self._backend.apply(list(gradients), np.float32(rate), numbers))

    def predict(self, data: Batch, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Per-example losses and predictions of the given rows of `data`."""
        return self._backend.predict(data, rows.astype(np.int32))
