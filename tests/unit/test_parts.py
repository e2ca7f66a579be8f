"""Parts: what one layer of every network is made of."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.parts import Parts
from random_weights import random_weights

LINEAR = Parts(activation="linear")


def _model(build, shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, build(inputs))


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("side", [8, 9])
def test_a_strided_convolution_is_every_second_pixel_of_the_plain_one(size, side):
    """The padding of the papers' frameworks; Keras's own gives other pixels on even sides."""
    plain = _model(lambda x: LINEAR.conv(x, 2, size), (side, side, 1))
    strided = _model(lambda x: LINEAR.conv(x, 2, size, 2), (side, side, 1))
    weights = random_weights(plain)
    plain.set_weights(weights)
    strided.set_weights(weights)
    x = np.random.default_rng(0).normal(size=(1, side, side, 1)).astype("float32")
    expected = ops.convert_to_numpy(plain(x))[:, ::2, ::2]
    np.testing.assert_allclose(ops.convert_to_numpy(strided(x)), expected, atol=1e-5)


@pytest.mark.parametrize(("normalization", "bias"), [("none", True), ("batch", False), ("group", False)])
def test_a_convolution_has_a_bias_where_no_normalization_shifts_it(normalization, bias):
    parts = Parts(normalization=normalization)
    for build, shape in [(lambda x: parts.conv_unit(x, 4, 3), (4, 4, 1)), (lambda x: parts.dense_unit(x, 4), (3,))]:
        names = [weight.path.rpartition("/")[2] for weight in _model(build, shape).trainable_weights]
        assert names[:2] == ["kernel", "bias" if bias else "gamma"]


def test_two_layers_start_with_different_weights():
    first, _, second, _ = _model(lambda x: LINEAR.dense(LINEAR.dense(x, 3), 3), (3,)).get_weights()
    assert not np.array_equal(first, second)


def test_a_spec_with_options_reaches_its_piece():
    parts = Parts(activation={"name": "leaky_relu", "slope": 0.5})
    model = _model(parts.act, (2,))
    np.testing.assert_allclose(ops.convert_to_numpy(model(np.array([[-2.0, 2.0]], "float32"))), [[-1.0, 2.0]])


def test_dropout_acts_in_training_alone_and_none_adds_no_layer():
    x = np.ones((1, 1000), "float32")
    model = _model(Parts(dropout=0.25).drop, (1000,))
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x, training=False)), x)
    assert np.mean(ops.convert_to_numpy(model(x, training=True)) == 0) == pytest.approx(0.25, abs=0.06)
    inputs = keras.Input((4,))
    assert Parts(dropout=None).drop(inputs) is inputs


def test_swapped_leaves_the_original_and_the_other_pieces():
    own = Parts(activation="tanh", dropout=0.5)
    assert own.swapped({"dropout": None}) == Parts(activation="tanh", dropout=None)
    assert own == Parts(activation="tanh", dropout=0.5)
