"""Every activation: golden values, the shape kept, gradients finite far out and equal to numeric ones."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.activations import ACTIVATIONS
from backend import gradient

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "activation_values.csv").open()))
each = pytest.mark.parametrize("entry", list(ACTIVATIONS), ids=lambda entry: entry.name)


def _slope(function, x: np.ndarray) -> np.ndarray:
    """f' at every component of `x`."""
    return gradient(lambda at: ops.sum(function(at)), x.astype("float32"))


def test_every_activation_has_golden_values_and_every_value_an_activation():
    assert {entry.name for entry in ACTIVATIONS} == {row["name"] for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['name']}{row['options']}({row['x']})")
def test_value_and_derivative(row):
    entry, options = ACTIVATIONS[row["name"]], json.loads(row["options"])
    x = np.array([float(row["x"])], "float32")
    value = ops.convert_to_numpy(entry(ops.convert_to_tensor(x), **options))[0]
    assert value == pytest.approx(float(row["value"]), abs=2e-6)
    assert _slope(lambda at: entry(at, **options), x)[0] == pytest.approx(float(row["derivative"]), abs=2e-6)


@each
@pytest.mark.parametrize("shape", [(3,), (2, 5), (2, 4, 3, 1)])
def test_keeps_the_shape(entry, shape):
    assert tuple(entry(ops.ones(shape)).shape) == shape
    assert entry(keras.Input(shape)).shape == (None, *shape)


@each
def test_is_finite_far_out(entry):
    x = np.concatenate([np.linspace(-1e4, 1e4, 1001), np.linspace(-30, 30, 1001)])
    assert np.isfinite(ops.convert_to_numpy(entry(ops.convert_to_tensor(x.astype("float32"))))).all()
    assert np.isfinite(_slope(entry, x)).all()


@each
def test_the_gradient_is_the_numeric_one(entry):
    x = np.linspace(-5, 5, 40)  # no kink at 0 among them, nor within the step
    step = 2.0**-6
    high, low = (ops.convert_to_numpy(entry(ops.convert_to_tensor((x + d).astype("float32")))) for d in (step, -step))
    numeric = (high.astype("float64") - low) / (2 * step)
    np.testing.assert_allclose(_slope(entry, x), numeric, atol=5e-4)
