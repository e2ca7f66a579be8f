"""Metrics of numbers."""

from __future__ import annotations

import numpy as np

from archbench.metrics import metric
from archbench.options import NonNegative


@metric("mse", source="scikit-learn, mean_squared_error", values="numbers", less_is_better=True)
def mse(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Mean squared error over all numbers, in the target's unit squared."""
    return float(np.mean(np.square(_errors(targets, predictions))))


@metric("mae", source="scikit-learn, mean_absolute_error", values="numbers", less_is_better=True)
def mae(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Mean absolute error over all numbers, in the target's unit."""
    return float(np.mean(np.abs(_errors(targets, predictions))))


@metric(
    "within",
    source="Hochreiter & Schmidhuber 1997, Long Short-Term Memory, experiment 4",
    values="numbers",
    smoke={"tolerance": 0.04},
)
def within(targets: np.ndarray, predictions: np.ndarray, *, tolerance: NonNegative) -> float:
    """The share of examples with every number less than `tolerance`, in its unit, from the target."""
    near = np.abs(_errors(targets, predictions)) < tolerance
    return float(np.mean(near.reshape(len(near), -1).all(axis=1)))


def _errors(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    return np.asarray(predictions, "float64") - np.asarray(targets, "float64")
