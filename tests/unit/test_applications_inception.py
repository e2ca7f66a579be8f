"""The later Inception nets: logits of keras.applications for the same weights, counts, sizes, scales, heads."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network, outline
from archbench.architectures.profile import profile
from archbench.architectures.vision.inception_resnet import inception_resnet_v1, inception_resnet_v2
from archbench.architectures.vision.inception_v3 import inception_v3
from archbench.architectures.vision.inception_v4 import inception_v4
from random_weights import random_weights

PAPER = (299, 299, 3)
SMALLEST = (75, 75, 3)
CLASSES = 50
BUILDERS = {
    "inception_v3": inception_v3,
    "inception_v4": inception_v4,
    "inception_resnet_v1": inception_resnet_v1,
    "inception_resnet_v2": inception_resnet_v2,
}
SMALL = {"width": 4, "blocks": (1, 1, 1), "small_stem": True}
every = pytest.mark.parametrize("name", BUILDERS)


@pytest.mark.parametrize(
    ("reference", "spec"),
    [
        (keras.applications.InceptionV3, {"name": "inception_v3", "auxiliary": False}),
        (keras.applications.InceptionResNetV2, "inception_resnet_v2"),
    ],
)
def test_same_weights_give_the_same_logits(reference, spec):
    theirs = reference(weights=None, input_shape=SMALLEST, classes=CLASSES, classifier_activation=None)
    ours = build_network(spec, SMALLEST, CLASSES, {"initializer": "zeros"})
    weights = random_weights(theirs)
    theirs.set_weights(weights)
    ours.set_weights(weights)
    x = np.random.default_rng(1).normal(size=(2, *SMALLEST)).astype("float32")
    expected = ops.convert_to_numpy(theirs(x, training=False))
    assert expected.std() > 0.1  # logits of 0 would agree with anything
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x, training=False)), expected, atol=1e-4 * expected.std())


@pytest.mark.parametrize(
    ("spec", "normalization", "trainable", "total"),
    [
        ({"name": "inception_v3", "auxiliary": False}, {}, 23_817_352, 23_851_784),  # keras.applications 3.15.1
        ("inception_v3", {"normalization": "batch"}, 27_161_264, None),  # torchvision 0.28.0, which scales
        ("inception_v4", {"normalization": {"name": "batch", "scale": False}}, 42_648_232, 42_648_232 + 63_168),
        ("inception_resnet_v1", {"normalization": "batch"}, 22_756_328, None),  # 13,520 normalized channels more
        ("inception_resnet_v2", {}, 55_813_192, 55_873_736),  # keras.applications 3.15.1
    ],
)
def test_counts_with_and_without_scale_and_moving_statistics(spec, normalization, trainable, total):
    cost = profile(outline(spec, PAPER, 1000, normalization))
    assert cost.parameters == trainable
    assert total is None or cost.parameters_total == total


@pytest.mark.parametrize(
    ("spec", "maps"),
    [
        ("inception_v3", [(35, 288), (17, 768), (8, 2048)]),
        ("inception_v4", [(35, 384), (17, 1024), (8, 1536)]),
        ("inception_resnet_v1", [(35, 256), (17, 896), (8, 1792)]),
        (
            {"name": "inception_resnet_v2", "as_in_figures": True, "blocks": [5, 10, 5]},
            [(35, 384), (17, 1152), (8, 2144)],
        ),
        ("inception_resnet_v2", [(35, 320), (17, 1088), (8, 2080)]),
    ],
)
def test_the_maps_at_the_end_of_each_stage_are_the_papers(spec, maps):
    """Sides and channels: arXiv:1512.00567, table 1; arXiv:1602.07261, figures 3 to 20; keras.applications."""
    model = outline(spec, PAPER, 10)
    shapes = {tuple(layer.output.shape[1:]) for layer in model.layers if layer.name.startswith(("concatenate", "add"))}
    assert {(side, side, channels) for side, channels in maps} <= shapes
    assert {side for side, _, _ in shapes} - {147, 73, 71} == {35, 17, 8}


@every
def test_a_pixel_less_than_the_declared_minimum_cannot_be_built(name):
    for options, least in (({}, 75), ({"small_stem": True}, 15)):
        outline({"name": name, **options}, (least, least, 1), 2)
        with pytest.raises(ValueError, match="zero or negative"):
            BUILDERS[name](keras.Input((least - 1, least - 1, 1)), 2, **{**SMALL, "small_stem": False, **options})


@every
def test_a_small_stem_changes_no_weight(name):
    shapes = [
        [tuple(w.shape) for w in outline({"name": name, "blocks": [1, 1, 1], "small_stem": small}, PAPER, 10).weights]
        for small in (False, True)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", ["inception_resnet_v1", "inception_resnet_v2"])
def test_half_the_scale_is_half_the_residual(name):
    """The scaled convolution of a block, the only one with a bias, doubled where the scale is halved."""
    x = np.random.default_rng(0).normal(size=(2, 15, 15, 3)).astype("float32")
    options = {**SMALL, "blocks": (2, 1, 2)}
    outputs = []
    for factor in (1.0, 0.5):
        spec = {"name": name, **options, "scales": tuple(factor * s for s in (0.4, 0.6, 0.8))}
        model = build_network(spec, x.shape[1:], 4)
        model.set_weights(random_weights(model))
        ups = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D) and layer.use_bias]
        assert len(ups) == 5
        for layer in ups if name.endswith("v1") else ups[:-1]:  # the last block of v2 is added whole
            layer.set_weights([weight / factor for weight in layer.get_weights()])
        outputs.append(ops.convert_to_numpy(model(x, training=False)))
    assert outputs[0].std() > 0.1
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-4, atol=1e-5)


def test_without_its_head_inception_v3_has_its_published_size():
    model = outline("inception_v3", PAPER, 1000)
    assert set(model.output) == {"logits", "auxiliary_stage2"}
    assert profile(keras.Model(model.input, model.output["logits"])).parameters == 23_817_352


def test_the_auxiliary_head_reads_the_second_stage():
    """Its output depends on no weight of the third, and sees the whole map: 5 by 5 kernels at the paper's size."""
    model = outline("inception_v3", PAPER, 10)
    head = keras.Model(model.input, model.output["auxiliary_stage2"])
    convolutions = [layer for layer in head.layers if isinstance(layer, keras.layers.Conv2D)]
    assert convolutions[-1].output.shape == (None, 1, 1, 768)
    assert convolutions[-1].kernel_size == (5, 5)
    assert all(layer.output.shape[1] >= 17 for layer in convolutions[:-2])
    assert convolutions[-2].output.shape == (None, 5, 5, 128)


@pytest.mark.parametrize(("name", "modules"), [("inception_v3", 2), ("inception_v4", 3)])
def test_the_forks_look_both_ways(name, modules):
    """Two forks in each module of the last stage, each into 1 by 3 and 3 by 1 (figures 7 and 6)."""
    wanted = {"inception_v3": [2, 2], "inception_v4": [3, 3]}[name]  # v4 has one of each before its second fork
    convolutions = [layer for layer in outline(name, PAPER, 10).layers if isinstance(layer, keras.layers.Conv2D)]
    sizes = [layer.kernel_size for layer in convolutions]
    assert [sizes.count((1, 3)), sizes.count((3, 1))] == [count * modules for count in wanted]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "inception_v3", "blocks": [4, 4, 2]}, r"\[4, 4, 2\].* 1 to 3, 1 to 4, 1 or more"),
        ({"name": "inception_v3", "blocks": [3, 0, 2]}, r"\[3, 0, 2\]. At place 2: .* greater than or equal to 1"),
        ({"name": "inception_v4", "blocks": [4, 7]}, r"\[4, 7\].* three stages: 1 or more, 1 or more"),
        ({"name": "inception_resnet_v1", "scales": [0.1, 0.1]}, r"scales is \[0.1, 0.1\].* three shares above 0"),
        ({"name": "inception_resnet_v2", "scales": [0.1, 0, 0.1]}, r"scales is \[0.1, 0.?0?, 0.1\].* three shares"),
    ],
)
def test_wrong_counts_and_scales_are_answered(spec, message):
    with pytest.raises(Exception, match=message):
        outline(spec, PAPER, 10)
