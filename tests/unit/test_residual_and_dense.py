"""Residual blocks, dense blocks and the cells of NASNet: what the papers say of them, by hand."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.network import build_network, outline
from archbench.architectures.profile import profile
from archbench.blocks.residual import Residual
from archbench.layers.drop_path import DropPath
from archbench.parts import Parts

BLOCKS = ("basic", "bottleneck", "preact_basic", "preact_bottleneck")
BATCH = Parts(normalization="batch")


def _kernels(model: keras.Model) -> list[tuple[int, ...]]:
    return [tuple(layer.kernel.shape) for layer in model.layers if isinstance(layer, layers.Conv2D)]


# The four blocks


@pytest.mark.parametrize(
    ("block", "width", "weights"),
    [
        ("basic", 256, 1_179_648),  # 2 * 3 * 3 * 256 * 256
        ("bottleneck", 64, 69_632),  # 256 * 64 + 3 * 3 * 64 * 64 + 64 * 256
        ("preact_basic", 256, 1_179_648),
        ("preact_bottleneck", 64, 69_632),
    ],
)
def test_a_bottleneck_at_256_channels_saves_94_percent_of_the_weights(block, width, weights):
    inputs = keras.Input((4, 4, 256))
    model = keras.Model(inputs, Residual(block, "projection", BATCH)(inputs, width))
    assert sum(np.prod(kernel) for kernel in _kernels(model)) == weights
    assert model.output.shape == (None, 4, 4, 256)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_block_is_one_option_of_both_residual_nets(block):
    wide = 4 if block.endswith("bottleneck") else 1
    for spec, shape in (
        ({"name": "resnet18", "block": block, "blocks": (1, 1), "width": 4}, (16, 16, 3)),
        ({"name": "resnet20", "block": block, "blocks": 2, "widths": (4, 8), "shortcut": "projection"}, (8, 8, 3)),
    ):
        model = outline(spec, shape, 5)
        assert model.layers[-1].kernel.shape == (8 * wide, 5)
        assert sum(isinstance(layer, layers.Add) for layer in model.layers) == (2 if "width" in spec else 4)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_whose_branch_is_zero_passes_its_input_on(block):
    """Pre-activated: untouched, which is the point of 1603.05027. Else after the last activation."""
    inputs = keras.Input((4, 4, 8))
    parts = Parts(normalization="batch", initializer="zeros")
    width = 2 if block.endswith("bottleneck") else 8
    model = keras.Model(inputs, Residual(block, "projection", parts)(inputs, width))
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype("float32")
    expected = x if block.startswith("preact") else np.maximum(x, 0)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), expected)


@pytest.mark.parametrize(("block", "convolutions"), [("preact_basic", 2), ("preact_bottleneck", 3)])
def test_the_first_preactivated_block_leaves_its_activation_to_the_stem(block, convolutions):
    """1603.05027, appendix: the first activation is right after conv1 and before splitting into two paths."""
    inputs = keras.Input((4, 4, 8))
    for first in (True, False):
        model = keras.Model(inputs, Residual(block, "projection", BATCH)(inputs, 8, first=first))
        normalizations = sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
        assert normalizations == convolutions - first


def test_a_preactivated_projection_reads_what_was_activated():
    """Nothing of an input below zero comes through: neither on the branch nor on the way around it."""
    inputs = keras.Input((4, 4, 8))
    model = keras.Model(inputs, Residual("preact_basic", "projection", Parts())(inputs, 16))
    x = -np.ones((1, 4, 4, 8), "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), 0)
    assert ops.convert_to_numpy(model(-x)).any()


@pytest.mark.parametrize("name", ["resnet50", "preact_resnet50"])
def test_the_stride_is_where_the_options_say(name):
    """Kernel sides of the strided convolutions after the stem, and how many blocks come before each halving."""

    def strided(**options):
        model = outline({"name": name, "width": 4, **options}, (64, 64, 3), 2)
        convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
        return sorted(layer.kernel_size[0] for layer in convolutions[1:] if layer.strides == (2, 2))

    assert strided() == [1] * 6  # the first convolution and the projection, thrice
    assert strided(stride_in_1x1=False) == [1] * 3 + [3] * 3
    assert strided(stride_in_1x1=False, stride_in_last_block=True) == [3] * 3


# DenseNet


def test_a_dense_layer_reads_all_maps_before_it_and_adds_its_growth():
    model = outline({"name": "densenet121", "blocks": (3, 2), "growth": 8, "stem_width": 10}, (32, 32, 3), 5)
    assert _kernels(model) == [
        *[(7, 7, 3, 10)],
        *[(1, 1, 10, 32), (3, 3, 32, 8), (1, 1, 18, 32), (3, 3, 32, 8), (1, 1, 26, 32), (3, 3, 32, 8)],
        *[(1, 1, 34, 17)],
        *[(1, 1, 17, 32), (3, 3, 32, 8), (1, 1, 25, 32), (3, 3, 32, 8)],
    ]
    assert model.layers[-1].kernel.shape == (33, 5)


def test_a_densenet_without_b_and_c_has_neither_bottleneck_nor_compression():
    spec = {"name": "densenet40", "blocks": (2, 1), "growth": 4, "stem_width": 6}
    assert _kernels(outline(spec, (8, 8, 3), 5)) == [
        *[(3, 3, 3, 6), (3, 3, 6, 4), (3, 3, 10, 4)],
        *[(1, 1, 14, 14), (3, 3, 14, 4)],
    ]


def test_a_compressed_densenet_rounds_down():
    """Floor of theta m, section 3: 6 + 3 channels at 0.5 are 4, and 16 + 2 * 5 at 0.3 are 7."""
    spec = {"name": "densenet40", "blocks": (1, 1), "growth": 3, "stem_width": 6, "compression": 0.5}
    assert _kernels(outline(spec, (8, 8, 3), 5))[2] == (1, 1, 9, 4)
    spec = {"name": "densenet40", "blocks": (2, 1), "growth": 5, "stem_width": 16, "compression": 0.3}
    assert _kernels(outline(spec, (8, 8, 3), 5))[3] == (1, 1, 26, 7)


def test_dropout_in_a_densenet_follows_every_convolution_but_the_first():
    model = outline({"name": "densenet_bc100", "blocks": (2, 1)}, (8, 8, 3), 5, {"dropout": 0.2})
    assert sum(type(layer).__name__ == "Dropout" for layer in model.layers) == len(_kernels(model)) - 1


# NASNet


def test_the_cells_of_nasnet_make_six_and_four_paths():
    model = outline({"name": "nasnet_mobile", "repeats": 1, "filters": 8, "stem_width": 6}, (64, 64, 3), 5)
    joined = [layer.output.shape for layer in model.layers if isinstance(layer, layers.Concatenate)]
    cells = [shape[1:] for shape in joined if shape[-1] in (8, 16, 48, 96, 64, 192, 32, 128)]
    # Side 64, then (64 - 3) // 2 + 1 = 31, 16, 8; the stem's cells have 8 / 4 and 8 / 2 filters on four paths.
    for cell in [(16, 16, 8), (8, 8, 16), (8, 8, 48), (4, 4, 64), (4, 4, 96), (2, 2, 128), (2, 2, 192)]:
        assert cell in cells


def test_nasnet_for_cifar_has_the_papers_3_million():
    spec = {"name": "nasnet_mobile", "repeats": 6, "filters": 32, "stem_width": 96, "stem_cells": 0}
    assert profile(outline(spec, (32, 32, 3), 10)).parameters == pytest.approx(3.3e6, rel=0.015)


def test_nasnet_keeps_its_initializer_and_regularizer_for_both_kernels_of_a_separable_convolution():
    parts = {"initializer": "zeros", "regularizer": {"name": "l2", "strength": 0.1}}
    spec = {"name": "nasnet_mobile", "repeats": 1, "filters": 2, "stem_width": 2, "stem_cells": 0}
    model = build_network(spec, (8, 8, 1), 2, parts)
    kernels = [weight for weight in model.trainable_weights if "kernel" in weight.name]
    assert len(model.losses) == len(kernels)
    assert not any(ops.convert_to_numpy(kernel).any() for kernel in kernels)


@pytest.mark.parametrize(("filters", "stem_cells", "multiple"), [(6, 2, 4), (3, 1, 2)])
def test_filters_that_the_stem_cannot_halve_are_refused(filters, stem_cells, multiple):
    spec = {"name": "nasnet_mobile", "filters": filters, "stem_cells": stem_cells}
    with pytest.raises(Exception, match=rf"filters is {filters}.* a multiple of {multiple}"):
        outline(spec, (32, 32, 3), 5)


def test_drop_path_in_nasnet_grows_with_the_place_of_the_cell():
    spec = {"name": "nasnet_mobile", "repeats": 1, "filters": 4, "stem_cells": 0, "drop_path": 0.5}
    rates = [layer.rate for layer in outline(spec, (16, 16, 3), 5).layers if isinstance(layer, DropPath)]
    assert set(rates) == {0.1, 0.2, 0.3, 0.4, 0.5}  # three normal cells, two reductions


# Drop-path


def test_drop_path_leaves_out_whole_examples_and_keeps_the_mean():
    keras.utils.set_random_seed(0)
    x = np.ones((4000, 2, 3), "float32")
    layer = DropPath(0.25)
    y = ops.convert_to_numpy(layer(x, training=True))
    assert ((y == y[:, :1, :1]).all(axis=(1, 2))).all()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (y[:, 0, 0] == 0).mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x, training=False)), x)
    layer.rate = ops.convert_to_tensor(0.0)  # read at the call
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x, training=True)), x)


def test_drop_path_rises_over_its_steps():
    keras.utils.set_random_seed(0)
    x, layer = np.ones((4000, 1), "float32"), DropPath(0.8, steps=4)
    shares = [float((ops.convert_to_numpy(layer(x, training=True)) == 0).mean()) for _ in range(6)]
    assert shares == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 0.8], abs=0.03)


def test_drop_path_survives_saving():
    layer = DropPath(0.3, steps=7, name="path")
    again = DropPath.from_config(layer.get_config())
    assert (again.rate, again.steps, again.name) == (0.3, 7, "path")
