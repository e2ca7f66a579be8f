"""The SVMs and the ridge of R-CNN: by hand, against scikit-learn and scipy, and kept in a layer that is saved."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from archbench.layers.fitted import Fitted, Line, ridge, svm, typical_scale


def test_an_svm_of_one_object_and_one_of_background_by_hand():
    """x = 1 and x = -1. Both lie inside the margin while C is small, each with its whole weight: w = 2 C + C; the bias
    is the weight 10 (2 C - C) of a constant of 10."""
    found = svm(np.array([[1.0]]), np.array([[-1.0]]), cost=1e-3, seed=0)
    np.testing.assert_allclose(found.kernel, [0.003], rtol=1e-6)
    assert found.bias == pytest.approx(0.1)


def test_without_a_bound_on_its_cost_the_margin_is_the_widest():
    found = svm(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[-1.0, 5.0], [-4.0, 5.0]]), cost=1e4, seed=0)
    np.testing.assert_allclose(found.kernel, [1, 0], atol=2e-2)
    np.testing.assert_allclose(np.array([[1, 5], [-1, 5]]) @ found.kernel + found.bias, [1, -1], atol=1e-2)


@pytest.mark.parametrize("cost", [1e-3, 0.05])
def test_an_svm_minimises_what_it_says(cost):
    """Against a quadratic program in w, b and slacks, solved by scipy."""
    random = np.random.default_rng(0)
    objects, background = random.normal(1, 2, (6, 2)), random.normal(-1, 2, (9, 2))
    examples = np.concatenate([objects, background])
    signs, weights = np.repeat([1, -1], [6, 9]), np.repeat([2.0, 1.0], [6, 9])

    def objective(values):
        return (values[:2] @ values[:2] + (values[2] / 10) ** 2) / 2 + cost * weights @ values[3:]

    slack = {"type": "ineq", "fun": lambda v: v[3:] - 1 + signs * (examples @ v[:2] + v[2])}
    bounds = [(None, None)] * 3 + [(0, None)] * 15
    options = {"ftol": 1e-14, "maxiter": 1000}
    best = minimize(objective, np.ones(18), bounds=bounds, constraints=[slack], options=options)
    found = svm(objects, background, cost, seed=0)
    np.testing.assert_allclose(found.kernel, best.x[:2], rtol=5e-3, atol=1e-5)
    assert found.bias == pytest.approx(best.x[2], rel=5e-3)


def test_the_seed_is_no_part_of_the_answer():
    random = np.random.default_rng(1)
    given = random.normal(1, 2, (20, 5)), random.normal(-1, 2, (30, 5))
    np.testing.assert_allclose(svm(*given, 1e-2, seed=0).kernel, svm(*given, 1e-2, seed=5).kernel, rtol=1e-2, atol=1e-4)


def test_a_ridge_by_hand():
    """x = -1, 0, 1 and y = 0, 3, 6: the slope is 6 / (2 + lambda) in place of 3, about the means 0 and 3."""
    found = ridge(np.array([[-1.0], [0.0], [1.0]]), np.array([[0.0], [3.0], [6.0]]), strength=1.0)
    np.testing.assert_allclose(found.kernel, [[2.0]])
    np.testing.assert_allclose(found.bias, [3.0])


@pytest.mark.parametrize("examples", [4, 50])
def test_a_ridge_is_scikit_learns(examples):
    """With fewer examples than features too."""
    random = np.random.default_rng(2)
    features, targets = random.normal(2, 3, (examples, 12)), random.normal(1, 1, (examples, 4))
    expected = Ridge(alpha=7.0).fit(features, targets)
    found = ridge(features.astype("float32"), targets.astype("float32"), strength=7.0)
    np.testing.assert_allclose(found.kernel, expected.coef_.T, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.bias, expected.intercept_, rtol=1e-4)


def test_features_are_scaled_to_a_norm_of_20_in_the_mean():
    features = np.array([[3.0, 4.0], [0.0, 15.0]])  # of norms 5 and 15
    assert typical_scale(features) == pytest.approx(2.0)
    assert np.isfinite(typical_scale(np.zeros((2, 3))))


def test_what_is_kept_is_answered_and_saved(tmp_path):
    given = keras.Input((2,))
    layer = Fitted(3, 0.5)
    model = keras.Model(given, layer(given))
    x = np.array([[1.0, 2.0]], "float32")
    np.testing.assert_array_equal(model(x), np.zeros((1, 3)))
    layer.keep(1, Line(np.array([10.0, 1.0]), 0.25))
    np.testing.assert_allclose(model(x), [[0, 12.25, 0]])
    layer.keep(slice(1, 3), Line(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.25])))
    np.testing.assert_allclose(model(x), [[0, 7.5, 10.25]])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(model(x)))
    assert loaded.layers[-1].strength == 0.5
