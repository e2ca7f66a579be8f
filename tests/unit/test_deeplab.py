"""DeepLab: one set of weights at two sizes of maps, and the logits of torchvision's and timm's nets for it."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import build_network, outline
from archbench.architectures.vision.resnet import strides_of, trunk
from archbench.blocks.aligned_xception import aligned_xception
from archbench.blocks.residual import Residual
from archbench.catalogue import WrongOption
from archbench.layers import dense_crf
from archbench.layers.atrous import atrous
from archbench.layers.dense_crf import TooManyPixels
from archbench.parts import Parts
from formula_weights import as_built, formula_images, formula_weights
from random_weights import random_weights
from references import reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "segmentation_logits.csv").open()))
BATCH = Parts(normalization="batch")


# Dilations for strides


@pytest.mark.parametrize(
    ("strides", "output_stride", "done", "expected"),
    [
        ([2, 2, 1], None, 4, [(2, 1, 1), (2, 1, 1), (1, 1, 1)]),
        ([], None, 1, []),
        ([], 4, 4, []),
        # Chen et al. 2016, section 3.1: after the first halving that is left out 2, after the next 4
        ([2, 1, 2, 2, 1], 8, 4, [(2, 1, 1), (1, 1, 1), (1, 1, 2), (1, 2, 4), (1, 4, 4)]),
        ([2, 2, 2], 16, 4, [(2, 1, 1), (2, 1, 1), (1, 1, 2)]),
        ([2, 3, 2], 2, 1, [(2, 1, 1), (1, 1, 3), (1, 3, 6)]),
    ],
)
def test_a_halving_that_is_left_out_doubles_the_dilation_after_it(strides, output_stride, done, expected):
    assert atrous(strides, output_stride, done) == expected


@pytest.mark.parametrize(("strides", "done", "reached"), [([2], 4, 8), ([], 1, 1), ([32], 1, 1)])
def test_an_output_stride_that_no_stage_comes_to_is_refused(strides, done, reached):
    with pytest.raises(WrongOption, match=f"output_stride is 16, but .* is {reached} times smaller.* {reached}, or"):
        atrous(strides, 16, done)


def _dilations(name: str, **options) -> list[int]:
    model = outline({"name": name, **options}, (65, 65, 3), 2)
    kinds = keras.layers.Conv2D | keras.layers.DepthwiseConv2D
    kernels = [layer for layer in model.layers if isinstance(layer, kinds) and layer.kernel_size == (3, 3)]
    return [layer.dilation_rate[0] for layer in kernels]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        # Chen et al. 2014, section 3.1 and 4.2: 2 in the last three convolutions, 12 in LargeFOV
        ("deeplab_v1", {}, [1] * 10 + [2] * 3 + [12]),
        # Chen et al. 2016, table 3: ASPP-L
        ("deeplab_v2_vgg16", {}, [1] * 10 + [2] * 3 + [6, 12, 18, 24]),
        ("deeplab_v2", {}, [1] * 7 + [2] * 23 + [4] * 3 + [6, 12, 18, 24]),
        # Chen et al. 2017, section 3.2: "rates = 2 (1, 2, 4) = (2, 4, 8)" at 16; section 3.3: (6, 12, 18), doubled at 8
        ("deeplab_v3", {}, [1] * 30 + [2, 4, 8] + [6, 12, 18]),
        ("deeplab_v3", {"output_stride": 8}, [1] * 7 + [2] * 23 + [4, 8, 16] + [12, 24, 36]),
        # torchvision 0.28.0: a stage's first block has the dilation of the stage before
        (
            "deeplab_v3",
            {"blocks": [3, 4, 6, 3], "multi_grid": None, "stride_in_1x1": False, "output_stride": 8},
            [1] * 7 + [1] + [2] * 5 + [2] + [4] * 2 + [12, 24, 36],
        ),
        ("deeplab_v3_plus", {}, [1] * 30 + [2, 4, 8] + [6, 12, 18] + [1, 1]),
        # the authors' xception.py: the last block alone at 16; at 8 the middle and the first exit 2, the last 4
        ("deeplab_v3_plus_xception65", {}, [1] * (2 + 9 + 48 + 3) + [2] * 3 + [6, 12, 18] + [1, 1]),
        (
            "deeplab_v3_plus_xception65",
            {"output_stride": 8},
            [1] * (2 + 9) + [2] * (48 + 3) + [4] * 3 + [12, 24, 36] + [1, 1],
        ),
    ],
)
def test_a_net_has_its_papers_dilations(name, options, expected):
    assert _dilations(name, **options) == expected


# One set of weights, two sizes of maps


def _trunk_of(kind: str, shape, output_stride: int) -> keras.Model:
    image = keras.Input(shape)
    if kind == "xception":
        _, x = aligned_xception(image, (4, 6), (6, 8, 8), 1, ((8, 8, 10), (10, 10, 12)), output_stride, BATCH)
        return keras.Model(image, x)
    block, _, place = kind.partition(" ")
    residual = Residual(block, "projection", BATCH, stride_in_1x1=place != "3x3")
    strides = strides_of((1, 2, 2, 3), last=place == "last")
    return keras.Model(image, residual.finish(trunk(image, residual, 4, strides, output_stride, (1, 2, 4))[-1]))


@pytest.mark.parametrize("sides", [(65, 81), (64, 94)])
@pytest.mark.parametrize(
    "kind",
    ["basic", "bottleneck", "bottleneck 3x3", "bottleneck last", "preact_basic", "preact_bottleneck", "xception"],
)
def test_the_larger_map_holds_the_smaller_one(kind, sides):
    """The same weights with a halving left out and dilations in its place: every second cell is the same."""
    shape = (*sides, 3)
    small, large, none = (_trunk_of(kind, shape, stride) for stride in (16, 8, 32))
    formula_weights(small)
    for other in (large, none):
        other.set_weights(small.get_weights())
    x = formula_images((1, *shape))
    found, coarse, coarsest = (ops.convert_to_numpy(model(x, training=False)) for model in (large, small, none))
    assert found.shape[1:3] == tuple(-(-side // 8) for side in sides)
    assert coarse.std() > 0.1
    np.testing.assert_allclose(found[:, ::2, ::2], coarse, atol=1e-4 * np.abs(coarse).max())
    np.testing.assert_allclose(coarse[:, ::2, ::2], coarsest, atol=1e-4 * np.abs(coarse).max())


@pytest.mark.parametrize("name", ["deeplab_v2", "deeplab_v3", "deeplab_v3_plus"])
def test_without_pooling_in_the_stem_a_net_halves_once_less(name):
    """And knows where its cells stand: a pixel changes what is around its own place."""
    spec = {"name": name, "block": "basic", "blocks": (1, 1), "width": 2, "rates": (1,)}
    spec |= {"output_stride": 4, "stem_pool": False}
    spec |= {"multi_grid": None, "channels": 2} if name != "deeplab_v2" else {}
    model = build_network(spec, (97, 97, 3), 2, {"activation": "linear", "normalization": "none"})
    for layer in model.layers:
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):  # which all places see alike
            layer._outbound_nodes[0].operation.kernel.assign(np.zeros(layer._outbound_nodes[0].operation.kernel.shape))
    x = np.zeros((1, 97, 97, 3), "float32")
    bumped = x.copy()
    bumped[0, 44, 52] = 1.0
    change = np.abs(ops.convert_to_numpy(model(bumped) - model(x)))[0].sum(-1)
    rows, columns = np.nonzero(change)
    assert (rows.min() + rows.max()) / 2 == 44
    assert (columns.min() + columns.max()) / 2 == 52


@pytest.mark.parametrize("name", ["deeplab_v3", "deeplab_v3_plus", "deeplab_v3_plus_xception65"])
def test_all_layers_take_the_weights_of_another_output_stride(name):
    spec = {"name": name, **ARCHITECTURES[name].facts["smoke"]}
    shapes = [
        [tuple(w.shape) for w in outline({**spec, "output_stride": stride}, (33, 33, 3), 3).weights]
        for stride in (16, 8, 4)
    ]
    assert shapes[0] == shapes[1] == shapes[2]


SMALL = {"name": "deeplab_v3", "blocks": (1, 1, 1, 2), "width": 4, "channels": 8, "rates": (1, 2), "multi_grid": (1, 2)}


def _at_both_strides(x: np.ndarray, pooled: bool) -> list[np.ndarray]:
    """What a small DeepLab v3 says at output strides of 16 and 8, with or without what it learns from the mean."""
    weights, found = None, []
    for stride in (16, 8):
        model = build_network({**SMALL, "output_stride": stride}, x.shape[1:], 3)
        if weights is None:
            formula_weights(model)
            if not pooled:
                model.layers[_after_the_mean(model)].kernel.assign(np.zeros((1, 1, 32 * 4, 8)))
            weights = model.get_weights()
        model.set_weights(weights)
        found.append(ops.convert_to_numpy(model(x, training=False)))
    return found


def _after_the_mean(model: keras.Model) -> int:
    (mean,) = (layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D))
    readers = [node.operation for node in mean._outbound_nodes]
    return model.layers.index(readers[0])


def test_half_the_output_stride_with_doubled_rates_changes_no_more_than_the_interpolation():
    """Logits at cells of both are the same, and between them those of 16 are what lies between every second of 8."""
    x = formula_images((1, 97, 81, 3))
    coarse, fine = _at_both_strides(x, pooled=False)
    scale = 1e-4 * np.abs(fine).max()
    cells = fine[:, ::16, ::16]
    np.testing.assert_allclose(coarse[:, ::16, ::16], cells, atol=scale)
    np.testing.assert_allclose(coarse, _between(cells, 16), atol=scale)
    assert np.abs(coarse - fine).max() > 10 * scale  # which is what the finer map is for


def _between(cells: np.ndarray, step: int) -> np.ndarray:
    for axis in (1, 2):
        many = cells.shape[axis]
        places = np.arange((many - 1) * step + 1) / step
        cells = np.apply_along_axis(lambda line, n=many, at=places: np.interp(at, np.arange(n), line), axis, cells)
    return cells


def test_the_mean_of_the_map_is_taken_over_the_cells_that_there_are():
    coarse, fine = _at_both_strides(formula_images((1, 97, 81, 3)), pooled=True)
    assert np.abs(coarse - fine)[:, ::16, ::16].max() < 0.2 * fine.std()


def test_a_multi_grid_has_a_factor_for_every_block():
    with pytest.raises(WrongOption, match=r"multi_grid is \[1, 2, 4\].* 3 blocks, but the last stage has 2"):
        outline({"name": "deeplab_v3", "blocks": [1, 1, 2]}, (64, 64, 3), 2)


# Several scales


def test_of_several_scales_the_largest_score_counts():
    spec = {"name": "deeplab_v2", "blocks": (1, 1), "width": 4, "rates": (1,)}
    x = formula_images((1, 33, 41, 3))
    models = {
        scales: build_network({**spec, "scales": scales}, x.shape[1:], 3)
        for scales in [(1.0,), (0.5,), (0.5, 1.0), (1.0, 0.75, 0.5)]
    }
    formula_weights(models[1.0,])
    weights = models[1.0,].get_weights()
    found = {}
    for scales, model in models.items():
        assert [w.shape for w in model.weights] == [w.shape for w in weights]  # shared by all scales
        model.set_weights(weights)
        found[scales] = ops.convert_to_numpy(model(x, training=False))
    np.testing.assert_allclose(found[0.5, 1.0], np.maximum(found[0.5,], found[1.0,]), atol=1e-5)
    assert (found[1.0, 0.75, 0.5] >= found[0.5, 1.0] - 1e-5).all()
    # at half the size the net reads every second pixel
    half = build_network(spec, (17, 21, 3), 3)
    half.set_weights(weights)
    cells = ops.convert_to_numpy(half(x[:, ::2, ::2], training=False))[:, ::8, ::8]
    np.testing.assert_allclose(found[0.5,][:, ::16, ::16], cells, atol=1e-5)


# The CRF


def test_a_crf_is_refused_where_it_cannot_be_kept_in_memory(monkeypatch):
    assert dense_crf.MOST_PIXELS == 128 * 128  # a gibibyte for each table of pairs, of which it holds several
    monkeypatch.setattr(dense_crf, "MOST_PIXELS", 16 * 16)
    spec = {"name": "deeplab_v1", **ARCHITECTURES["deeplab_v1"].facts["smoke"], "crf": 1}
    x = formula_images((1, 17, 16, 3))
    model = build_network(spec, x.shape[1:], 2)
    for training in (True, False):  # in training at once, not when the first epoch is over
        with pytest.raises(TooManyPixels, match="17 x 16 are too many for that: it takes at most 256 pixels"):
            model(x, training=training)
    assert build_network(spec, (16, 16, 3), 2)(x[:, :16], training=False).shape == (1, 16, 16, 2)


@pytest.mark.parametrize("name", ["deeplab_v1", "deeplab_v2"])
def test_a_crf_refines_what_is_predicted_and_not_what_is_learnt(name):
    spec = {"name": name, **ARCHITECTURES[name].facts["smoke"]}
    plain, refined = (build_network({**spec, "crf": crf}, (16, 16, 3), 3) for crf in (0, 3))
    plain.set_weights(random_weights(plain))
    refined.set_weights(plain.get_weights())
    x = formula_images((2, 16, 16, 3))
    learnt, predicted = plain(x, training=False), refined(x, training=False)
    assert np.abs(ops.convert_to_numpy(learnt) - ops.convert_to_numpy(predicted)).max() > 0.1
    np.testing.assert_allclose(ops.convert_to_numpy(ops.sum(ops.exp(predicted), axis=-1)), 1.0, atol=1e-5)
    if name == "deeplab_v1":  # which drops: compared without
        return
    np.testing.assert_allclose(plain(x, training=True), refined(x, training=True), atol=1e-5)


# Independent implementations


def _built(row) -> tuple[keras.Model, dict, np.ndarray]:
    options, shape = json.loads(row["options"]), tuple(int(side) for side in row["input"].split("x"))
    model = build_network({"name": row["name"], **options}, shape, int(row["outputs"]))
    formula_weights(model)
    return model, {**ARCHITECTURES[row["name"]].options, **options}, formula_images((1, *shape))


def _reference(model: keras.Model, options: dict, x: np.ndarray) -> np.ndarray:
    values = [value for layer in as_built(model) for value in layer.get_weights()]
    weights = {f"w{number}": value for number, value in enumerate(values)}
    names = ("blocks", "output_stride", "entry", "middle", "exits", "rates")
    plan = {name: np.array(options[name]) for name in names if name in options}
    outputs = np.array(model.output.shape[-1])
    return reference("deeplab", model.name, image=x, outputs=outputs, **plan, **weights)["logits"]


golden = pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['name']}-{row['options'][-20:]}")


@golden
def test_the_logits_are_the_golden_ones(row):
    model, _, x = _built(row)
    logits, expected = ops.convert_to_numpy(model(x, training=False))[0], json.loads(row["logits"])
    for place, values in expected.items():
        row_, column = map(int, place.split())
        np.testing.assert_allclose(logits[row_, column], values, atol=1e-4 * logits.std())


@golden
def test_the_golden_logits_are_those_of_torchvision_and_timm(row):
    model, options, x = _built(row)
    made, expected = _reference(model, options, x)[0], json.loads(row["logits"])
    for place, values in expected.items():
        row_, column = map(int, place.split())
        np.testing.assert_allclose(values, made[row_, column], atol=1e-5 * made.std())
    np.testing.assert_allclose(model(x, training=False)[0], made, atol=1e-4 * made.std())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "deeplab_v3",
            {
                "blocks": (3, 4, 6, 3),
                "output_stride": 8,
                "stride_in_1x1": False,
                "multi_grid": None,
                "extra_conv": True,
                "aligned": False,
            },
        ),
        ("fcn_resnet50", {}),
        ("deeplab_v3_plus_xception65", {}),
        ("deeplab_v3_plus_xception65", {"output_stride": 8}),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} options",
)
def test_the_whole_net_gives_the_logits_of_torchvision_and_timm(name, options):
    row = {"name": name, "options": json.dumps(options), "input": "81x97x3", "outputs": "21"}
    model, options, x = _built(row)
    expected = _reference(model, options, x)
    assert expected.std() > 0.01 * np.abs(expected).max()
    np.testing.assert_allclose(model(x, training=False), expected, atol=1e-4 * expected.std())
