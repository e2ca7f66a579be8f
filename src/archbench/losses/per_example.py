"""How a loss becomes one number an example."""

from __future__ import annotations

from typing import Any

from keras import ops


def sum_per_example(values: Any) -> Any:
    """`values` (batch, ...) added up over all axes but the first, in float32: (batch,)."""
    values = ops.cast(values, "float32")
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))


def mean_per_example(values: Any) -> Any:
    """`values` (batch, ...) averaged over all axes but the first, in float32: (batch,)."""
    values = ops.cast(values, "float32")
    return ops.mean(values, axis=tuple(range(1, len(values.shape))))
