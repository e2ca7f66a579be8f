"""Every regularizer: the penalty of a small matrix by hand, and none at strength zero."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.parts import Parts
from archbench.regularizers import REGULARIZERS
from backend import gradient

W = np.array([[1.0, -2.0], [0.0, 3.0]], "float32")  # sum of sizes 6, sum of squares 14
BY_HAND = {
    "l1": (0.1, {}, 0.6),
    "l2": (0.1, {}, 0.7),
    "elastic_net": (0.1, {"ratio": 0.25}, 0.25 * 0.6 + 0.75 * 0.7),
}
"""Name -> (strength, options, penalty of W)."""


def test_every_regularizer_is_worked_by_hand():
    assert {entry.name for entry in REGULARIZERS} == {*BY_HAND, "none"}


@pytest.mark.parametrize("name", BY_HAND)
def test_penalty_by_hand(name):
    strength, options, penalty = BY_HAND[name]
    build = REGULARIZERS[name]
    assert float(build(strength=strength, **options)(W)) == pytest.approx(penalty, rel=1e-6)
    assert float(build(strength=0.0, **options)(W)) == 0.0


def test_none_is_no_regularizer():
    assert REGULARIZERS.build("none") is None


def test_the_gradient_of_l2_is_the_papers_weight_decay():
    penalty = REGULARIZERS.build({"name": "l2", "strength": 0.1})
    np.testing.assert_allclose(gradient(penalty, W), 0.1 * W, rtol=1e-6)


def test_a_layer_adds_the_penalty_of_its_kernel_and_not_of_its_bias():
    parts = Parts(regularizer={"name": "l2", "strength": 0.1})
    inputs = keras.Input((2,))
    model = keras.Model(inputs, parts.dense(inputs, 2))
    model.set_weights([W, np.array([100.0, 100.0])])
    assert float(ops.sum(model.losses)) == pytest.approx(0.7, rel=1e-6)
