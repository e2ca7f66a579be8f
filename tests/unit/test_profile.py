"""The profile of a network: published figures for whole nets, and every kind of layer by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from archbench.architectures.network import outline
from archbench.architectures.profile import Profile, profile
from archbench.layers.recurrent import PeepholeLSTMCell, SimplifiedGRUCell


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
        receptive_field=(3, 3),
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
        (layers.RNN(SimplifiedGRUCell(4)), (9, 3), 9 * 2 * 4 * (3 + 4)),
        (layers.RNN(PeepholeLSTMCell(4)), (9, 3), 9 * (4 * 4 * (3 + 4) + 3 * 4)),
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
    assert profile(keras.Model(inputs, shared(shared(inputs)))) == Profile(12, 12, 18, 4 * 6, 2, None)


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


# Receptive field


@pytest.mark.parametrize(
    ("spec", "side", "field"),
    [
        # 5 x 5: 5; pool 2/2: 6, step 2; 5 x 5: 6 + 4 * 2 = 14; pool: 14 + 2 = 16.
        ("lenet5", 32, 16),
        # Up to conv5_3: 1 + 2 * (2 * 1 + 2 * 2 + 3 * 4 + 3 * 8 + 3 * 16) + (1 + 2 + 4 + 8) = 196; pool5: 196 + 16.
        ("vgg16", 224, 212),
        # 7 x 7: 7, step 2; pool 3/2: 11, step 4; two blocks of two 3 x 3: 11 + 8 * 4 = 43; then a strided 3 x 3 and
        # three more: 43 + 2 * 4 + 6 * 8 = 99; 99 + 2 * 8 + 6 * 16 = 211; 211 + 2 * 16 + 6 * 32 = 435.
        ("resnet18", 224, 435),
        # 3 x 3: 3; stage 1, six: 15; strided, five: 15 + 2 + 5 * 4 = 37; 37 + 4 + 5 * 8 = 81.
        ("resnet20", 32, 81),
        ("plain20", 32, 81),
        ("lenet5_1998", 32, 16),
        # Araujo, Norris, Sim 2019, Distill, table of models.
        ("alexnet", 227, 195),
        ("resnet50", 224, 483),
        ("preact_resnet101", 224, 1027),
        ({"name": "resnet152", "stride_in_1x1": False, "stride_in_last_block": True}, 224, 1507),
        ("inception_v2", 224, 699),
        ("inception_v3", 299, 1311),
        ("inception_resnet_v2", 299, 3039),
        # Strided 3 x 3 kernels, one stage earlier than 1 x 1: 2 * (4 + 8 + 16) pixels less than 483.
        ({"name": "resnet50", "stride_in_1x1": False}, 224, 427),
    ],
)
def test_receptive_field_of_known_nets(spec, side, field):
    channels = 1 if "lenet" in str(spec) else 3
    assert profile(outline(spec, (side, side, channels), 10)).receptive_field == (field, field)


def _seen(build, shape) -> tuple[tuple[int, ...] | None, tuple[int, ...]]:
    """The field `profile` tells, and the span of input positions that move one output in the middle, by trying."""
    inputs = keras.Input(shape)
    model = keras.Model(inputs, build(inputs))
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 0.5))
    middle = tuple(side // 2 for side in model.output.shape[1:-1])
    axes, quiet, spans = len(shape) - 1, np.zeros((1, *shape), "float32"), []
    for axis in range(axes):
        bumped = np.repeat(quiet, shape[axis], axis=0)
        places = np.moveaxis(bumped, axis + 1, 1)  # a view: (example, position on this axis, ...)
        for position in range(shape[axis]):
            places[position, position] = 1.0
        change = keras.ops.convert_to_numpy(model(bumped) - model(quiet))
        moved = change[(slice(None), *middle)].any(axis=-1)
        spans.append(int(np.ptp(np.nonzero(moved)[0])) + 1)
    return profile(model).receptive_field, tuple(spans)


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda x: layers.Conv2D(1, 3, dilation_rate=4)(layers.Conv2D(1, 3, 2)(x)), (41, 41, 1)),
        (lambda x: layers.Conv2D(1, (1, 7))(layers.Conv2D(1, (5, 1))(x)), (21, 21, 1)),
        (lambda x: layers.add([layers.Conv2D(1, 3, padding="same")(x), layers.DepthwiseConv2D(5, padding="same")(x)])
         , (15, 15, 1)),
        (lambda x: layers.SeparableConv2D(1, 3)(layers.AveragePooling2D(2)(x)), (24, 24, 1)),
        (lambda x: layers.Conv1D(1, 3, dilation_rate=2)(layers.AveragePooling1D(3)(x)), (36, 1)),
        (lambda x: layers.Conv3D(1, (1, 2, 3))(layers.Conv3D(1, 2, (1, 2, 2))(x)), (6, 10, 14, 1)),
        (lambda x: layers.Conv2D(1, 1)(layers.Conv2DTranspose(1, 2, 2)(layers.Conv2D(1, 4, 2)(x))), (20, 20, 1)),
        (lambda x: layers.Dense(1)(layers.Dense(3)(layers.Conv2D(2, 3)(x))), (9, 9, 1)),
        (lambda x: layers.Conv2D(1, 3)(keras.ops.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))), (9, 9, 1)),
    ],
    ids=["dilated", "oblong", "branches", "separable", "steps", "video", "up", "dense", "padded"],
)  # fmt: skip
def test_receptive_field_is_what_moves_an_output(build, shape):
    told, tried = _seen(build, shape)
    assert told == tried


@pytest.mark.parametrize(
    "build",
    [
        lambda x: layers.Dense(2)(layers.Flatten()(x)),
        lambda x: layers.LSTM(2)(layers.Reshape((8, 8))(x)),
        lambda x: layers.Conv1D(2, 3)(layers.LSTM(2, return_sequences=True)(layers.Reshape((8, 8))(x))),
    ],
    ids=["dense", "recurrent", "recurrent first"],
)
def test_no_receptive_field_where_there_is_no_window(build):
    inputs = keras.Input((8, 8, 1))
    assert profile(keras.Model(inputs, build(inputs))).receptive_field is None


def test_a_custom_layer_says_its_window():
    class Thirds(layers.Layer):
        def call(self, x):
            return keras.ops.average_pool(x, 3, 3)

    class Told(Thirds):
        def window(self):
            return ((3, 3), (3, 3))

    inputs = keras.Input((27, 27, 1))
    fields = [
        profile(keras.Model(inputs, layers.Conv2D(1, 2)(kind()(inputs)))).receptive_field for kind in (Thirds, Told)
    ]
    assert fields == [None, (6, 6)]


def test_an_outline_takes_no_weights_and_leaves_no_trace():
    before = keras.layers.Dense(1).name
    model = outline("vgg16", (224, 224, 3), 1000)
    assert all(weight._value is None for weight in model.weights)
    assert int(keras.layers.Dense(1).name.split("_")[-1]) == int(before.partition("_")[2] or 0) + 1
    live = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    assert np.isfinite(live.predict(np.ones((1, 2)), verbose=0)).all()
