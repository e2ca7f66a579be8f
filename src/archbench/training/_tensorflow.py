"""The training program on TensorFlow: one `tf.function` whose `while_loop` updates the variables in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue

from archbench.training.program import ANSWERS, divided

if TYPE_CHECKING:
    from archbench.tasks.base import Batch
    from archbench.training.program import Steps

# Of sums it would make the kind that `sum_in_order` has to mend, after that has been.
tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})

NEVER_FORWARD = -2
"""In the place of an input whose memory an output would take over: none; `kNeverForward` of TensorFlow's kernels."""


def sum_in_order() -> None:
    """Have the graph that is being built add the terms of each sum in their order.

    TensorFlow's sum of several gradients, AddN, starts from the first term whose memory no other operation still reads,
    and which that is hangs on what other threads have done: the same step could end in other bits. Here the sum gets
    memory of its own. (To name the first term there would have it written over while others read it.)
    """
    own = AttrValue(list=AttrValue.ListValue(i=[NEVER_FORWARD, 0]))
    for operation in tf.compat.v1.get_default_graph().get_operations():
        if operation.type == "AddN":
            operation._set_attr("_forward_input", own)


class TensorFlowBackend:
    """Compiles `Steps` with `tf.function`, with or without XLA."""

    def __init__(self, steps: Steps, xla: bool, spread: None) -> None:
        self._steps = steps
        self._train = _compiled(self._loop, xla)
        self._answers = {what: _compiled(partial(self._batch, what), xla) for what in ANSWERS}
        self._gradient = _compiled(self._share, xla)
        self._apply = _compiled(self._move, xla)

    @property
    def compiled(self) -> int:
        return self._train.experimental_get_tracing_count()

    def place(self, arrays: Mapping[str, np.ndarray]) -> Batch:
        return {name: tf.constant(np.asarray(value)) for name, value in arrays.items()}

    def train(self, data: Batch, order, count, rates, numbers, watched) -> dict[str, Any]:
        numbers = {name: tf.constant(value) for name, value in numbers.items()}
        logs = self._train(data, *map(tf.constant, (order, count, rates)), numbers, tf.constant(watched))
        return {name: value.numpy() for name, value in logs.items()}

    def answer(self, what: str, data: Batch, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in self._answers[what](data, tf.constant(rows)).items()}

    def gradient(self, data: Batch, rows, shares, before, last, numbers) -> tuple[dict, list[np.ndarray], Any]:
        numbers = {name: tf.constant(value) for name, value in numbers.items()}
        found = self._gradient(data, *map(tf.constant, (rows, shares, before, last)), numbers)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), found)

    def apply(self, gradients, rate, numbers) -> Any:
        numbers = {name: tf.constant(value) for name, value in numbers.items()}
        return self._apply([tf.constant(g) for g in gradients], tf.constant(rate), numbers).numpy()

    def _share(self, data: Batch, rows, shares, before, last, numbers):
        with self._steps.tuned(0.0, numbers):
            found = self._piece(data, rows, shares, before, last)
        sum_in_order()
        return found

    def _piece(self, data: Batch, rows, shares, before, last):
        batch = {name: tf.gather(value, rows) for name, value in data.items()}
        with tf.GradientTape() as tape:
            objective, parts, so_far = self._steps.share(batch, shares, before, last)
        return parts, self._gradients(tape, objective), so_far

    def _gradients(self, tape: tf.GradientTape, objective):
        weights = [variable.value for variable in self._steps.learner.trainable]
        return tape.gradient(objective, weights, unconnected_gradients="zero")

    def _of_batch(self, data: Batch, rows):
        """The means over the examples at `rows` (batch,), and the gradients."""
        if self._steps.micro_batch is None:
            batch = {name: tf.gather(value, rows) for name, value in data.items()}
            with tf.GradientTape() as tape:
                objective, means = self._steps.objective(batch)
            return means, self._gradients(tape, objective)
        pieces = tf.reshape(rows, (-1, self._steps.micro_batch))
        count, shares = pieces.shape[0], tf.fill((self._steps.micro_batch,), 1 / rows.shape[0])

        def add(number, so_far, sums):
            found, gradients, so_far = self._piece(data, pieces[number], shares, so_far, number == count - 1)
            sums = tf.nest.map_structure(tf.add, sums, (found, gradients))
            sum_in_order()
            return number + 1, so_far, sums

        zero = tf.constant(0.0)
        nothing = dict.fromkeys(self._log_names(data, rows.shape[0]), zero)
        none = [tf.zeros(variable.shape, variable.value.dtype) for variable in self._steps.learner.trainable]
        _, total, sums = tf.while_loop(
            lambda number, *_: number < count, add, [tf.constant(0), zero, (nothing, none)], parallel_iterations=1
        )
        return divided(total, sums)

    def _move(self, gradients, rate, numbers):
        with self._steps.tuned(rate, numbers):
            return self._steps.apply(gradients)

    def _batch(self, what: str, data: Batch, rows):
        return self._steps.answer(what, {name: tf.gather(value, rows) for name, value in data.items()})

    def _loop(self, data: Batch, order, count, rates, numbers, watched):
        watch = self._steps.watch

        def one_step(step):
            at_step = {name: values[step] for name, values in numbers.items()}
            with self._steps.tuned(rates[step], at_step):
                means, gradients = self._of_batch(data, order[step])
                before = watch.weights()
                norm = self._steps.apply(gradients)
                return means, norm, watch.steps(tf.equal(step, watched), gradients, before)

        def body(step, finite, norm, vitals, sums):
            means, norm, vitals = one_step(step)
            sums = {name: total + means[name] for name, total in sums.items()}
            sum_in_order()
            return step + 1, tf.math.is_finite(means["loss"]), norm, vitals, sums

        names = self._log_names(data, order.shape[1])
        zero = tf.constant(0.0)
        steps, finite, norm, vitals, sums = tf.while_loop(
            lambda step, finite, *_: tf.logical_and(step < count, finite),
            body,
            [tf.constant(0), tf.constant(True), zero, tf.zeros((3, watch.groups)), dict.fromkeys(names, zero)],
            parallel_iterations=1,
        )
        # Gathered, not sliced: XLA compiles anew for each value of what a slice begins at.
        rows = self._steps.at_once(tf.gather(order, tf.maximum(watched, 0)))
        last = {name: tf.gather(value, rows) for name, value in data.items()}
        return {
            **sums,
            "steps": tf.cast(steps, tf.float32),
            "finite": tf.cast(finite, tf.float32),
            "gradient_norm": norm,
            "weight_norm": self._steps.weight_norm(),
            "vitals": vitals,
            "units": self._steps.units(watched >= 0, last),
        }

    def _log_names(self, data: Batch, batch_size: int) -> list[str]:
        """What a step logs, read off a trace that is thrown away: a loop must know its state beforehand."""
        examples = self._steps.at_once(batch_size)
        specs = {name: tf.TensorSpec((examples, *value.shape[1:]), value.dtype) for name, value in data.items()}
        traced = tf.function(lambda batch: self._steps.objective(batch)[1], autograph=False)
        return sorted(traced.get_concrete_function(specs).structured_outputs)


def _compiled(method: Callable[..., Any], xla: bool) -> Callable[..., Any]:
    """A method of one backend as a `tf.function`.

    TensorFlow warns of a function that is traced again and again, and counts by the code that it runs, so that a
    process with several programs would be told of their sum. As a `partial` each program is counted by itself.
    """
    return tf.function(partial(method), jit_compile=xla, autograph=False)
