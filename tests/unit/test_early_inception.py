"""AlexNet, ZFNet, GoogLeNet and its successor: what sets each apart, against the papers' figures and plain numpy."""

import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.network import build_network, outline
from archbench.layers.grouped import GroupedConv2D
from archbench.normalizations import NORMALIZATIONS
from backend import compiled, gradient

SMALL_GOOGLENET = {"name": "googlenet", "modules": (1, 4), "width": 16, "dense_width": 16}


def _maps(model, kind) -> list[tuple]:
    return [layer.output.shape[1:] for layer in model.layers if isinstance(layer, kind)]


# Local response normalization


def _by_the_paper(x: np.ndarray, k: float, n: int, alpha: float, beta: float) -> np.ndarray:
    """Section 3.3 of Krizhevsky et al. 2012, one channel after another."""
    channels, y = x.shape[-1], np.empty_like(x)
    for i in range(channels):
        around = x[..., max(0, i - n // 2) : min(channels - 1, i + n // 2) + 1]
        y[..., i] = x[..., i] / (k + alpha * (around**2).sum(-1)) ** beta
    return y


@pytest.mark.parametrize("shape", [(2, 3, 4, 8), (5, 7), (2, 3, 3)])
def test_local_response_is_the_papers_formula_on_any_rank(shape):
    x = np.random.default_rng(0).normal(0, 30, shape).astype("float32")
    layer = NORMALIZATIONS.build("local_response", shape[-1])
    expected = _by_the_paper(x.astype("float64"), k=2, n=5, alpha=1e-4, beta=0.75)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-5)
    np.testing.assert_allclose(compiled(lambda a: layer(a["x"]), {"x": x}), expected, rtol=1e-5)


def test_local_response_by_hand():
    layer = NORMALIZATIONS.build({"name": "local_response", "k": 1.0, "n": 3, "alpha": 0.5, "beta": 2.0}, 3)
    y = ops.convert_to_numpy(layer(np.array([[1.0, 2.0, 4.0]], "float32")))
    # energies 1 + 4, 1 + 4 + 16 and 4 + 16: divisors 3.5, 11.5 and 11, each squared
    np.testing.assert_allclose(y[0], [1 / 12.25, 2 / 132.25, 4 / 121], rtol=1e-6)
    assert not layer.weights


def test_the_gradient_of_local_response_is_the_numeric_one():
    layer = NORMALIZATIONS.build({"name": "local_response", "k": 1.0, "alpha": 0.1}, 6)
    x, c = np.random.default_rng(1).normal(size=(2, 6)), np.random.default_rng(2).normal(size=6)
    found = gradient(lambda a: ops.sum(layer(a) * c.astype("float32")), x.astype("float32"))
    step = 1e-6
    for place in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        change = ((_by_the_paper(up, 1, 5, 0.1, 0.75) - _by_the_paper(down, 1, 5, 0.1, 0.75)) * c).sum()
        assert found[place] == pytest.approx(change / (2 * step), abs=1e-4)


def test_an_even_window_is_refused():
    with pytest.raises(Exception, match=r"n is 4\. It must be odd"):
        NORMALIZATIONS.build({"name": "local_response", "n": 4}, 8)


# AlexNet and ZFNet


def test_alexnet_has_the_maps_of_figure_2():
    model = outline("alexnet", (227, 227, 3), 1000)
    sides = [(55, 96), (27, 256), (13, 384), (13, 384), (13, 256)]
    assert _maps(model, layers.Conv2D) == [(side, side, width) for side, width in sides]
    assert [shape[0] for shape in _maps(model, layers.MaxPooling2D)] == [27, 13, 6]
    assert [layer.groups for layer in model.layers if isinstance(layer, layers.Conv2D)] == [1, 2, 1, 2, 2]


def test_alexnet_starts_with_the_papers_biases():
    model = build_network(
        {"name": "alexnet", "widths": (4, 4, 4, 4, 4), "dense_width": 8, "stem": (3, 1)}, (20, 20, 3), 3
    )
    weighted = [layer for layer in model.layers if layer.weights]
    biases = [set(ops.convert_to_numpy(layer.bias).tolist()) for layer in weighted]
    assert biases == [{0.0}, {1.0}, {0.0}, {1.0}, {1.0}, {1.0}, {1.0}, {0.0}]
    kernels = np.concatenate([ops.convert_to_numpy(layer.kernel).ravel() for layer in weighted])
    assert kernels.std() == pytest.approx(0.01, rel=0.1)


def test_a_grouped_convolution_sees_its_own_half_of_the_channels():
    model = build_network(
        {"name": "alexnet", "widths": (4, 4, 4, 4, 4), "dense_width": 8, "stem": (3, 1)},
        (20, 20, 3), 3, {"normalization": "none", "initializer": "he_normal"},
    )  # fmt: skip
    second = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)][1]
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 4)).astype("float32")
    other = x.copy()
    other[..., 2:] += 1.0
    moved = np.abs(ops.convert_to_numpy(second(other) - second(x))).max((0, 1, 2)) > 1e-6
    assert moved.tolist() == [False, False, True, True]


@pytest.mark.parametrize("options", [{"padding": "same"}, {"strides": 2}, {"groups": 1}, {"groups": 4}])
def test_groups_one_by_one_are_keras_own_grouped_convolution(options):
    options = {"groups": 2, **options}
    theirs, ours = layers.Conv2D(8, 3, **options), GroupedConv2D(8, 3, **options)
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 4)).astype("float32")
    expected = ops.convert_to_numpy(theirs(x))
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x)), expected, atol=1e-5)


def test_zfnet_has_the_maps_of_figure_3():
    model = outline("zfnet", (224, 224, 3), 1000)
    sides = [(110, 96), (26, 256), (13, 384), (13, 384), (13, 256)]
    assert _maps(model, layers.Conv2D) == [(side, side, width) for side, width in sides]
    assert [shape[0] for shape in _maps(model, layers.MaxPooling2D)] == [55, 13, 6]


# GoogLeNet and Inception v2


def test_the_modules_of_googlenet_have_the_widths_of_table_1():
    model = outline("googlenet", (224, 224, 3), 1000)
    sides = [28] * 2 + [14] * 5 + [7] * 2
    widths = [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert _maps(model, layers.Concatenate) == [(s, s, w) for s, w in zip(sides, widths, strict=True)]
    sizes = [layer.kernel_size for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert sizes.count((5, 5)) == 9


def test_the_heads_of_googlenet_pool_to_4_by_4_and_stand_behind_4a_and_4d():
    model = outline("googlenet", (224, 224, 3), 1000)
    assert set(model.output) == {"logits", "auxiliary_4a", "auxiliary_4d"}
    assert _maps(model, layers.AveragePooling2D) == [(4, 4, 512), (4, 4, 528)]
    rates = [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"]
    assert sorted(rates) == [0.4, 0.7, 0.7]


def test_googlenet_without_heads_or_without_their_modules_answers_with_logits_alone():
    assert outline({"name": "googlenet", "auxiliary": False}, (224, 224, 3), 10).output.shape == (None, 10)
    assert outline({**SMALL_GOOGLENET, "modules": (2,)}, (32, 32, 3), 10).output.shape == (None, 10)
    assert set(outline({**SMALL_GOOGLENET, "modules": (1, 1)}, (32, 32, 3), 10).output) == {"logits", "auxiliary_4a"}


def test_the_heads_read_maps_smaller_than_their_window():
    model = outline(SMALL_GOOGLENET, (32, 96, 3), 10)
    assert [shape[:2] for shape in _maps(model, layers.AveragePooling2D)] == [(1, 1), (1, 1)]
    wide = outline(SMALL_GOOGLENET, (32, 256, 3), 10)
    assert [shape[:2] for shape in _maps(wide, layers.AveragePooling2D)] == [(1, 4), (1, 4)]


def test_inception_v2_has_the_maps_of_figure_5_and_normalizes_every_convolution():
    model = outline("inception_v2", (224, 224, 3), 1000)
    sides = [28, 28, 14, 14, 14, 14, 14, 7, 7, 7]
    widths = [256, 320, 576, 576, 576, 608, 608, 1056, 1024, 1024]
    assert _maps(model, layers.Concatenate) == [(s, s, w) for s, w in zip(sides, widths, strict=True)]
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    normalizations = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert len(convolutions) == len(normalizations) == 69
    assert not any(layer.use_bias for layer in convolutions)


def test_the_last_module_of_inception_v2_alone_takes_the_maximum():
    """Figure 5: modules 3a to 5a average what they pool beside their convolutions, 5b takes the maximum."""
    model = outline("inception_v2", (224, 224, 3), 1000)
    pools = [layer for layer in model.layers if getattr(layer, "pool_size", None) == (3, 3)]
    beside = [layer for layer in pools if layer.strides == (1, 1)]
    kinds = [(type(layer).__name__, layer.output.shape[1:]) for layer in beside]
    assert [shape for kind, shape in kinds if kind == "MaxPooling2D"] == [(7, 7, 1024)]
    assert [kind for kind, _ in kinds].count("AveragePooling2D") == 7


def test_inception_v2_halves_odd_maps_in_convolutions_and_pools_alike():
    """ceil(side / 2) in both, or they could not be joined: 99 by 75, 50 by 38 and so on."""
    model = outline("inception_v2", (99, 75, 3), 10)
    pools = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D) and layer.strides == (2, 2)]
    assert [layer.output.shape[1:3] for layer in pools] == [(25, 19), (13, 10), (7, 5), (4, 3)]


# Caffe's rounding: the last window is cut off at the end of the map


@pytest.mark.parametrize(
    ("spec", "shape", "maps"),
    [
        # 3 by 3 at stride 2 makes ceil((n - 3) / 2) + 1 of n; the first convolution makes 50 and 38 of 99 and 75
        ("googlenet", (99, 75, 3), [(25, 19), (12, 9), (6, 4), (3, 2)]),
        ("googlenet", (230, 239, 3), [(57, 60), (28, 30), (14, 15), (7, 7)]),
        # (n - 11) / 4 + 1 of 223 and 231: 54 and 56
        ("alexnet", (223, 231, 3), [(27, 28), (13, 14), (6, 7)]),
        # (n + 2 - 7) / 2 + 1 of 226 and 240: 111 and 118; (n - 5) / 2 + 1 of 55 and 59: 26 and 28
        ("zfnet", (226, 240, 3), [(55, 59), (13, 14), (6, 7)]),
        # 2 by 2 at stride 2 makes ceil(n / 2) of n
        ("vgg11", (99, 75, 3), [(50, 38), (25, 19), (13, 10), (7, 5), (4, 3)]),
        ("c3d", (17, 99, 75, 3), [(17, 50, 38), (9, 25, 19), (5, 13, 10), (3, 7, 5), (2, 4, 3)]),
    ],
)
def test_the_pools_of_nets_from_cuda_convnet_and_caffe_round_up(spec, shape, maps):
    model = outline(spec, shape, 5)
    pools = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D | layers.MaxPooling3D)]
    halving = [layer.output.shape[1:-1] for layer in pools if max(layer.strides) > 1]
    assert halving == maps
