"""Losses between numbers: absolute, squared, and the smooth mixture of both."""

from __future__ import annotations

from typing import Any

from keras import ops

from archbench.losses import loss
from archbench.losses.per_example import mean_per_example
from archbench.options import Positive


@loss("mae", source="Bishop 2006, Pattern Recognition and Machine Learning, section 1.5.5", values="numbers")
def mae(targets: Any, outputs: Any) -> Any:
    """Mean absolute error: mean |output - target|.

    `targets` and `outputs` have one shape (batch, ...); the answer is (batch,), in the unit of the target.
    """
    return mean_per_example(ops.abs(_difference(targets, outputs)))


@loss("mse", source="Bishop 2006, Pattern Recognition and Machine Learning, section 1.5.5", values="numbers")
def mse(targets: Any, outputs: Any) -> Any:
    """Mean squared error: mean (output - target)^2.

    `targets` and `outputs` have one shape (batch, ...); the answer is (batch,), in the target's unit squared.
    """
    return mean_per_example(ops.square(_difference(targets, outputs)))


@loss("rmse", source="Bishop 2006, Pattern Recognition and Machine Learning, equation 1.3", values="numbers")
def rmse(targets: Any, outputs: Any) -> Any:
    """Root-mean-square error of each example: sqrt(mean (output - target)^2), in the target's unit.

    `targets` and `outputs` have one shape (batch, ...); the answer is (batch,). The root is taken of each example's
    own mean, so the mean over a batch or a split is a mean of roots, which is at most the root of the mean that is
    reported as RMSE of a whole split. With one number an example it is the absolute error. Where an example is
    met exactly, where the root has no slope, the gradient is 0.
    """
    squares = mean_per_example(ops.square(_difference(targets, outputs)))
    wrong = squares > 0
    # The inner `where` keeps the infinite slope of the root at 0 out of the gradient, where 0 times it is nan.
    return ops.where(wrong, ops.sqrt(ops.where(wrong, squares, 1.0)), 0.0)


@loss("smooth_l1", source="Girshick 2015, Fast R-CNN, equation 3, arXiv:1504.08083", values="numbers")
def smooth_l1(targets: Any, outputs: Any, *, delta: Positive = 1.0) -> Any:
    """Smooth L1: mean of d^2 / (2 delta) where |d| < delta, and of |d| - delta / 2 elsewhere.

    `targets` and `outputs` have one shape (batch, ...); the answer is (batch,). `delta` is the absolute
    difference, in the target's unit, at which the parabola meets the line; the paper's is 1.
    """
    distance = ops.abs(_difference(targets, outputs))
    near = ops.minimum(distance, delta)  # keeps the square of a far point finite, and so its gradient
    return mean_per_example(ops.where(distance < delta, near * near / (2 * delta), distance - delta / 2))


def _difference(targets: Any, outputs: Any) -> Any:
    return ops.cast(outputs, "float32") - ops.cast(targets, "float32")
