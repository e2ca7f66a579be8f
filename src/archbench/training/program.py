"""The compiled program: many optimizer steps, or one batch of answers, in a single call.

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
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.tasks.base import Batch, Task
from archbench.training.devices import spread
from archbench.training.health import Watch, columns

ANSWERS = ("losses", "predictions", "predictions alone", "shown")
"""What a compiled program answers of a batch: the losses, with the predictions, these alone, or what pictures need."""
LEAST = 1e-12
"""In the place of weights whose sum is less, by which a mean would be divided."""
EVALUATION_SEED = 0
"""What a task draws from in evaluation."""


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


@dataclass(frozen=True)
class Average:
    """An exponential moving average of weights over the steps, as `use_ema` of a Keras optimizer defines it."""

    decay: float
    variables: Sequence[keras.Variable]
    """One a trainable weight, of its shape and dtype."""

    def update(self, weights: Sequence[keras.Variable], first: Any, where: Any) -> None:
        """Take in the `weights` after a step, whole after the `first`; nothing changes unless `where` is true."""
        for average, weight in zip(self.variables, weights, strict=True):
            decay = ops.where(first, 0.0, ops.cast(self.decay, weight.dtype))
            before = ops.convert_to_tensor(average)
            after = decay * before + (1 - decay) * ops.convert_to_tensor(weight)
            average.assign(ops.where(where, after, before))


Knobs = Mapping[str, Sequence[tuple[Any, str]]]
"""A tunable number's key in params.yaml -> the objects that hold it, each with the attribute's name."""


@dataclass(frozen=True)
class Learner:
    """A network with all that one optimizer step needs."""

    model: keras.Model
    """What is saved: from raw inputs to outputs, or the parts together."""
    preprocess: Mapping[str, Callable[[Any], Any]]
    """Of an array that the network reads, from what it holds to what the network reads; others are read as they are."""
    parts: Mapping[str, keras.Model]
    """What the task calls; a network of one part is called `network`."""
    task: Task
    optimizer: keras.Optimizer
    clip: Clip | None = None
    average: Average | None = None
    """What is scored and saved in place of the weights that train."""
    knobs: Knobs = field(default_factory=dict)
    """The numbers that are inputs of the compiled program, but for the learning rate."""
    constraints: Sequence[tuple[keras.Variable, Any]] = ()
    """Weights with the regularizers that change them after each step: `after_step(weight, rate)`."""
    carried: Mapping[str, keras.Variable] = field(default_factory=dict)
    """What the task carries from batch to batch, (batch, ...)."""
    augmentations: Sequence[Callable[[dict, keras.random.SeedGenerator], dict]] = ()
    randomness: keras.random.SeedGenerator = field(default_factory=lambda: keras.random.SeedGenerator(0))
    """The seeds that augmentations draw from."""

    @property
    def trainable(self) -> list[keras.Variable]:
        """The variables that gradients reach."""
        return self.model.trainable_variables

    @property
    def frozen(self) -> list[keras.Variable]:
        """The weights that gradients would reach, were their layers not frozen: nothing changes them in training."""
        return [weight for layer in self.layers if not layer.trainable for weight in layer._trainable_variables]

    @property
    def normalizes_batches(self) -> bool:
        """Whether a layer takes statistics over the examples of a batch."""
        return any(isinstance(layer, keras.layers.BatchNormalization) for layer in self.layers)

    def coupling(self, arrays: Mapping[str, Any]) -> str | None:
        """What makes an example's gradient hang on the others of its batch, to begin a sentence; None if nothing."""
        if self.normalizes_batches:
            return "Batch normalization makes"
        if self.task.coupled(arrays):
            return "A loss in which examples of a batch count by what the others are makes"
        return None

    @property
    def scales_loss(self) -> bool:
        """Whether the loss is scaled against underflow, so that a step whose gradients overflow is skipped."""
        return isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)

    @property
    def state(self) -> list[keras.Variable]:
        """Every variable that training changes.

        Weights, statistics, random states, slots, averages, and last what is carried.
        """
        own = [*self.model.variables, *self.optimizer.variables, self.randomness.state]
        return [*own, *(self.average.variables if self.average else ()), *self.carried.values()]

    @property
    def layers(self) -> list[keras.Layer]:
        """Every layer of the parts, those inside others too."""
        return [layer for part in self.parts.values() for layer in part._flatten_layers()]

    def read(self, batch: Batch) -> dict[str, Any]:
        """`batch` with what the network reads as it reads it."""
        read = dict(batch)
        for name, spec in self.task.reads().items():
            if keras.backend.is_float_dtype(spec.dtype):
                read[name] = ops.cast(batch[name], "float32")
                if name in self.preprocess:
                    read[name] = self.preprocess[name](read[name])
        return read

    def begin_streams(self) -> None:
        """Let every stream of examples begin: nothing is carried yet."""
        for variable in self.carried.values():
            variable.assign(ops.zeros(variable.shape, variable.dtype))

    def with_begun_streams(self, values: Sequence[Any]) -> list[Any]:
        """The `values` of `state`, of one learner or several, with nothing carried yet."""
        kept = len(values) - len(self.carried)
        return [*values[:kept], *(ops.zeros_like(value) for value in values[kept:])]

    def with_averages(self, values: Sequence[Any]) -> list[Any]:
        """The `values` of `state`, of one learner or several, with the averages in the place of the weights."""
        if self.average is None:
            return list(values)
        by_variable = {id(variable): value for variable, value in zip(self.state, values, strict=True)}
        pairs = zip(self.trainable, self.average.variables, strict=True)
        instead = {id(weight): by_variable[id(average)] for weight, average in pairs}
        return [instead.get(id(variable), by_variable[id(variable)]) for variable in self.state]

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the averages in the place of the weights while the body runs; without averages they are the weights."""
        if self.average is None:
            yield
            return
        before = [np.array(ops.convert_to_numpy(weight)) for weight in self.trainable]
        try:
            for weight, average in zip(self.trainable, self.average.variables, strict=True):
                weight.assign(ops.convert_to_tensor(average))
            yield
        finally:
            for weight, value in zip(self.trainable, before, strict=True):
                weight.assign(value)

    def read_state(self) -> list[np.ndarray]:
        """The values of `state` on the host."""
        return [np.array(ops.convert_to_numpy(variable)) for variable in self.state]

    def write_state(self, values: Sequence[np.ndarray]) -> None:
        """Set `state` to values that `read_state` gave."""
        for variable, value in zip(self.state, values, strict=True):
            variable.assign(value)


class BoundNet:
    """The parts of a network as a task calls them in one step."""

    def __init__(self, learner: Learner, training: bool) -> None:
        self.training = training
        self.carried = {name: ops.convert_to_tensor(variable) for name, variable in learner.carried.items()}
        self._parts = learner.parts
        self._made: dict[tuple, tuple[Any, Any]] = {}

    def __call__(self, *inputs: Any, part: str = "network") -> Any:
        """As `tasks.base.Net` says; what is no floating-point number stays as it is."""
        key = part, *(id(tensor) for tensor in keras.tree.flatten(inputs))
        if self.training or key not in self._made:
            read = inputs[0] if len(inputs) == 1 else list(inputs)
            outputs = keras.tree.map_structure(_in_float32, self._parts[part](read, training=self.training))
            if self.training:
                return outputs
            self._made[key] = inputs, outputs  # the inputs too, so that no other tensor gets their id
        return self._made[key][1]


def _in_float32(x: Any) -> Any:
    return ops.cast(x, "float32") if keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)) else x


class Steps:
    """What one step computes, in `keras.ops` alone."""

    def __init__(self, learner: Learner, micro_batch: int | None = None) -> None:
        self.learner = learner
        self.micro_batch = micro_batch
        """Examples whose gradient is taken at once; the sum of all pieces of a batch is the gradient of a step."""
        self.watch = Watch(learner)

    def at_once(self, rows: Any) -> Any:
        """Of a batch's `rows`, or of its size, what the network sees at once: all, or its first piece."""
        if self.micro_batch is None:
            return rows
        return self.micro_batch if isinstance(rows, int) else rows[: self.micro_batch]

    def objective(self, batch: Batch) -> tuple[Any, dict[str, Any]]:
        """The number that is minimised, and the batch means that are logged."""
        means = self._training_means(batch, _batch_mean)
        means["loss"] = means["loss"] + self._penalty()
        return self.learner.optimizer.scale_loss(means["loss"]), means

    def share(self, batch: Batch, shares: Any, before: Any, last: Any) -> tuple[Any, dict[str, Any], Any]:
        """What a piece of a larger batch adds to its objective and to each loss part, and how much counts so far.

        Example i counts `shares[i]`, times the weight that the task gives it. `before` is what the pieces before this
        one gave last; the sums over all pieces, divided by what the `last` of them gives, are the objective and the
        means of the larger batch. The penalties of the weights come with that one, as they count once.
        """
        total = _Total(shares)
        parts = self._training_means(batch, total)
        so_far = before + total.weight
        parts["loss"] = parts["loss"] + ops.where(last, so_far, 0.0) * self._penalty()
        return self.learner.optimizer.scale_loss(parts["loss"]), parts, so_far

    def _training_means(self, batch: Batch, mean: Callable[..., Any]) -> dict[str, Any]:
        learner = self.learner
        batch = dict(batch)
        for augmentation in learner.augmentations:
            batch = augmentation(batch, learner.randomness)
        batch = self.learner.read(batch)
        net = BoundNet(learner, training=True)
        losses = learner.task.losses(net, batch, learner.randomness)
        self._carry_on(net.carried)
        return learner.task.means(losses, batch, mean)

    def _carry_on(self, carried: Mapping[str, Any]) -> None:
        """Leave for the next batch what the task carries."""
        for name, variable in self.learner.carried.items():
            variable.assign(ops.stop_gradient(carried[name]))

    def _penalty(self) -> Any:
        return sum(ops.cast(value, "float32") for part in self.learner.parts.values() for value in part.losses)

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
            self._average()
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
        self._average(finite)
        return ops.where(finite, norm, math.nan)

    def _constrain(self, where: Any = True) -> None:
        """Change the weights whose regularizer acts after a step, if `where` is true."""
        optimizer = self.learner.optimizer
        rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate  # a tensor, inside `tuned`
        for weight, regularizer in self.learner.constraints:
            before = ops.convert_to_tensor(weight)
            weight.assign(ops.where(where, regularizer.after_step(before, rate), before))

    def _average(self, where: Any = True) -> None:
        """Let the average take in the weights as the step left them, if `where` is true."""
        if self.learner.average:
            first = ops.equal(self.learner.optimizer.iterations, 1)
            self.learner.average.update(self.learner.trainable, first, where)

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

    def units(self, now: Any, batch: Batch) -> Any:
        """Of one batch, in inference mode: what `Watch.units` counts, and 0 unless `now`."""

        def forward() -> None:
            with self._evaluated(batch) as (net, read):
                self.learner.task.losses(net, read, EVALUATION_SEED)

        def level() -> Any:
            value = next(iter(batch.values()))
            return ops.equal(value, value)

        return self.watch.units(now, forward, level)

    @contextmanager
    def _evaluated(self, batch: Batch) -> Iterator[tuple[BoundNet, Batch]]:
        """The network in inference mode, and what it reads.

        A layer that can draw a sample with a given `noise` is given that of the batch, one row an example: what it
        draws hangs on the example alone.
        """
        net, read = BoundNet(self.learner, training=False), self.learner.read(batch)
        drawing = [layer for layer in self.learner.layers if hasattr(layer, "noise")]
        with _replaced([(layer, "noise", batch["noise"]) for layer in drawing]):
            yield net, read

    def answer(self, what: str, batch: Batch) -> dict[str, Any]:
        """Of one batch, in inference mode: what of `ANSWERS` is asked; per-example losses as `loss/<name>`."""
        task = self.learner.task
        with self._evaluated(batch) as (net, read):
            if what == "shown":
                return task.show(net, read, EVALUATION_SEED)
            if what == "predictions alone":
                return task.predict(net, read, EVALUATION_SEED)
            before = dict(net.carried)
            losses = task.losses(net, read, EVALUATION_SEED)
            after, net.carried = net.carried, before  # predictions are of the same batch
            predictions = task.predict(net, read, EVALUATION_SEED) if what == "predictions" else {}
            self._carry_on(after)  # only now: on TensorFlow what was carried is read where it is used
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


def _batch_mean(values: Any, weight: Any = None) -> Any:
    """The mean of `values` (batch,), in which each counts its `weight` (batch,) if that is given; 0 where none does."""
    values = ops.cast(values, "float32")
    if weight is None:
        return ops.mean(values)
    weight = ops.cast(weight, "float32")
    return ops.mean(values * weight / ops.maximum(ops.mean(weight), LEAST))


class _Total:
    """In the place of a mean: the sum, in which each value counts its share, and its weight if that is given.

    Means by other weights than the first one's are brought to its sum. That gives them where a piece is all that there
    is; where examples of a batch hang together like that, there are no others.
    """

    def __init__(self, shares: Any) -> None:
        self._shares = shares
        self.weight: Any = None
        """By which the sums over all pieces are to be divided."""

    def __call__(self, values: Any, weight: Any = None) -> Any:
        counts = self._shares if weight is None else self._shares * ops.cast(weight, "float32")
        total = ops.sum(counts)
        if self.weight is None:
            self.weight = total
        return ops.sum(ops.cast(values, "float32") * counts) * (self.weight / ops.maximum(total, LEAST))


def divided(total: Any, tensors: Any) -> Any:
    """Each of `tensors` through `total`, which may be 0 where all of them are."""
    return keras.tree.map_structure(lambda tensor: tensor / ops.cast(ops.maximum(total, LEAST), tensor.dtype), tensors)


def global_norm(tensors: Sequence[Any]) -> Any:
    """The Euclidean norm of all entries of `tensors` together, in float32."""
    squares = [ops.sum(ops.square(ops.cast(tensor, "float32"))) for tensor in tensors]
    return ops.sqrt(sum(squares))


class Program:
    """A learner compiled: `train` runs a chunk of optimizer steps, `answer` one batch."""

    def __init__(self, learner: Learner, xla: bool, devices: int = 1) -> None:
        self.learner = learner
        self.xla = xla
        self._spread = spread(devices)
        self.take_in_pieces(None)

    def take_in_pieces(self, micro_batch: int | None) -> None:
        """Compile anew, for steps that take the gradient of so many examples at once; None takes that of the batch.

        The batches that `train` is given are to hold a whole number of such pieces.
        """
        if keras.backend.backend() == "tensorflow":
            from archbench.training._tensorflow import TensorFlowBackend as Backend
        else:
            from archbench.training._jax import JaxBackend as Backend
        self.micro_batch = micro_batch
        self._backend = Backend(Steps(self.learner, micro_batch), self.xla, self._spread)

    @property
    def compiled(self) -> int:
        """How many programs of steps were compiled: one for each shape of batches and chunks."""
        return self._backend.compiled

    def place(self, arrays: Mapping[str, np.ndarray]) -> Batch:
        """Copy arrays to the device."""
        return self._backend.place(arrays)

    def train(
        self,
        data: Batch,
        order: np.ndarray,
        count: int,
        rates: np.ndarray,
        numbers: Mapping[str, Any],
        *,
        watched: bool = False,
    ) -> dict[str, float]:
        """Run the first `count` steps of a chunk and return what they logged.

        `order` (step, batch) holds rows of `data`; `rates` (step,) the learning rate of each step; `numbers` the
        other tunable numbers, each one value or one a step. The result holds the mean over the steps taken of every
        loss part, the last step's `gradient_norm`, the `weight_norm` after it, and `steps`, which is less than
        `count` where a loss was NaN or infinite: the loop stops there and `finite` is 0. With `count` 0 it only
        compiles. Where the last step is `watched`, also what `health.PREFIX` tells of.
        """
        numbers = {
            name: np.ascontiguousarray(np.broadcast_to(np.float32(value), rates.shape))
            for name, value in numbers.items()
        }
        last = np.int32(count - 1 if watched else -1)
        order, rates = order.astype(np.int32), rates.astype(np.float32)
        logs = dict(self._backend.train(data, order, np.int32(count), rates, numbers, last))
        vitals = logs.pop("vitals"), logs.pop("units")
        logs = {name: float(value) for name, value in logs.items()}
        for name in logs:
            if name not in ("steps", "finite", "gradient_norm", "weight_norm"):
                logs[name] /= max(logs["steps"], 1.0)
        return logs | (columns(*vitals, logs["gradient_norm"]) if watched else {})

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

    def answer_side_by_side(
        self, what: str, values: Sequence[Any], data: Batch, rows: np.ndarray
    ) -> tuple[Sequence[Any], dict[str, np.ndarray]]:
        """As `answer` for several learners at once, on JAX; with the values after it, which carry on."""
        return self._backend.answer_side_by_side(what, values, data, rows.astype(np.int32))

    def gradient(
        self,
        data: Batch,
        rows: np.ndarray,
        shares: np.ndarray,
        numbers: Mapping[str, float],
        *,
        before: float = 0.0,
        last: bool = True,
    ) -> tuple[dict[str, float], list[np.ndarray], float]:
        """What the given rows of `data` add to each loss part and to the gradient, by weight tensor: `Steps.share`.

        By default these rows are all that there is; even then all is to be divided by the third of what is returned.
        The weights stay as they are.
        """
        numbers = {name: np.float32(value) for name, value in numbers.items()}
        parts, gradients, so_far = self._backend.gradient(
            data, rows.astype(np.int32), shares.astype(np.float32), np.float32(before), np.bool_(last), numbers
        )
        return {name: float(value) for name, value in parts.items()}, gradients, float(so_far)

    def apply(self, gradients: Sequence[np.ndarray], rate: float, numbers: Mapping[str, float]) -> float:
        """One step of the optimizer with these gradients; returns their norm before clipping."""
        numbers = {name: np.float32(value) for name, value in numbers.items()}
        return float(self._backend.apply(list(gradients), np.float32(rate), numbers))

    def answer(self, what: str, data: Batch, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Of the given rows of `data`: what of `ANSWERS` is asked."""
        return self._backend.answer(what, data, rows.astype(np.int32))
