"""The profile of a network: published figures for whole nets, and every kind of layer by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from archbench.architectures.network import outline
from archbench.architectures.profile import Profile, profile


@pytest.mark.parametrize(
    ("spec", "shape", "outputs", "giga"),
    [
        ("vgg16", (224, 224, 3), 1000, 15.470),  # torchvision 0.28.0
        ("resnet50", (224, 224, 3), 1000, 3.858),  # He et al. 2015, table 1: 3.8e9
        ({"name": "resnet50", "stride_in_1x1": False}, (224, 224, 3), 1000, 4.089),  # torchvision 0.28.0
        ("resnet18", (224, 224, 3), 1000, 1.814),  # torchvision 0.28.0
        ("resnet152", (224, 224, 3), 1000, 11.282),  # He et al. 2015, table 1: 11.3e9
        ("resnet20", (32, 32, 3), 10, 0.0406),  # by hand: 40,551,040 with the classifier
        ("yolo_v2", (416, 416, 3), 20, 34.90 / 2),  # the authors' site: 34.90 billion operations
        ({"name": "yolo_v2", "squeeze": 64}, (416, 416, 3), 20, 29.36 / 2),  # yolov2-voc.cfg
    ],
)
def test_published_multiply_adds(spec, shape, outputs, giga):
    assert profile(outline(spec, shape, outputs)).multiply_adds == pytest.approx(giga * 1e9, rel=0.002)


@pytest.mark.parametrize(
    ("name", "depth"), [("vgg16", 16), ("vgg19", 19), ("resnet18", 18), ("resnet50", 50), ("resnet152", 152)]
)
def test_depth_is_the_number_in_the_name(name, depth):
    assert profile(outline(name, (224, 224, 3), 1000)).depth == depth


def test_depth_of_unet_is_the_papers_23_convolutions():
    assert profile(outline("unet", (572, 572, 1), 2)).depth == 23


def test_a_small_net_by_hand():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3)(inputs)  # 4 x 4 x 4, 3 * 3 * 2 * 4 weights and 4 biases
    x = layers.BatchNormalization()(x)  # 8 trained, 8 moving
    x = layers.GlobalAveragePooling2D()(x)  # 4
    outputs = layers.Dense(3)(x)  # 3, 12 weights and 3 biases
    assert profile(keras.Model(inputs, outputs)) == Profile(
        parameters=72 + 4 + 8 + 12 + 3,
        parameters_total=72 + 4 + 16 + 12 + 3,
        multiply_adds=16 * 72 + 12,
        activation_bytes=4 * (64 + 64 + 4 + 3),
        depth=2,
    )


@pytest.mark.parametrize(
    ("layer", "shape", "by_hand"),
    [
        (layers.Conv1D(5, 3, padding="same"), (10, 2), 10 * 3 * 2 * 5),
        (layers.Conv2D(6, 3, groups=2), (5, 5, 4), 9 * (9 * 2 * 6)),
        (layers.Conv2D(6, 3, strides=2, padding="same"), (8, 8, 4), 16 * (9 * 4 * 6)),
        (layers.Conv3D(2, 3), (4, 4, 4, 3), 8 * 27 * 3 * 2),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (5, 5, 4), 9 * 9 * 4 * 2),
        (layers.SeparableConv2D(6, 3), (5, 5, 4), 9 * (9 * 4 + 4 * 6)),
        (layers.Conv2DTranspose(3, 2, 2), (5, 5, 4), 25 * 4 * 4 * 3),
        (layers.Dense(7), (10, 3), 10 * 3 * 7),
        (layers.SimpleRNN(4), (9, 3), 9 * 4 * (3 + 4)),
        (layers.LSTM(4), (9, 3), 9 * 4 * 4 * (3 + 4)),
        (layers.GRU(4), (9, 3), 9 * 3 * 4 * (3 + 4)),
        (layers.Bidirectional(layers.LSTM(4)), (9, 3), 2 * 9 * 4 * 4 * (3 + 4)),
        (layers.MaxPooling2D(), (4, 4, 2), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else None,
)
def test_multiply_adds_of_a_layer_by_hand(layer, shape, by_hand):
    inputs = keras.Input(shape)
    assert profile(keras.Model(inputs, layer(inputs))).multiply_adds == by_hand


def test_a_layer_used_twice_works_twice_and_weighs_once():
    inputs, shared = keras.Input((3,)), layers.Dense(3)
    assert profile(keras.Model(inputs, shared(shared(inputs)))) == Profile(12, 12, 18, 4 * 6, 2)


def test_a_network_within_a_network_is_counted():
    inner_inputs = keras.Input((3,))
    inner = keras.Model(inner_inputs, layers.Dense(5)(inner_inputs))
    inputs = keras.Input((3,))
    assert profile(keras.Model(inputs, layers.Dense(2)(inner(inputs)))).multiply_adds == 15 + 10


def test_a_layer_that_cannot_be_counted_is_named():
    class Bilinear(layers.Layer):
        def build(self, shape):
            self.matrix = self.add_weight(shape=(shape[-1], shape[-1]))

        def call(self, x):
            return x @ self.matrix

    inputs = keras.Input((3,))
    with pytest.raises(TypeError, match="Bilinear has weight matrices and no method multiply_adds"):
        profile(keras.Model(inputs, Bilinear()(inputs)))


def test_an_outline_takes_no_weights_and_leaves_no_trace():
    before = keras.layers.Dense(1).name
    model = outline("vgg16", (224, 224, 3), 1000)
    assert all(weight._value is None for weight in model.weights)
    assert int(keras.layers.Dense(1).name.split("_")[-1]) == int(before.partition("_")[2] or 0) + 1
    live = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    assert np.isfinite(live.predict(np.ones((1, 2)), verbose=0)).all()
