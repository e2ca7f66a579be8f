"""The training program on JAX: a pure function of the variables' values, jitted, with the loop inside where it pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from archbench.training.machine import convolves, device_kind
from archbench.training.program import ANSWERS, divided

if TYPE_CHECKING:
    from archbench.tasks.base import Batch
    from archbench.training.program import Steps


class JaxBackend:
    """Compiles `Steps` with `jax.jit`; XLA is the only way JAX runs."""

    def __init__(self, steps: Steps, xla: bool, spread: keras.distribution.DataParallel | None) -> None:
        self._steps = steps
        self._spread = spread
        self._variables = steps.learner.state
        self._trainable = {id(variable) for variable in steps.learner.trainable}
        self._frozen = {id(variable) for variable in steps.learner.frozen}
        # XLA's CPU compiler leaves its fast convolutions aside inside a loop: there the loop runs in Python.
        on_device = not (device_kind() == "cpu" and convolves(steps.learner.model))
        self._start = jax.jit(self._first)
        self._step = jax.jit(self._advance, donate_argnums=0)
        self._whole = jax.jit(self._loop, donate_argnums=0)
        self._run = self._whole if on_device else self._dispatch
        self._finish = jax.jit(self._logs)
        self._answers = {what: jax.jit(partial(self._batch, what)) for what in ANSWERS}
        self._gradient = jax.jit(self._share)
        self._apply = jax.jit(self._move)
        self._run_many = jax.jit(jax.vmap(self._loop, in_axes=(0, None, None, None, 0, 0, None)), donate_argnums=0)
        self._answers_of_many = {
            what: jax.jit(jax.vmap(partial(self._batch, what), in_axes=(0, None, None))) for what in ANSWERS
        }

    @property
    def compiled(self) -> int:
        return self._whole._cache_size() + self._step._cache_size()

    def place(self, arrays: Mapping[str, np.ndarray]) -> Batch:
        return {name: self._on_each(jnp.asarray(np.asarray(value))) for name, value in arrays.items()}

    def train(self, data: Batch, order, count, rates, numbers, watched) -> dict[str, Any]:
        values = [jnp.array(value) for value in self._values()]  # a copy: the argument is donated
        values, logs = self._run(values, data, order, count, rates, numbers, watched)
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        return jax.device_get(logs)

    def answer(self, what: str, data: Batch, rows: np.ndarray) -> dict[str, np.ndarray]:
        answers, carried = self._answers[what](self._values(), data, rows)
        for variable, value in zip(self._steps.learner.carried.values(), carried, strict=True):
            variable.assign(value)
        return jax.device_get(answers)

    def train_side_by_side(self, values, data: Batch, order, count, rates, numbers) -> tuple[list[Any], dict[str, Any]]:
        values, logs = self._run_many(values, data, order, count, rates, numbers, np.int32(-1))
        return values, jax.device_get(logs)

    def answer_side_by_side(self, what: str, values, data: Batch, rows: np.ndarray) -> tuple[list[Any], dict[str, Any]]:
        answers, carried = self._answers_of_many[what](values, data, rows)
        return [*values[: len(values) - len(carried)], *carried], jax.device_get(answers)

    def gradient(self, data: Batch, rows, shares, before, last, numbers) -> tuple[dict, list[np.ndarray], Any]:
        values, *found = self._gradient(self._values(), data, rows, shares, before, last, numbers)
        self._write(values)
        return tuple(jax.device_get(found))

    def apply(self, gradients, rate, numbers) -> Any:
        values, norm = self._apply(self._values(), gradients, rate, numbers)
        self._write(values)
        return jax.device_get(norm)

    def _values(self) -> list[Any]:
        """Of every variable."""
        return [self._on_each(variable.value) for variable in self._variables]

    def _on_each(self, value: Any) -> Any:
        """`value` as each of the devices has it that the batches are spread over."""
        if self._spread is None:
            return value
        whole = keras.distribution.TensorLayout([None] * value.ndim, self._spread.device_mesh)
        return keras.distribution.distribute_tensor(value, whole)

    def _write(self, values: Sequence[Any]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            if value is not None:
                variable.assign(value)

    def _share(self, values, data: Batch, rows, shares, before, last, numbers):
        """The values after it, None for those that are frozen, and what `_piece` finds."""
        with self._steps.tuned(0.0, numbers):
            after, *found = self._piece(values, data, rows, shares, before, last)
        kept = [None if id(v) in self._frozen else value for v, value in zip(self._variables, after, strict=True)]
        return kept, *found

    def _piece(self, values, data: Batch, rows, shares, before, last):
        """The values after it, what is logged, the gradients, and what counts so far: `Steps.share`."""
        batch = self._rows(data, rows)

        def share():
            objective, parts, so_far = self._steps.share(batch, shares, before, last)
            return objective, (parts, so_far)

        after, (parts, so_far), gradients = self._differentiate(values, share)
        return after, parts, gradients, so_far

    def _of_batch(self, values, data: Batch, rows):
        """The values after the forward pass, the means over the examples at `rows` (batch,), and the gradients."""
        if self._steps.micro_batch is None:
            batch = self._rows(data, rows)
            return self._differentiate(values, lambda: self._steps.objective(batch))
        pieces = rows.reshape(-1, self._steps.micro_batch)
        shares = jnp.full(self._steps.micro_batch, 1 / rows.size)

        def add(number, carry):
            values, so_far, sums = carry
            last = number == len(pieces) - 1
            values, parts, gradients, so_far = self._piece(values, data, pieces[number], shares, so_far, last)
            return values, so_far, jax.tree.map(jnp.add, sums, (parts, gradients))

        start = values, jnp.float32(0)
        _, *found, _ = jax.eval_shape(lambda: self._piece(values, data, pieces[0], shares, start[1], False))
        nothing = jax.tree.map(lambda like: jnp.zeros(like.shape, like.dtype), tuple(found))
        values, total, sums = jax.lax.fori_loop(0, len(pieces), add, (*start, nothing))
        return values, *divided(total, sums)

    def _move(self, values, gradients, rate, numbers):
        with self._scope(values) as scope, self._steps.tuned(rate, numbers):
            norm = self._steps.apply(gradients)
        return self._read(scope, values), norm

    def _scope(self, values: Sequence[Any]) -> keras.StatelessScope:
        return keras.StatelessScope(state_mapping=list(zip(self._variables, values, strict=True)))

    def _read(self, scope: keras.StatelessScope, values: Sequence[Any]) -> list[Any]:
        current = [scope.get_current_value(variable) for variable in self._variables]
        return [old if new is None else new for old, new in zip(values, current, strict=True)]

    def _batch(self, what: str, values, data: Batch, rows):
        with self._scope(values) as scope:
            answers = self._steps.answer(what, self._rows(data, rows))
        return answers, [scope.get_current_value(variable) for variable in self._steps.learner.carried.values()]

    def _differentiate(self, values, function):
        """The values after `function`, what it logs, and the gradients of what it gives, in the order of the weights.

        `function` returns the number to differentiate and what to log, and reads the variables.
        """
        chosen = [id(variable) in self._trainable for variable in self._variables]

        def objective(weights):
            weights = iter(weights)
            full = [next(weights) if pick else value for pick, value in zip(chosen, values, strict=True)]
            with self._scope(full) as scope:
                total, logs = function()
            return total, (logs, self._read(scope, full))

        weights = [value for pick, value in zip(chosen, values, strict=True) if pick]
        (_, (logs, after)), gradients = jax.value_and_grad(objective, has_aux=True)(weights)
        by_variable = dict(
            zip(
                (id(v) for v, pick in zip(self._variables, chosen, strict=True) if pick),
                gradients,
                strict=True,
            )
        )
        return after, logs, [by_variable[id(variable)] for variable in self._steps.learner.trainable]

    def _one_step(self, values, data: Batch, rows, rate, numbers, now):
        """Values before the step to values after it, the logged means, the gradient norm, and what is watched `now`."""
        with self._steps.tuned(rate, numbers):
            after, means, gradients = self._of_batch(values, data, rows)
            with self._scope(after) as scope:
                before = self._steps.watch.weights()
                norm = self._steps.apply(gradients)
                vitals = self._steps.watch.steps(now, gradients, before)
        return self._read(scope, after), means, norm, vitals

    def _loop(self, values, data: Batch, order, count, rates, numbers, watched):
        """All steps in one program."""
        carry = jax.lax.while_loop(
            lambda carry: jnp.logical_and(carry[0] < count, carry[1]),
            lambda carry: self._advance(carry, data, order, rates, numbers, watched),
            self._first(values, data, order, rates, numbers, watched),
        )
        return carry[-1], self._logs(carry, data, order, watched)

    def _dispatch(self, values, data: Batch, order, count, rates, numbers, watched):
        """The same with a call a step."""
        numbers = {name: jnp.asarray(values) for name, values in numbers.items()}
        order = jnp.asarray(order)
        data_and_numbers = (data, order, jnp.asarray(rates), numbers, jnp.asarray(watched))
        carry = self._start(values, *data_and_numbers)
        if count == 0:  # asked only to compile, which takes a call: its result is dropped
            self._step(jax.tree.map(jnp.array, carry), *data_and_numbers)
        for _ in range(count):
            carry = self._step(carry, *data_and_numbers)
            if not carry[1]:
                break
        return carry[-1], self._finish(carry, data, order, jnp.asarray(watched))

    def _first(self, values, data: Batch, order, rates, numbers, watched):
        """What goes from step to step.

        The step, whether the loss is finite, gradient norm, what is watched, sums, variables.
        """
        _, means, _, vitals = jax.eval_shape(
            lambda values: self._one_step(values, data, order[0], rates[0], at_step(numbers, 0), False),
            values,
        )
        sums = {name: jnp.float32(0) for name in means}
        return jnp.int32(0), jnp.bool_(True), jnp.float32(0), jnp.zeros(vitals.shape), sums, values

    def _advance(self, carry, data: Batch, order, rates, numbers, watched):
        step, _, _, _, sums, values = carry
        values, means, norm, vitals = self._one_step(
            values, data, order[step], rates[step], at_step(numbers, step), step == watched
        )
        sums = {name: total + means[name] for name, total in sums.items()}
        return step + 1, jnp.isfinite(means["loss"]), norm, vitals, sums, values

    def _logs(self, carry, data: Batch, order, watched):
        steps, finite, norm, vitals, sums, values = carry
        with self._scope(values):
            weight_norm = self._steps.weight_norm()
            rows = self._steps.at_once(order[jnp.maximum(watched, 0)])
            units = self._steps.units(watched >= 0, self._rows(data, rows))
        return {
            **sums,
            "steps": steps.astype(jnp.float32),
            "finite": finite.astype(jnp.float32),
            "gradient_norm": norm,
            "weight_norm": weight_norm,
            "vitals": vitals,
            "units": units,
        }

    def _rows(self, data: Batch, rows):
        batch = {name: jnp.take(value, rows, axis=0) for name, value in data.items()}
        if self._spread is None or len(rows) % self._spread.num_model_replicas:
            return batch
        shares = {name: self._spread.get_data_layout(value.shape) for name, value in batch.items()}
        return {name: keras.distribution.distribute_tensor(value, shares[name]) for name, value in batch.items()}


def at_step(numbers: Mapping[str, Any], step: Any) -> dict[str, Any]:
    """The numbers of one step, of arrays with one value a step."""
    return {name: values[step] for name, values in numbers.items()}
