"""Gradients of functions written in `keras.ops`, outside of the compiled program, on either backend."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import keras
import numpy as np
from keras import ops


def by_variables(function: Callable[[], Any], variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """The gradient of the number that `function` gives, by each of the variables that it reads."""
    values = [variable.value for variable in variables]
    if keras.backend.backend() == "tensorflow":
        return _on_tape(lambda: (function(), values), [])

    return _differentiated(_at(function, variables), values)


def number(function: Callable[[], Any], variables: Sequence[keras.Variable]) -> Callable[[], float]:
    """The number that `function` gives with the variables as they are when it is called, compiled once."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        traced = tf.function(function, autograph=False)
        return lambda: float(traced())
    import jax

    jitted = jax.jit(_at(function, variables))
    return lambda: float(jitted([variable.value for variable in variables]))


def _at(function: Callable[[], Any], variables: Sequence[keras.Variable]) -> Callable[[Sequence[Any]], Any]:
    """`function` as one of the values of the variables."""

    def at(values: Sequence[Any]) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function()

    return at


def by_tensors(function: Callable[[Sequence[Any]], Any], tensors: Sequence[Any]) -> list[np.ndarray]:
    """The gradient of the number that `function` gives of `tensors`, by each of them."""
    given = [ops.convert_to_tensor(tensor) for tensor in tensors]
    if keras.backend.backend() == "tensorflow":
        return _on_tape(lambda *moved: (function(moved), moved), given)
    return _differentiated(function, given)


def compiled(function: Callable[..., Any], moved: Sequence[keras.Variable] = ()) -> Callable[..., Any]:
    """`function` of tensors, compiled, which ends when its result is there.

    `moved` are the variables that it assigns; on JAX, where a program has no state, they stay as they are.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        traced = tf.function(function, autograph=False)

        def run(*given: Any) -> Any:
            return [one.numpy() for one in keras.tree.flatten(traced(*given))[:1]]

        return run
    import jax

    values = [variable.value for variable in moved]

    def stateless(values: Sequence[Any], *given: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(moved, values, strict=True))) as scope:
            found = function(*given)
        return found, [scope.get_current_value(variable) for variable in moved]

    jitted = jax.jit(stateless)
    return lambda *given: jax.block_until_ready(jitted(values, *given))


def with_slopes(function: Callable[..., Any]) -> Callable[..., tuple[Any, list[Any]]]:
    """From the arguments of `function` to the number that it gives, and its gradient by each tensor of the first one.

    To be traced.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def slopes(given: Sequence[Any], *fixed: Any) -> tuple[Any, list[Any]]:
            with tf.GradientTape() as tape:
                tape.watch(given)
                total = function(given, *fixed)
            return total, tape.gradient(total, list(given), unconnected_gradients="zero")

        return slopes
    import jax

    return jax.value_and_grad(function)


def _on_tape(function: Callable[..., tuple[Any, Sequence[Any]]], given: Sequence[Any]) -> list[np.ndarray]:
    """Of what `function` gives of `given`, a number and what to differentiate it by: its gradient."""
    import tensorflow as tf

    def slopes(*moved: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(moved)
            total, by = function(*moved)
        return tape.gradient(total, list(by), unconnected_gradients="zero")

    # In a graph, as training takes its gradients: TensorFlow's eager tape has crashed on those of a detector.
    return [np.asarray(one) for one in tf.function(slopes, autograph=False)(*given)]


def _differentiated(function: Callable[[Sequence[Any]], Any], given: Sequence[Any]) -> list[np.ndarray]:
    import jax

    return [np.asarray(one) for one in jax.grad(function)(list(given))]


@contextlib.contextmanager
def in_double_precision() -> Iterator[None]:
    """Layers that are built within compute in float64, and so does what asks for float32 by name."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    with contextlib.ExitStack() as patches:
        for module in (ops, keras.random):
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if "dtype" in inspect.signature(function).parameters:
                    patches.enter_context(mock.patch.object(module, name, _doubled(function)))
        if keras.backend.backend() == "jax":
            import jax
            from keras.src.backend.common import dtypes

            # JAX has no float64 unless told, and Keras takes it to have none whatever it is told.
            patches.enter_context(mock.patch.dict(dtypes.BIT64_TO_BIT32_DTYPE, {"float64": "float64"}))
            patches.enter_context(jax.enable_x64(True))
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        try:
            yield
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)


def _doubled(function: Callable[..., Any]) -> Callable[..., Any]:
    def wide(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype == np.float32:
            return value.astype("float64")
        return "float64" if isinstance(value, str) and value == "float32" else value

    def widened(*arguments: Any, **options: Any) -> Any:
        return function(*map(wide, arguments), **{name: wide(value) for name, value in options.items()})

    return widened
