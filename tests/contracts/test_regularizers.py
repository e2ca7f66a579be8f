"""Every regularizer: its penalty by hand, none at strength zero, numbers that may be tensors, steps that end right."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.linear_model import Lasso

from archbench.parts import Parts
from archbench.regularizers import REGULARIZERS
from backend import compiled, gradient
from completeness import check_rows

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "regularizer_values.csv").open()))
W = np.array([[1.0, -2.0], [0.0, 3.0]], "float32")
penalties = pytest.mark.parametrize("row", [row for row in ROWS if row["weights"]], ids=lambda row: row["options"])
each = pytest.mark.parametrize("entry", [e for e in REGULARIZERS if e.name != "none"], ids=lambda entry: entry.name)


def _build(row, **changes):
    return REGULARIZERS.build({"name": row["name"], **json.loads(row["options"]), **changes})


def _unchanged(weight, rate):
    return weight


def test_every_regularizer_has_a_golden_value_and_every_value_a_regularizer():
    names = {entry.name for entry in REGULARIZERS}
    told = "name, options, weights and the penalty of them"
    check_rows(names, {row["name"] for row in ROWS}, "regularizer_values.csv", told)


@penalties
def test_penalty_by_hand(row):
    weights = np.array(json.loads(row["weights"]), "float32")
    assert float(_build(row)(weights)) == pytest.approx(float(row["penalty"]), rel=1e-6)
    if "strength" in json.loads(row["options"]):
        assert float(_build(row, strength=0.0)(weights)) == 0.0


def test_none_is_no_regularizer():
    assert REGULARIZERS.build("none") is None


@penalties
def test_survives_saving(row):
    regularizer = _build(row)
    loaded = keras.regularizers.deserialize(keras.regularizers.serialize(regularizer))
    assert type(loaded) is type(regularizer)
    assert float(loaded(W)) == float(regularizer(W))


@penalties
def test_every_number_may_be_an_input_of_a_compiled_program(row):
    """The value is that of a regularizer built with the number, and the program reads it at each call."""
    entry, _ = REGULARIZERS.resolve(row["name"])
    for name in entry.facts["numbers"]:
        regularizer = _build(row)

        def both(arrays, regularizer=regularizer, name=name):
            object.__setattr__(regularizer, name, arrays["number"])
            step = getattr(regularizer, "after_step", _unchanged)
            return regularizer(arrays["weight"]), step(arrays["weight"], 0.5)

        other = _build(row, **{name: 0.75})
        penalty, weight = compiled(both, {"weight": W, "number": np.float32(0.75)})
        assert float(penalty) == pytest.approx(float(other(W)), rel=1e-6)
        if hasattr(other, "after_step"):
            np.testing.assert_allclose(weight, ops.convert_to_numpy(other.after_step(W, 0.5)), rtol=1e-6)


@each
def test_numbers_out_of_range_are_refused(entry):
    for name in entry.facts["numbers"]:
        with pytest.raises(Exception, match=f"{name} cannot be -1.0"):
            entry(**{**entry.facts.get("smoke", {}), name: -1.0})


def test_the_gradient_of_l2_is_the_papers_weight_decay():
    penalty = REGULARIZERS.build({"name": "l2", "strength": 0.1})
    np.testing.assert_allclose(gradient(penalty, W), 0.1 * W, rtol=1e-6)


def test_a_layer_adds_the_penalty_of_its_kernel_and_not_of_its_bias():
    parts = Parts(regularizer={"name": "l2", "strength": 0.1})
    inputs = keras.Input((2,))
    model = keras.Model(inputs, parts.dense(inputs, 2))
    model.set_weights([W, np.array([100.0, 100.0])])
    assert float(ops.sum(model.losses)) == pytest.approx(0.7, rel=1e-6)


def test_proximal_l1_shrinks_by_rate_times_strength_and_stops_at_zero():
    proximal = REGULARIZERS.build({"name": "l1", "strength": 3.0, "proximal": True})
    np.testing.assert_allclose(ops.convert_to_numpy(proximal.after_step(W, 0.5)), [[0.0, -0.5], [0.0, 1.5]])
    np.testing.assert_array_equal(gradient(lambda at: proximal(at) + 0.0 * ops.sum(at), W), np.zeros_like(W))
    assert not hasattr(REGULARIZERS.build({"name": "l1", "strength": 3.0}), "after_step")


def test_proximal_steps_end_at_the_lasso_with_its_exact_zeros():
    """Against scikit-learn, which descends along one coordinate after another."""
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 8)).astype("float32")
    y = (x @ np.array([3.0, 0, 0, -2.0, 0, 0.05, 0, 0]) + 0.1 * random.normal(size=60)).astype("float32")
    expected = Lasso(alpha=0.3, fit_intercept=False, tol=1e-6).fit(x, y).coef_
    proximal = REGULARIZERS.build({"name": "l1", "strength": 0.3, "proximal": True})
    weights, rate = np.zeros(8, "float32"), 0.3
    for _ in range(200):
        step = weights - rate * x.T @ (x @ weights - y) / len(x)
        weights = ops.convert_to_numpy(proximal.after_step(step, rate))
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    np.testing.assert_array_equal(weights == 0, expected == 0)
    assert (weights == 0).sum() >= 5


def test_max_norm_scales_back_the_units_that_are_too_long_and_no_other():
    limited = REGULARIZERS.build({"name": "max_norm", "limit": 1.0})
    dense = np.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]], "float32")
    shorter = [[0.6, 0.3, 0.0], [0.8, 0.4, 0.0]]
    np.testing.assert_allclose(ops.convert_to_numpy(limited.after_step(dense, 0.1)), shorter, rtol=1e-6)
    window = np.stack([np.full((2, 2, 4), 1.0), np.full((2, 2, 4), 0.1)], axis=-1).astype("float32")
    expected = [0.25, 0.1]  # 16 ones are 4 long, 16 tenths 0.4
    np.testing.assert_allclose(ops.convert_to_numpy(limited.after_step(window, 0.1))[1, 1, 3], expected, rtol=1e-6)
