"""Parts: what one layer of every network is made of."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench import resolve
from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network, outline, swapped_parts
from archbench.config import ConfigError, check_config
from archbench.layers.dropout import Dropout
from archbench.parts import Parts, WrongParts
from backend import compiled
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


@pytest.mark.parametrize(("channels", "layers"), [(15, ["MaxPooling2D", "Conv2D"]), (16, ["Conv2D"])])
def test_a_strided_kernel_of_one_cell_on_few_channels_never_meets_onednns_gradient(channels, layers):
    """It writes past its memory below 16 channels (uxlfoundation/oneDNN, issue 6035), and crashes or falsifies runs."""
    model = _model(lambda x: LINEAR.conv(x, 2, 1, 2), (6, 5, channels))
    assert [type(layer).__name__ for layer in model.layers[1:]] == layers
    assert model.output.shape == (None, 3, 3, 2)


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


def test_dropout_of_rate_0_is_no_layer():
    """It would draw a number for every unit, and keep them all."""
    inputs = keras.Input((4,))
    assert Parts(dropout=0.0).drop(inputs) is inputs


def test_what_dropout_keeps_is_scaled_so_that_the_mean_stays():
    y = ops.convert_to_numpy(Dropout(0.75)(np.ones((200, 200), "float32"), training=True))
    assert set(np.unique(y)) == {0.0, 4.0}
    assert y.mean() == pytest.approx(1.0, abs=0.03)


def test_spatial_dropout_drops_whole_channels_of_an_example():
    model = _model(Parts(dropout=0.5, spatial_dropout=True).drop, (4, 5, 64))
    y = ops.convert_to_numpy(model(np.ones((8, 4, 5, 64), "float32"), training=True))
    channels = y[:, 0, 0]
    np.testing.assert_array_equal(y, np.broadcast_to(channels[:, None, None], y.shape))
    assert (channels == 0).mean() == pytest.approx(0.5, abs=0.1)
    assert not np.array_equal(channels[0], channels[1])


def test_the_rate_of_dropout_may_be_an_input_of_a_compiled_program_and_draws_are_fresh():
    layer = Dropout(0.5)

    def dropped(arrays, generator):
        object.__setattr__(layer, "rate", arrays["rate"])
        object.__setattr__(layer, "seed_generator", generator)
        return ops.stack([layer(arrays["x"], training=True) for _ in range(2)])

    x = np.ones((100, 100), "float32")
    for rate in (0.0, 0.125, 0.8):
        first, second = compiled(dropped, {"x": x, "rate": np.float32(rate)}, seed=3)
        assert (first == 0).mean() == pytest.approx(rate, abs=0.02)
        assert np.array_equal(first, second) == (rate == 0.0)


def test_half_precision_drops_at_the_rate_too():
    """Numbers between 0 and 1 of 8 bits would meet this rate by chance alone."""
    x = ops.ones((1000, 1000), "bfloat16")
    y = ops.convert_to_numpy(ops.cast(Dropout(0.001, dtype="bfloat16")(x, training=True), "float32"))
    assert (y == 0).mean() == pytest.approx(0.001, rel=0.15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spatial_dropout": True}, "nothing is dropped. Give dropout a rate"),
        ({"spatial_dropout": True, "dropout": 0}, "nothing is dropped. Give dropout a rate"),
        ({"spatial_dropout": 1, "dropout": 0.5}, "spatial_dropout is 1. It must be true or false"),
        ({"normalization": "weight", "regularizer": "max_norm"}, "cannot stand beside weight normalization"),
        ({"activation": {"name": "maxout", "pieces": 1}}, "pieces cannot be 1"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(Exception, match=message):
        Parts().swapped(changes)


def test_spatial_dropout_needs_a_place_for_dropout():
    assert swapped_parts(ARCHITECTURES["vgg11"], {"spatial_dropout": True}).spatial_dropout
    with pytest.raises(WrongParts, match="lenet5_1998 has no place for another spatial_dropout"):
        swapped_parts(ARCHITECTURES["lenet5_1998"], {"spatial_dropout": True, "dropout": 0.5})


def test_in_params_yaml_null_leaves_the_papers_own_part_and_is_told_so():
    config = {"pipeline": "p", "datasets": {"digits": None}, "benchmarks": {}}
    for name, parts in {"vgg11": {"dropout": None}, "lenet5_1998": {"dropout": None, "normalization": None}}.items():
        config["benchmarks"][name] = {"architecture": name, "dataset": "digits", "parts": parts}
    for name in config["benchmarks"]:
        plan = resolve.resolve(check_config(config), name)
        assert plan.settings["parts"] == {}
        assert swapped_parts(ARCHITECTURES[name], plan.settings["parts"]) == ARCHITECTURES[name].options["parts"]
    assert ARCHITECTURES["vgg11"].options["parts"].dropout == 0.5  # which null does not take away
    with pytest.raises(WrongParts, match="It must be a share from 0 to less than 1; 0 is none"):
        Parts().swapped({"dropout": 1.5})
    config["benchmarks"]["lenet5_1998"]["parts"] = {"dropout": 0}
    with pytest.raises(ConfigError, match=r"lenet5_1998.parts: lenet5_1998 has no place for another dropout"):
        resolve.resolve(check_config(config), "lenet5_1998")


# Maxout


MAXOUT = {"name": "maxout", "pieces": 5}


def test_maxout_keeps_the_width_of_a_unit_and_widens_its_layer():
    model = _model(lambda x: Parts(activation="maxout").conv_unit(x, 6, 3, 2), (8, 8, 4))
    assert model.output.shape == (None, 4, 4, 6)
    assert model.trainable_weights[0].shape == (3, 3, 4, 12)


def test_the_papers_maxout_net_has_its_number_of_weights():
    """784 inputs, twice 240 units of 5 pieces, 10 classes: 1,233,610, computed from pylearn2's mnist_pi.yaml."""
    parts = Parts(activation=MAXOUT)
    model = _model(lambda x: parts.dense(parts.dense_unit(parts.dense_unit(x, 240), 240), 10), (784,))
    assert model.count_params() == 1_233_610


def test_a_maxout_unit_is_the_largest_of_its_affine_maps():
    model = _model(lambda x: Parts(activation=MAXOUT).dense_unit(x, 3), (4,))
    kernel, bias = random_weights(model)
    model.set_weights([kernel, bias])
    x = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    maps = [[x @ kernel[:, 5 * unit + j] + bias[5 * unit + j] for j in range(5)] for unit in range(3)]
    np.testing.assert_allclose(ops.convert_to_numpy(model(x)), np.max(maps, axis=1).T, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["lenet5", "vgg11", "unet", "yolo_v2"])
def test_a_net_of_units_takes_maxout_and_gives_the_same_shape(name):
    entry = ARCHITECTURES[name]
    shapes = [
        outline({"name": name, **entry.facts["smoke"]}, entry.facts["smoke_input"], 3, parts).output.shape
        for parts in ({}, {"activation": MAXOUT})
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", ["resnet18", "resnet20", "lenet5_1998"])
def test_a_net_that_activates_sums_or_pooled_maps_refuses_maxout_when_its_parts_are_read(name):
    with pytest.raises(WrongParts, match=f"{name} cannot take this activation: maxout needs a layer 5 times as wide"):
        swapped_parts(ARCHITECTURES[name], {"activation": MAXOUT})


def test_prelu_is_saved_and_trained_with_the_network():
    model = build_network({"name": "lenet5"}, (28, 28, 1), 10, {"activation": "prelu"})
    assert [w.shape[-1] for w in model.trainable_weights if w.name == "alpha"] == [
        layer.output.shape[-1] for layer in model.layers if isinstance(layer, keras.layers.PReLU)
    ]
    assert keras.Model.from_config(model.get_config()).count_params() == model.count_params()


def test_swapped_leaves_the_original_and_the_other_pieces():
    own = Parts(activation="tanh", dropout=0.5)
    assert own.swapped({"dropout": None}) == Parts(activation="tanh", dropout=None)
    assert own == Parts(activation="tanh", dropout=0.5)
