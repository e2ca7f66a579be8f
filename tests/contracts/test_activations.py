"""Every activation: golden values, the shape kept, and finite gradients far out (exact ones: test_gradients.py)."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.activations import ACTIVATIONS
from backend import gradient
from completeness import check_rows

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "activation_values.csv").open()))
each = pytest.mark.parametrize("entry", list(ACTIVATIONS), ids=lambda entry: entry.name)


def _model(entry, shape, **options) -> keras.Model:
    """The activation as a network, since some have weights."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, entry(inputs, **options))


def _widened(entry, channels: int) -> int:
    return channels * entry.options[entry.facts["widening"]] if "widening" in entry.facts else channels


def test_every_activation_has_golden_values_and_every_value_an_activation():
    names = {entry.name for entry in ACTIVATIONS}
    told = "name, options, x, its value and its derivative there"
    check_rows(names, {row["name"] for row in ROWS}, "activation_values.csv", told)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['name']}{row['options']}({row['x']})")
def test_value_and_derivative(row):
    """Of the first channel, by the first input."""
    x = np.atleast_2d(np.array(json.loads(row["x"]), "float32"))
    model = _model(ACTIVATIONS[row["name"]], x.shape[1:], **json.loads(row["options"]))
    assert ops.convert_to_numpy(model(x))[0, 0] == pytest.approx(float(row["value"]), abs=2e-6)
    slope = gradient(lambda at: model(at)[0, 0], x)[0, 0]
    assert slope == pytest.approx(float(row["derivative"]), abs=2e-6)


@each
@pytest.mark.parametrize("shape", [(3,), (2, 5), (2, 4, 3, 2)])
def test_keeps_the_shape_but_for_the_pieces_of_a_channel(entry, shape):
    wide = (*shape[:-1], _widened(entry, shape[-1]))
    model = _model(entry, wide)
    assert model.output.shape == (None, *shape)
    assert tuple(model(ops.ones((2, *wide))).shape) == (2, *shape)


@each
def test_is_finite_far_out(entry):
    x = np.concatenate([np.linspace(-1e4, 1e4, 1001), np.linspace(-30, 30, 1001)]).astype("float32")
    x = np.stack([x, -x] * _widened(entry, 1), axis=-1)
    model = _model(entry, x.shape[1:])
    assert np.isfinite(ops.convert_to_numpy(model(x))).all()
    assert np.isfinite(gradient(lambda at: ops.sum(model(at)), x)).all()


def test_prelu_learns_one_slope_a_channel_at_all_positions():
    model = _model(ACTIVATIONS["prelu"], (4, 5, 3))
    (slope,) = model.trainable_weights
    assert slope.shape == (1, 1, 3)
    x = -np.ones((2, 4, 5, 3), "float32")
    slope.assign(np.array([0.5, 0.0, 2.0]).reshape(1, 1, 3))
    np.testing.assert_allclose(ops.convert_to_numpy(model(x)), np.broadcast_to([-0.5, 0.0, -2.0], x.shape))


def test_selu_keeps_mean_0_and_variance_1():
    x = np.random.default_rng(0).normal(size=(1, 200_000)).astype("float32")
    y = ops.convert_to_numpy(ACTIVATIONS.build("selu", ops.convert_to_tensor(x)))
    assert (y.mean(), y.var()) == pytest.approx((0.0, 1.0), abs=0.02)


def test_softmax_shares_one_among_the_channels_of_each_position():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    y = ops.convert_to_numpy(ACTIVATIONS.build("softmax", ops.convert_to_tensor(x)))
    np.testing.assert_allclose(y.sum(-1), 1.0, rtol=1e-6)


def test_maxout_takes_neighbouring_channels_as_the_pieces_of_one():
    x = np.array([[[1.0, 5.0, 2.0, -3.0], [-1.0, -2.0, 0.0, 9.0]]], "float32")
    y = ops.convert_to_numpy(ACTIVATIONS.build("maxout", ops.convert_to_tensor(x)))
    np.testing.assert_array_equal(y, [[[5.0, 2.0], [-1.0, 9.0]]])
