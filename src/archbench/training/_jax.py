"""The training program on JAX: a pure function of the variables' values, jitted, with a `while_loop` inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

if TYPE_CHECKING:
    from archbench.training.program import Batch, Steps


class JaxBackend:
    """Compiles `Steps` with `jax.jit`; XLA is the only way JAX runs."""

    def __init__(self, steps: Steps, xla: bool) -> None:
        self._steps = steps
        self._variables = steps.learner.state
        self._trainable = {id(variable) for variable in steps.learner.trainable}
        self._train = jax.jit(self._loop, donate_argnums=0)
        self._predict = jax.jit(self._batch)

    def place(self, arrays: Mapping[str, np.ndarray]) -> Batch:
        return {name: jnp.asarray(np.asarray(value)) for name, value in arrays.items()}

    def train(self, data: Batch, order, count, rates, numbers) -> dict[str, Any]:
        values = [jnp.array(variable.value) for variable in self._variables]  # a copy: the argument is donated
        values, logs = self._train(values, data, order, count, rates, numbers)
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
        return jax.device_get(logs)

    def predict(self, data: Batch, rows: np.ndarray) -> dict[str, np.ndarray]:
        values = [variable.value for variable in self._variables]
        return jax.device_get(self._predict(values, data, rows))

    def _scope(self, values: Sequence[Any]) -> keras.StatelessScope:
        return keras.StatelessScope(state_mapping=list(zip(self._variables, values, strict=True)))

    def _read(self, scope: keras.StatelessScope, values: Sequence[Any]) -> list[Any]:
        current = [scope.get_current_value(variable) for variable in self._variables]
        return [old if new is None else new for old, new in zip(values, current, strict=True)]

    def _batch(self, values, data: Batch, rows):
        with self._scope(values):
            return self._steps.predict({name: jnp.take(value, rows, axis=0) for name, value in data.items()})

    def _one_step(self, values, batch: Batch, rate, numbers):
        """Values before the step to values after it, with the logged means and the gradient norm."""
        chosen = [id(variable) in self._trainable for variable in self._variables]

        def objective(weights):
            weights = iter(weights)
            full = [next(weights) if pick else value for pick, value in zip(chosen, values, strict=True)]
            with self._scope(full) as scope:
                total, means = self._steps.objective(batch)
            return total, (means, self._read(scope, full))

        weights = [value for pick, value in zip(chosen, values, strict=True) if pick]
        (_, (means, after)), gradients = jax.value_and_grad(objective, has_aux=True)(weights)
        by_variable = dict(
            zip(
                (id(v) for v, pick in zip(self._variables, chosen, strict=True) if pick),
                gradients,
                strict=True,
            )
        )
        ordered = [by_variable[id(variable)] for variable in self._steps.learner.trainable]
        with self._scope(after) as scope:
            norm = self._steps.apply(ordered, rate, numbers)
        return self._read(scope, after), means, norm

    def _loop(self, values, data: Batch, order, count, rates, numbers):
        def batch_of(step):
            return {name: jnp.take(value, order[step], axis=0) for name, value in data.items()}

        def body(carry):
            step, _, _, sums, values = carry
            values, means, norm = self._one_step(values, batch_of(step), rates[step], numbers)
            sums = {name: total + means[name] for name, total in sums.items()}
            return step + 1, jnp.isfinite(means["loss"]), norm, sums, values

        shapes = jax.eval_shape(lambda values: self._one_step(values, batch_of(0), rates[0], numbers)[1], values)
        sums = {name: jnp.float32(0) for name in shapes}
        steps, finite, norm, sums, values = jax.lax.while_loop(
            lambda carry: jnp.logical_and(carry[0] < count, carry[1]),
            body,
            (jnp.int32(0), jnp.bool_(True), jnp.float32(0), sums, values),
        )
        with self._scope(values):
            weight_norm = self._steps.weight_norm()
        logs = {
            **sums,
            "steps": steps.astype(jnp.float32),
            "finite": finite.astype(jnp.float32),
            "gradient_norm": norm,
            "weight_norm": weight_norm,
        }
        return values, logs
