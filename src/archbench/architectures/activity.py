"""Which units of a network let gradients through: those whose activation is not flat wherever they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

ACTIVATIONS = frozenset(
    ("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Gelu", "Silu", "Sigmoid", "Softplus", "Tanh", "PReLU", "ReLU")
)
"""Operations of Keras that work on each number by itself, and that a gradient may not pass."""
FLAT = 1e-3
"""A slope below it counts as none; it lies far above the rounding of a difference in float32."""
STEP = 1e-3
"""How far to the left the other end of that difference lies, of numbers above 1 in parts of them."""


def operations(model: keras.Model) -> Iterator[Any]:
    """Everything that a model computes, in its order, of models inside it one by one; of one without a graph layers."""
    for operation in getattr(model, "operations", model.layers):
        if isinstance(operation, keras.Model):
            yield from operations(operation)
        else:
            yield operation


def activations(model: keras.Model) -> list[Any]:
    """The operations among these that are activations."""
    return [operation for operation in operations(model) if type(operation).__name__ in ACTIVATIONS]


def passes(call: Callable[..., Any], x: Any) -> Any:
    """Whether each number of `x` is where `call` has a slope, to the left of it: a rectifier has none at 0."""
    x = ops.cast(x, "float32")
    step = STEP * ops.maximum(ops.abs(x), 1.0)
    difference = ops.cast(call(x), "float32") - ops.cast(call(x - step), "float32")
    return ops.abs(difference) >= FLAT * step


@contextmanager
def observed(chosen: Sequence[Any], look: Callable[[int, Callable[..., Any], Any], None]) -> Iterator[None]:
    """While it lasts, whatever `chosen` operations are given is looked at: `look(place among them, their call, x)`."""

    def watched(place: int, call: Callable[..., Any]) -> Callable[..., Any]:
        def looked_at(x: Any, *others: Any, **how: Any) -> Any:
            look(place, call, x)
            return call(x, *others, **how)

        return looked_at

    with called_as([(operation, watched(place, operation.call)) for place, operation in enumerate(chosen)]):
        yield


@contextmanager
def called_as(calls: Sequence[tuple[Any, Callable[..., Any]]]) -> Iterator[None]:
    """While it lasts, each operation computes what stands beside it."""
    for operation, call in calls:
        object.__setattr__(operation, "call", call)  # past Keras's tracking
    try:
        yield
    finally:
        for operation, _ in calls:
            object.__delattr__(operation, "call")
