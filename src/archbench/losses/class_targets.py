"""The two forms of a class target: an integer, or how much of each class an example is."""

from __future__ import annotations

from typing import Any

from keras import ops


def is_distribution(targets: Any, outputs: Any) -> bool:
    """Whether `targets` are distributions (batch, ..., classes), shaped as `outputs`, and not integers (batch, ...)."""
    return len(targets.shape) == len(outputs.shape)


def class_shares(targets: Any, outputs: Any) -> Any:
    """`targets` of either form as distributions in float32, shaped as the scores `outputs` (batch, ..., classes)."""
    if is_distribution(targets, outputs):
        return ops.cast(targets, "float32")
    return ops.one_hot(ops.cast(targets, "int32"), outputs.shape[-1], dtype="float32")


def smoothed(shares: Any, epsilon: float) -> Any:
    """(1 - `epsilon`) `shares` + `epsilon` / classes (Szegedy et al. 2015, section 7): `shares` (..., classes)."""
    return (1 - epsilon) * shares + epsilon / shares.shape[-1]
