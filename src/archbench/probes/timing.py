"""Where the time and the memory of a step go: forward, backward and optimizer, layer by layer.

Each layer alone, compiled, on random numbers of the shape that it is given in the network.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops

from archbench.architectures.activity import operations
from archbench.metrics.intervals import NORMAL
from archbench.options import Count, Depth
from archbench.probes import probe
from archbench.probes.slopes import compiled, with_slopes
from archbench.probes.subject import Subject
from archbench.training.build import build_optimizer

FLOAT32_BYTES = 4


@probe("timing", source="archbench")
def timing(
    subjects: Iterator[Subject], *, examples: Count | None = None, repeats: Depth = 100
) -> dict[str, pd.DataFrame]:
    """Milliseconds forward, backward and in the optimizer, and bytes, of each layer by itself.

    For a batch of `examples`, by default as many as a step has; medians of `repeats` calls after the first, which
    compiles. A row a layer, input first, part by part, of those that compute anything: `backward_ms` is what a pass
    forward with the gradient by weights and inputs takes beyond one forward alone, of which each is followed by one of
    the other, and nan where that cannot be told from noise; `optimizer_ms` the optimizer's step on the layer's weights
    alone. A whole step takes less than the sum where the compiler joins layers. `activation_bytes` are those of
    what the layer gives for the batch, in float32; `weight_bytes` those of its weights, and `optimizer_bytes` what the
    optimizer keeps of them.
    """
    rows = []
    for subject in subjects:
        count = examples or subject.settings["batch_size"]
        learner = subject.learner(batch_size=count)
        number = 0
        for name, part in learner.parts.items():
            for operation in operations(part):
                if not operation._inbound_nodes[0].input_tensors:  # what is read
                    continue
                number += 1
                known = {"arm": subject.arm, "seed": subject.seed, "part": name, "layer": number}
                rows.append({**known, **measure(operation, count, subject.settings, repeats)})
    return {"layers": pd.DataFrame(rows)}


def measure(operation: Any, count: int, settings: Mapping[str, Any], repeats: int) -> dict[str, Any]:
    """The row of one operation of a network, as `timing` says, but for where it stands."""
    node = operation._inbound_nodes[0]
    alone = keras.Model(node.input_tensors, node.output_tensors)
    random = np.random.default_rng(0)
    given = [_numbers(random, one, count) for one in node.input_tensors]
    weights = [ops.convert_to_tensor(weight) for weight in alone.trainable_variables]
    fixed = [ops.convert_to_tensor(weight) for weight in alone.non_trainable_variables]
    floats = [keras.backend.is_float_dtype(keras.backend.standardize_dtype(one.dtype)) for one in given]

    def forward(weights: Sequence[Any], given: Sequence[Any]) -> Any:
        return alone.stateless_call(weights, fixed, list(given), training=True)[0]

    def total(moved: Sequence[Any], weighed: Sequence[Any]) -> Any:
        left = iter(moved[len(weights) :])
        inputs = [next(left) if isfloat else one for one, isfloat in zip(given, floats, strict=True)]
        outputs = keras.tree.flatten(forward(moved[: len(weights)], inputs))
        weighted = zip(outputs, weighed, strict=True)
        return sum(ops.sum(ops.cast(one, "float32") * weight) for one, weight in weighted)

    moving = [*weights, *(one for one, isfloat in zip(given, floats, strict=True) if isfloat)]
    # In place of what later layers would pass back: of ones, or of constants, a compiler computes less.
    weighed = [
        ops.cast(random.normal(size=tuple(one.shape)), "float32") for one in keras.tree.flatten(forward(weights, given))
    ]
    calls = [(compiled(forward), (weights, given)), (compiled(with_slopes(total)), (moving, weighed))]
    taken = milliseconds(calls if moving else calls[:1], repeats)
    step, kept = _optimizer(alone.trainable_variables, settings, repeats)
    outputs = [one.shape[1:] for one in node.output_tensors]
    return {
        "kind": type(operation).__name__,
        "forward_ms": float(np.median(taken[0])),
        "backward_ms": surely(taken[1] - taken[0]) if moving else 0.0,
        "optimizer_ms": step,
        "activation_bytes": FLOAT32_BYTES * count * sum(int(np.prod(shape)) for shape in outputs),
        "weight_bytes": sum(_bytes(variable) for variable in alone.variables),
        "optimizer_bytes": kept,
    }


def milliseconds(calls: Sequence[tuple[Callable[..., Any], Sequence[Any]]], repeats: int) -> np.ndarray:
    """The times (call, repeat) of functions with what they are given, which take turns; without the first of each."""
    for function, given in calls:
        function(*given)
    taken = np.empty((len(calls), repeats))
    for repeat in range(repeats):
        for place, (function, given) in enumerate(calls):
            start = time.perf_counter()
            function(*given)
            taken[place, repeat] = 1e3 * (time.perf_counter() - start)
    return taken


def surely(differences: np.ndarray) -> float:
    """The median of `differences` (repeat,), nan where its 95 % interval, by their order, reaches down to 0."""
    ordered, count = np.sort(differences), len(differences)
    least = ordered[max(0, int((count - NORMAL * math.sqrt(count)) / 2))]
    return float(np.median(ordered)) if least > 0 else math.nan


def _optimizer(variables: Sequence[keras.Variable], settings: Mapping[str, Any], repeats: int) -> tuple[float, int]:
    """Milliseconds of a step on `variables`, and the bytes of what is kept of them."""
    if not variables:
        return 0.0, 0
    optimizer = build_optimizer({**settings, "precision": "float32"})
    optimizer.build(variables)
    slopes = [ops.ones_like(ops.convert_to_tensor(variable)) for variable in variables]
    moved = [*variables, *optimizer.variables]

    def step(*slopes: Any) -> Any:
        optimizer.apply(slopes, variables)
        return ops.convert_to_tensor(optimizer.iterations)

    kept = [slot for slot in optimizer.variables if tuple(slot.shape) != ()]
    taken = milliseconds([(compiled(step, moved), slopes)], repeats)
    return float(np.median(taken)), sum(map(_bytes, kept))


def _bytes(variable: keras.Variable) -> int:
    return int(np.prod(variable.shape)) * np.dtype(keras.backend.standardize_dtype(variable.dtype)).itemsize


def _numbers(random: np.random.Generator, given: keras.KerasTensor, count: int) -> Any:
    """Random numbers of the shape and type of `given`, with `count` examples; an axis that varies has one place."""
    shape = [count, *(side or 1 for side in given.shape[1:])]
    if keras.backend.is_float_dtype(given.dtype):
        return ops.cast(random.normal(size=shape), given.dtype)
    return ops.zeros(shape, given.dtype)
