"""The check of gradients: networks of every kind pass it, and a gradient that is twice too large does not."""

import keras
import numpy as np
import pytest
import toys
from keras import ops

from archbench.probes.gradient_check import chosen, gradient_check, relative_error
from archbench.probes.slopes import by_tensors, in_double_precision
from archbench.probes.subject import Subject
from archbench.tasks.classification import Classification

MLP = {
    "architecture": {"name": "mlp", "units": [6, 5]},
    "parts": {"activation": {"name": "tanh"}, "dropout": 0.3, "regularizer": {"name": "l2", "strength": 0.01}},
}


def _found(data, changes, tmp_path, **options):
    subject = Subject("only", toys.settings(**changes), data(), tmp_path)
    return gradient_check(iter([subject]), **options)["weights"]


@pytest.mark.parametrize(
    ("data", "changes"),
    [(toys.stripes, MLP), (toys.stripes, {"parts": {}}), (toys.sums, toys.LSTM), (toys.stripes, toys.VAE)],
    ids=["mlp", "lenet", "lstm", "vae"],
)
def test_gradients_of_networks_are_those_of_the_differences(data, changes, tmp_path):
    found = _found(data, changes, tmp_path, checks=4, examples=3)
    beyond = found["relative_error"] - 10 * found["rounding"]
    assert beyond.median() < 1e-8
    assert beyond.max() < 1e-4  # of a number that lies near a kink
    assert (found["gradient"] > 0).all()
    assert (found["checked"] == np.minimum(found["size"], 4)).all()


def test_what_is_held_where_gradients_are_stopped_is_no_part_of_the_gradient(tmp_path):
    """Detectors learn from regions that they propose themselves, through which no gradient passes."""
    found = _found(toys.squares, toys.TWO_STAGES, tmp_path, checks=2, examples=2)
    assert found["relative_error"].median() < 1e-5


def test_a_gradient_that_is_twice_too_large_is_a_third_off(tmp_path, monkeypatch):
    @ops.custom_gradient
    def doubled(x):
        return x, lambda back: 2 * back

    losses = Classification.losses
    monkeypatch.setattr(
        Classification, "losses", lambda *given: {name: doubled(x) for name, x in losses(*given).items()}
    )
    found = _found(toys.stripes, {**MLP, "parts": {}}, tmp_path, checks=2, examples=2)
    assert found["relative_error"].tolist() == pytest.approx([1 / 3] * len(found), rel=1e-4)


def test_half_of_the_places_are_those_of_the_largest():
    slope = np.arange(100.0).reshape(10, 10) - 20
    places = chosen(slope, 4, seed=0)
    assert places[:2] == [(9, 9), (9, 8)]
    assert len(set(places)) == 4
    assert chosen(np.zeros((2, 1)), 2, seed=0) == [(0, 0), (1, 0)]
    assert chosen(np.array(3.0), 2, seed=0) == [()]


def test_the_relative_error():
    assert relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.0])) == 0
    assert relative_error(np.zeros(2), np.zeros(2)) == 0
    assert relative_error(np.array([1.0]), np.array([-1.0])) == 1


def test_double_precision_ends_with_its_block():
    with in_double_precision():
        assert ops.cast(1, "float32").dtype == "float64"
        (slope,) = by_tensors(lambda given: ops.sum(given[0] ** 2), [np.array([1 / 3])])
        assert slope[0] == 2 / 3
    assert keras.config.floatx() == "float32"
    assert keras.backend.standardize_dtype(ops.cast(1, "float32").dtype) == "float32"
