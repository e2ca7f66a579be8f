"""Every normalization: moments on its own axes, or kernels by hand; training and inference agree."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.network import load_network
from archbench.architectures.profile import profile
from archbench.layers.grouped import GroupedConv2D
from archbench.layers.kernel_normalization import NORMALIZABLE
from archbench.normalizations import NORMALIZATIONS
from archbench.parts import Parts
from backend import compiled, gradient
from references import reference

CHANNELS, GROUPS = 6, 3
X = np.random.default_rng(0).normal(3.0, 2.0, (8, 5, 4, CHANNELS)).astype("float32")
X *= 1 + np.arange(CHANNELS)  # channels, and below examples, differ: moments over wrong axes show
X += np.arange(8).reshape(8, 1, 1, 1)

OF_MOMENTS = {
    "batch": "batch",
    "layer": "layer",
    "group": {"name": "group", "groups": GROUPS},
    "instance": "instance",
}
OF_KERNELS = ("weight", "spectral")
AXES = {"batch": (0, 1, 2), "layer": (1, 2, 3), "instance": (1, 2)}
"""The axes of (batch, height, width, channel) over which the output has mean 0 and deviation 1."""

MOVING = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "moving_averages.csv").open()))

each = pytest.mark.parametrize("name", sorted(OF_MOMENTS))
each_of_kernels = pytest.mark.parametrize("name", OF_KERNELS)


def _build(name):
    return NORMALIZATIONS.build(OF_MOMENTS[name], CHANNELS)


def _grouped(x):
    return x.reshape(*x.shape[:3], GROUPS, CHANNELS // GROUPS)


def test_every_normalization_is_tested():
    tested = {*OF_MOMENTS, *OF_KERNELS, "local_response", "none"}
    assert {entry.name for entry in NORMALIZATIONS} == tested


def test_none_builds_no_layer():
    assert NORMALIZATIONS.build("none", CHANNELS) is None


# Of moments


@each
def test_output_has_mean_0_and_deviation_1_on_its_axes(name):
    y = ops.convert_to_numpy(_build(name)(X, training=True))
    assert y.shape == X.shape
    y, axes = (_grouped(y), (1, 2, 4)) if name == "group" else (y, AXES[name])
    np.testing.assert_allclose(y.mean(axes), 0.0, atol=1e-4)
    np.testing.assert_allclose(y.std(axes), 1.0, atol=1e-3)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("layer", [[-3, -1], [1, 3]]),  # all four together: mean 4, deviation sqrt(5)
        ({"name": "group", "groups": 1}, [[-3, -1], [1, 3]]),
        ("instance", [[-1, -1], [1, 1]]),  # each channel over its two positions
        ("batch", [[-1, -1], [1, 1]]),
    ],
)
def test_two_positions_of_two_channels_by_hand(spec, expected):
    """Of 1, 3 at one place and 5, 7 at the next; arXiv:1803.08494, figure 2."""
    x = np.array([1, 3, 5, 7], "float32").reshape(1, 2, 1, 2)
    y = ops.convert_to_numpy(NORMALIZATIONS.build(spec, 2)(x, training=True)).reshape(2, 2)
    scale = np.sqrt(5) if expected[0] == [-3, -1] else 1
    np.testing.assert_allclose(y, np.array(expected) / scale, atol=1e-4)


@each
def test_training_and_inference_agree_after_many_steps(name):
    layer = _build(name)
    for _ in range(150):
        trained = layer(X, training=True)
    # At test the variance is the unbiased one of 8 * 5 * 4 values.
    share = (159 / 160) ** 0.5 if name == "batch" else 1.0
    np.testing.assert_allclose(ops.convert_to_numpy(layer(X, training=False)), share * trained, atol=1e-3)


def test_batch_uses_its_moving_averages_at_inference():
    layer = NORMALIZATIONS.build({"name": "batch", "momentum": 0.75}, CHANNELS)
    layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.25 * X.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, 0.75 + 0.25 * X.var((0, 1, 2), ddof=1), rtol=1e-4)


def _stepped(layer, x, compile):
    """The outputs of a training step of `layer` on each of `x` (step, ...), and its moving averages after them."""
    layer.build(x.shape[1:])

    def run(arrays):
        trained = [layer(step, training=True) for step in ops.unstack(arrays["x"], len(x))]
        return {"trained": ops.stack(trained), "mean": layer.moving_mean + 0, "variance": layer.moving_variance + 0}

    return compiled(run, {"x": x}) if compile else {name: np.asarray(value) for name, value in run({"x": x}).items()}


@pytest.mark.parametrize("compile", [False, True], ids=["eager", "xla"])
@pytest.mark.parametrize("row", MOVING, ids=lambda row: row["values"])
def test_the_moving_averages_are_those_of_the_paper_by_hand(row, compile):
    values = np.array(json.loads(row["values"]), "float32")[:, :, None]
    found = _stepped(NORMALIZATIONS.build({"name": "batch", "momentum": float(row["momentum"])}, 1), values, compile)
    for name in ("mean", "variance"):
        assert found[name] == pytest.approx(float(row[name]), rel=1e-6)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("shape", [(5, 16, 1, 1, 3), (4, 6, 5, 3, 2)], ids=str)
def test_batch_normalization_is_that_of_torch_over_several_steps(shape, scale):
    x = np.random.default_rng(0).normal(3.0, 2.0, shape).astype("float32") * (1 + np.arange(shape[-1], dtype="float32"))
    layer = NORMALIZATIONS.build({"name": "batch", "momentum": 0.8, "scale": scale}, shape[-1])
    found = _stepped(layer, x, compile=False)
    found["tested"] = ops.convert_to_numpy(layer(x[-1], training=False))
    for name, theirs in reference("batch_normalization", "0.8", "1e-5", x=x).items():
        np.testing.assert_allclose(found[name], theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_training_normalizes_with_the_biased_variance_as_keras_does(policy):
    """To the bit, whatever the precision: only what is remembered for test differs."""
    ours, theirs = NORMALIZATIONS.build("batch", CHANNELS), layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    for layer in (ours, theirs):
        layer.dtype_policy = policy
    x = ops.cast(X, ours.compute_dtype)
    trained, expected = (ops.convert_to_numpy(layer(x, training=True)) for layer in (ours, theirs))
    assert trained.dtype == expected.dtype
    np.testing.assert_array_equal(trained, expected)
    assert [weight.name for weight in ours.weights] == [weight.name for weight in theirs.weights]
    rounded = np.asarray(ops.cast(x, "float32"), "float64")
    expected = 0.9 + 0.1 * rounded.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(ops.convert_to_numpy(ours.moving_variance), expected, rtol=1e-5)


def test_a_frozen_batch_normalization_keeps_its_moving_averages():
    layer = NORMALIZATIONS.build("batch", CHANNELS)
    layer(X, training=True)
    layer.trainable, before = False, [np.array(value) for value in layer.get_weights()]
    layer(X + 1, training=True)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_batch_normalization_survives_saving_on_its_way_to_the_average(tmp_path):
    inputs = keras.Input((5, 4, CHANNELS))
    model = keras.Model(inputs, NORMALIZATIONS.build({"name": "batch", "momentum": 0.7}, CHANNELS)(inputs))
    model(X, training=True)
    model.save(tmp_path / "net.keras")
    loaded = load_network(tmp_path / "net.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(X)), ops.convert_to_numpy(model(X)))
    for net in (model, loaded):
        net(X + 1, training=True)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert type(loaded.layers[-1]) is type(model.layers[-1])


@each
def test_scale_and_shift_are_one_a_channel_and_trained(name):
    layer = _build(name)
    layer(X)
    assert [tuple(weight.shape) for weight in layer.trainable_weights] == [(CHANNELS,), (CHANNELS,)]


def test_groups_that_do_not_divide_the_channels_become_their_common_divisor():
    layer = NORMALIZATIONS.build({"name": "group", "groups": 32}, 24)
    layer(np.zeros((1, 2, 2, 24), "float32"))
    assert layer.groups == 8


@pytest.mark.parametrize("entry", list(NORMALIZATIONS), ids=lambda entry: entry.name)
def test_a_bias_is_left_out_exactly_before_what_shifts(entry):
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, Parts(normalization=entry.name).conv_unit(inputs, 4, 3))
    names = [weight.name for weight in model.trainable_weights]
    assert ("bias" in names) != ("beta" in names)


def test_local_response_by_hand():
    """A channel and one neighbor on either side, k 1, alpha 1, beta 1: 1 / (1 + 1 + 4), 2 / (1 + 14), 3 / (1 + 13)."""
    layer = NORMALIZATIONS.build({"name": "local_response", "k": 1.0, "n": 3, "alpha": 1.0, "beta": 1.0}, 3)
    y = ops.convert_to_numpy(layer(np.array([[[[1.0, 2.0, 3.0]]]], "float32")))
    np.testing.assert_allclose(y, [[[[1 / 6, 2 / 15, 3 / 14]]]], rtol=1e-6)


# Of kernels


KINDS = {
    layers.Dense: ((3,), (4,), {}, (1,)),
    layers.Conv1D: ((5, 3), (4, 2), {}, (2,)),
    layers.Conv2D: ((5, 5, 3), (4, 2), {}, (3,)),
    layers.Conv3D: ((3, 3, 3, 3), (4, 2), {}, (4,)),
    GroupedConv2D: ((5, 5, 6), (4, 3), {"groups": 2}, (3,)),
    layers.Conv1DTranspose: ((5, 3), (4, 2), {}, (1,)),
    layers.Conv2DTranspose: ((5, 5, 3), (4, 2), {}, (2,)),
    layers.Conv3DTranspose: ((3, 3, 3, 3), (4, 2), {}, (3,)),
    layers.DepthwiseConv1D: ((5, 2), (3,), {"depth_multiplier": 2}, (1, 2)),
    layers.DepthwiseConv2D: ((5, 5, 2), ((2, 3),), {"depth_multiplier": 2}, (2, 3)),
}
"""Layer -> shape of an input, arguments that make 4 units, options, the axes of its kernel that count them."""

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def _pair(name, kind):
    """A normalized layer with other weights than its start, and Keras's own to copy the right kernel into."""
    shape, arguments, options, _ = KINDS[kind]
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    layer, plain = NORMALIZATIONS.build(name, kind)(*arguments, **options), kind(*arguments, **options)
    layer(x), plain(x)
    layer.trained_kernel.assign(3.0 * ops.convert_to_numpy(layer.trained_kernel) + 0.1)
    return layer, plain, x


def _columns(kernel, kind):
    """(incoming weight, unit)."""
    axes = KINDS[kind][-1]
    return np.moveaxis(ops.convert_to_numpy(kernel), axes, range(-len(axes), 0)).reshape(-1, 4)


def test_every_kind_is_tested():
    assert set(KINDS) == set(NORMALIZABLE)


@each_kind
def test_weight_normalization_gives_each_units_vector_its_gain_as_length(kind):
    layer, plain, x = _pair("weight", kind)
    gain = np.array([1.0, 2.0, 0.5, 3.0], "float32")
    layer.gain.assign(gain)
    columns = _columns(layer.trained_kernel, kind)
    np.testing.assert_allclose(
        _columns(layer.kernel, kind), gain * columns / np.linalg.norm(columns, axis=0), rtol=1e-5
    )
    plain.set_weights([ops.convert_to_numpy(layer.kernel), np.zeros(4)])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), plain(x), atol=1e-5)


@each_kind
def test_spectral_normalization_divides_by_the_largest_singular_value_and_keeps_the_kernel(kind):
    """Keras's own wrapper would overwrite the kernel; numpy's decomposition is the witness."""
    layer, plain, x = _pair("spectral", kind)
    before = ops.convert_to_numpy(layer.trained_kernel)
    for _ in range(60):
        trained = layer(x, training=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.trained_kernel), before)
    sigma = np.linalg.svd(_columns(before, kind), compute_uv=False)[0]
    plain.set_weights([before / sigma, np.zeros(4)])
    np.testing.assert_allclose(ops.convert_to_numpy(trained), plain(x), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x, training=False)), trained, rtol=1e-3, atol=1e-4)


@each_kind
def test_spectral_normalization_follows_algorithm_1_step_by_step(kind):
    """Each training step: v <- W'u / |W'u|, u <- Wv / |Wv|, W / u'Wv. Inference: the last u and v, no iteration."""
    layer, _, x = _pair("spectral", kind)
    random = np.random.default_rng(2)
    for _ in range(4):
        layer.trained_kernel.assign(random.normal(size=layer.trained_kernel.shape))  # as an optimizer would
        W = _columns(layer.trained_kernel, kind).T
        u, v = (np.array(vector) for vector in (layer.u, layer.v))
        layer(x, training=False)
        np.testing.assert_array_equal(layer.u, u)
        np.testing.assert_array_equal(layer.v, v)
        if u @ W @ v > 0:
            np.testing.assert_allclose(_columns(layer.kernel, kind).T, W / (u @ W @ v), rtol=1e-4, atol=1e-6)
        layer(x, training=True)
        v = W.T @ u / np.linalg.norm(W.T @ u)
        u = W @ v / np.linalg.norm(W @ v)
        np.testing.assert_allclose(ops.convert_to_numpy(layer.v), v, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(ops.convert_to_numpy(layer.u), u, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(_columns(layer.kernel, kind).T, W / (u @ W @ v), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [layers.Dense, layers.Conv2D, GroupedConv2D, layers.Conv2DTranspose])
def test_normalized_kernels_are_those_of_torch(kind):
    """Spectrally over some training steps with other kernels, and then at inference, from one start vector."""
    layer, _, x = _pair("spectral", kind)
    changes = np.random.default_rng(3).normal(size=(4, *layer.trained_kernel.shape)) / 9
    kernels = [(np.array(layer.trained_kernel) + change).astype("float32") for change in changes]
    order = (1, 0) if kind is layers.Dense else (3, 2, 0, 1)  # from (window, input, unit) to (unit, input, window)
    theirs = reference(
        "kernel_normalization",
        kernels=np.stack([kernel.transpose(order) for kernel in kernels]),
        axis=1 if kind is layers.Conv2DTranspose else 0,
        u=np.array(layer.u),
    )

    def check(layer, expected):
        np.testing.assert_allclose(np.array(layer.kernel).transpose(order), expected, rtol=1e-4, atol=1e-6)

    for kernel, expected in zip(kernels, theirs["spectral"], strict=True):
        layer.trained_kernel.assign(kernel)
        layer(x, training=True)
        check(layer, expected)
    layer.trained_kernel.assign(kernels[0])
    check(layer, theirs["inference"])
    layer, _, _ = _pair("weight", kind)
    layer.trained_kernel.assign(kernels[0])
    layer.gain.assign([1.0, 2.0, 3.0, 4.0])
    check(layer, theirs["weight"][0])


def test_spectral_normalization_by_hand():
    """W = [[3, 0], [4, 5]] and u = (1, 0): v = (1, 0), u = (0.6, 0.8), sigma = 5 (the largest singular value: 6.71)."""
    layer = NORMALIZATIONS.build("spectral", layers.Dense)(2, use_bias=False)
    x = np.eye(2, dtype="float32")
    layer(x)
    W = np.array([[3.0, 0.0], [4.0, 5.0]], "float32")
    layer.trained_kernel.assign(W.T)
    layer.u.assign([1.0, 0.0])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x, training=True)), W.T / 5, rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.v), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.u), [0.6, 0.8], rtol=1e-5)
    layer.trained_kernel.assign(2 * W.T)  # an optimizer's step, then inference
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x, training=False)), W.T / 5, rtol=1e-5)
    # v = W'u / |W'u| = (5, 4) / 6.403, u = (15, 40) / 42.72 , sigma = |Wv| = 42.72 / 6.403
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x, training=True)), W.T * 6.40312 / 42.72002, rtol=1e-5)


def test_weight_normalization_starts_as_the_plain_layer():
    layer = NORMALIZATIONS.build("weight", layers.Dense)(4)
    layer(np.ones((1, 3), "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(layer.kernel), layer.trained_kernel, rtol=1e-6)


@each_of_kernels
def test_a_kernel_of_zeros_stays_finite(name):
    """An initial kernel of zeros is a choice of the catalogue."""
    layer = NORMALIZATIONS.build(name, layers.Dense)(4, kernel_initializer="zeros")
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x, training=True)), np.zeros((2, 4)))
    slope = gradient(lambda at: ops.sum(layer(at)), x)
    assert np.isfinite(slope).all()


def test_spectral_normalization_begins_as_soon_as_a_kernel_is_no_longer_zero():
    layer = NORMALIZATIONS.build("spectral", layers.Dense)(4, kernel_initializer="zeros")
    x = np.ones((2, 3), "float32")
    layer(x, training=True)
    layer.trained_kernel.assign(np.random.default_rng(0).normal(size=(3, 4)))
    for _ in range(60):
        layer(x, training=True)
    assert np.linalg.svd(ops.convert_to_numpy(layer.kernel), compute_uv=False)[0] == pytest.approx(1.0, rel=1e-3)


@each_of_kernels
def test_is_applied_to_every_kernel_that_parts_make_and_survives_saving(name, tmp_path):
    parts = Parts(normalization=name)
    inputs = keras.Input((6, 6, 2))
    x = parts.conv_unit(inputs, 4, 3, 2)
    x = parts.layer(layers.Conv2DTranspose, 4, 2, 2)(x)
    x = parts.layer(GroupedConv2D, 6, 3, groups=2)(parts.layer(layers.DepthwiseConv2D, 3)(x))
    model = keras.Model(inputs, parts.dense(layers.Flatten()(x), 2))
    assert sum(hasattr(layer, "trained_kernel") for layer in model.layers) == 5
    images = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")
    model(images, training=True)
    expected = ops.convert_to_numpy(model(images))
    model.save(tmp_path / "net.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(load_network(tmp_path / "net.keras")(images)), expected, atol=1e-5)
    np.testing.assert_allclose(compiled(lambda a: model(a["x"]), {"x": images}), expected, atol=1e-5)


@each_of_kernels
def test_costs_as_many_products_as_the_plain_layers(name):
    def cost(normalization):
        parts, inputs = Parts(normalization=normalization), keras.Input((6, 6, 2))
        x = parts.layer(layers.Conv2DTranspose, 3, 2, 2)(parts.conv(inputs, 4, 3))
        return profile(keras.Model(inputs, parts.dense(layers.Flatten()(x), 5)))

    assert cost(name).multiply_adds == cost("none").multiply_adds == 36 * 72 + 36 * 48 + 432 * 5
    assert cost(name).parameters == cost("none").parameters + (4 + 3 + 5 if name == "weight" else 0)


def test_the_penalty_of_a_weight_normalized_kernel_is_that_of_what_it_computes_with():
    parts = Parts(normalization="weight", regularizer={"name": "l2", "strength": 2.0})
    inputs = keras.Input((2,))
    model = keras.Model(inputs, parts.dense(inputs, 2, bias=False))
    model.set_weights([np.array([[3.0, 0.0], [4.0, 7.0]]), np.array([2.0, 3.0])])
    assert float(ops.sum(model.losses)) == pytest.approx(4.0 + 9.0, rel=1e-6)
