"""Every normalization: moments on its own axes, and the same output in training and at inference."""

import numpy as np
import pytest
from keras import ops

from archbench.normalizations import NORMALIZATIONS

CHANNELS, GROUPS = 6, 3
X = np.random.default_rng(0).normal(3.0, 2.0, (8, 5, 4, CHANNELS)).astype("float32")
X *= 1 + np.arange(CHANNELS)  # channels, and below examples, differ: moments over wrong axes show
X += np.arange(8).reshape(8, 1, 1, 1)

SPECS = {
    "batch": "batch",
    "layer": "layer",
    "group": {"name": "group", "groups": GROUPS},
    "instance": "instance",
    "none": "none",
}
AXES = {"batch": (0, 1, 2), "layer": (1, 2, 3), "instance": (1, 2)}
"""The axes of (batch, height, width, channel) over which the output has mean 0 and deviation 1."""

each = pytest.mark.parametrize("name", sorted(set(SPECS) - {"none"}))


def _build(name):
    return NORMALIZATIONS.build(SPECS[name], CHANNELS)


def _grouped(x):
    return x.reshape(*x.shape[:3], GROUPS, CHANNELS // GROUPS)


def test_every_normalization_is_tested():
    assert {entry.name for entry in NORMALIZATIONS} == set(SPECS)


def test_none_builds_no_layer():
    assert _build("none") is None


@each
def test_output_has_mean_0_and_deviation_1_on_its_axes(name):
    y = ops.convert_to_numpy(_build(name)(X, training=True))
    assert y.shape == X.shape
    y, axes = (_grouped(y), (1, 2, 4)) if name == "group" else (y, AXES[name])
    np.testing.assert_allclose(y.mean(axes), 0.0, atol=1e-4)
    np.testing.assert_allclose(y.std(axes), 1.0, atol=1e-3)


@each
def test_training_and_inference_agree_after_many_steps(name):
    layer = _build(name)
    for _ in range(150):
        trained = layer(X, training=True)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(X, training=False)), trained, atol=1e-3)


def test_batch_uses_its_moving_averages_at_inference():
    layer = NORMALIZATIONS.build({"name": "batch", "momentum": 0.75}, CHANNELS)
    layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.25 * X.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, 0.75 + 0.25 * X.var((0, 1, 2)), rtol=1e-4)


@each
def test_scale_and_shift_are_one_a_channel_and_trained(name):
    layer = _build(name)
    layer(X)
    assert [tuple(weight.shape) for weight in layer.trainable_weights] == [(CHANNELS,), (CHANNELS,)]


def test_groups_that_do_not_divide_the_channels_become_their_common_divisor():
    layer = NORMALIZATIONS.build({"name": "group", "groups": 32}, 24)
    layer(np.zeros((1, 2, 2, 24), "float32"))
    assert layer.groups == 8
