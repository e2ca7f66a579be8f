"""The compiled program: many optimizer steps, or one batch of predictions, in a single call.

The arithmetic of a step is written once, in `Steps`; `_tensorflow.py` and `_jax.py` turn it into a loop that
runs on the device without returning to Python. Learning rates and the other numbers of an optimizer are inputs
of the program, so changing them never compiles it again, and the weights are its state, so the seeds of a
benchmark and the trials of a study share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.tasks.base import Task

Batch = Mapping[str, Any]
"""Named tensors with the examples along their first axis; the input stands under its card's name."""


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
    augmentations: Sequence[Callable[[dict, keras.random.SeedGenerator], dict]] = ()
    randomness: keras.random.SeedGenerator = field(default_factory=lambda: keras.random.SeedGenerator(0))
    """The seeds that augmentations draw from."""

    @property
    def trainable(self) -> list[keras.Variable]:
        """The variables that gradients reach."""
        return self.model.trainable_variables

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
        means = {name: ops.mean(ops.cast(value, "float32")) for name, value in losses.items()}
        penalty = sum(ops.cast(value, "float32") for value in self.learner.network.losses)
        means["loss"] = means["loss"] + penalty
        return self.learner.optimizer.scale_loss(means["loss"]), means

    def apply(self, gradients: Sequence[Any], rate: Any, numbers: Mapping[str, Any]) -> Any:
        """Let the optimizer move the weights; returns the gradients' global norm before clipping."""
        optimizer = self.learner.optimizer
        scale = getattr(optimizer, "dynamic_scale", None)
        norm = global_norm(gradients)
        if scale is not None:
            norm = norm / ops.cast(scale, "float32")
        with traced_numbers(optimizer, {"_learning_rate": rate, **numbers}):
            if scale is not None and keras.backend.backend() == "jax":
                self._apply_scaled(gradients)
            else:
                optimizer.apply(gradients, self.learner.trainable)
        return norm

    def _apply_scaled(self, gradients: Sequence[Any]) -> None:
        """As `apply` of a `LossScaleOptimizer`, which assigns inside a branch, where JAX's tracers would leak."""
        optimizer, trainable = self.learner.optimizer, self.learner.trainable
        slots, weights = ([ops.convert_to_tensor(v) for v in group] for group in (optimizer.variables, trainable))
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        for variable, value in zip([*trainable, *optimizer.variables], [*weights, *slots], strict=True):
            variable.assign(value)

    def predict(self, batch: Batch) -> dict[str, Any]:
        """Per-example losses (as `loss/<name>`) and decoded predictions of one batch, in inference mode."""
        outputs, losses = self.losses(batch, training=False)
        predictions = self.learner.task.predict(outputs)
        return {**predictions, **{f"loss/{name}": value for name, value in losses.items()}}

    def weight_norm(self) -> Any:
        """The global norm of the trainable weights."""
        return global_norm([ops.convert_to_tensor(variable) for variable in self.learner.trainable])


def global_norm(tensors: Sequence[Any]) -> Any:
    """The Euclidean norm of all entries of `tensors` together, in float32."""
    squares = [ops.sum(ops.square(ops.cast(tensor, "float32"))) for tensor in tensors]
    return ops.sqrt(sum(squares))


@contextmanager
def traced_numbers(optimizer: keras.Optimizer, numbers: Mapping[str, Any]) -> Iterator[None]:
    """Put tensors in the place of an optimizer's Python numbers while a step is traced.

    Keras reads `learning_rate`, `beta_1` and their kin as attributes each time it updates, so a tensor there
    becomes an input of the compiled program. The attributes are set past Keras's variable tracking, which would
    otherwise keep the tracer.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    before = {name: getattr(inner, name) for name in numbers}
    try:
        for name, value in numbers.items():
            object.__setattr__(inner, name, value)
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(inner, name, value)


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
        self, data: Batch, order: np.ndarray, count: int, rates: np.ndarray, numbers: Mapping[str, float]
    ) -> dict[str, float]:
        """Run the first `count` steps of a chunk and return what they logged.

        `order` (step, batch) holds rows of `data`; `rates` (step,) the learning rate of each step; `numbers` the
        optimizer's other tunable numbers. The result holds the mean over the steps taken of every loss part, the
        last step's `gradient_norm`, the `weight_norm` after it, and `steps`, which is less than `count` where a
        loss was NaN or infinite: the loop stops there and `finite` is 0. With `count` 0 it only compiles.
        """
        numbers = {name: np.float32(value) for name, value in numbers.items()}
        logs = self._backend.train(data, order.astype(np.int32), np.int32(count), rates.astype(np.float32), numbers)
        logs = {name: float(value) for name, value in logs.items()}
        for name in logs:
            if name not in ("steps", "finite", "gradient_norm", "weight_norm"):
                logs[name] /= max(logs["steps"], 1.0)
        return logs

    def predict(self, data: Batch, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Per-example losses and predictions of the given rows of `data`."""
        return self._backend.predict(data, rows.astype(np.int32))
