"""The nets give the logits of keras.applications, an independent implementation, for the same weights."""

import re

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import _in_outline, build_network, outline
from formula_weights import as_built
from random_weights import random_weights

SHAPE, CLASSES = (64, 64, 3), 1000
KERAS_BATCH_NORM = {"normalization": {"name": "batch", "epsilon": 1.001e-5}}


RESNET = {"conv_bias": True}
RESNET_V2 = {"conv_bias": True, "stride_in_last_block": True, "stride_in_1x1": False}
RAISED = 20.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "spec", "parts"),
    [
        (keras.applications.VGG16, "vgg16", {}),
        (keras.applications.VGG19, "vgg19", {}),
        (keras.applications.ResNet50, {"name": "resnet50", **RESNET}, KERAS_BATCH_NORM),
        (keras.applications.DenseNet121, "densenet121", KERAS_BATCH_NORM),
        (keras.applications.NASNetMobile, {"name": "nasnet_mobile", "zeros_in_pools": True}, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_same_weights_give_the_same_logits(reference, spec, parts):
    theirs = _theirs(reference)
    _assert_agree(build_network(spec, SHAPE, CLASSES, {"initializer": "zeros", **parts}), theirs)


@pytest.mark.parametrize(
    ("reference", "shallower", "spec"),
    [
        (keras.applications.ResNet101, "resnet50", {"name": "resnet101", **RESNET}),
        (keras.applications.ResNet152, "resnet50", {"name": "resnet152", **RESNET}),
        (keras.applications.ResNet101V2, "preact_resnet50", {"name": "preact_resnet101", **RESNET_V2}),
        (keras.applications.ResNet152V2, "preact_resnet50", {"name": "preact_resnet152", **RESNET_V2}),
        (keras.applications.DenseNet169, "densenet121", {"name": "densenet169"}),
        (keras.applications.DenseNet201, "densenet121", {"name": "densenet201"}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_deeper_net_has_the_layers_of_its_reference_one_by_one(reference, shallower, spec):
    """The shallower net of the same builder gives the same logits, so that these differ in how often blocks stand.

    Kind and weights of every layer with weights are compared: how many blocks a stage has; and the outputs of those
    with a kernel: where it halves.
    """
    assert ARCHITECTURES[spec["name"]].build is ARCHITECTURES[shallower].build
    options = {"weights": None, "input_shape": SHAPE, "classes": CLASSES, "classifier_activation": None}
    theirs = _layers(_in_outline(lambda: reference(**options)))
    assert _layers(outline(spec, SHAPE, CLASSES, KERAS_BATCH_NORM)) == theirs
    assert len(theirs) > int(re.sub(r"\D", "", spec["name"]))


def _layers(model: keras.Model) -> list[tuple]:
    """What each layer with weights is, in the order of the calls."""
    found = []
    for layer in as_built(model):
        shapes = [tuple(weight.shape) for weight in layer.weights]
        found.append((type(layer).__name__, shapes, layer.output.shape if len(shapes[0]) > 1 else None))
    return found


@pytest.mark.slow
def test_resnet_v2_gives_the_same_logits_where_its_border_of_zeros_wins_no_maximum():
    """Raised by a constant, which the normalization behind takes off again, the pooled maps are all above the border.

    That it pools first and normalizes then is no difference: the factors of `random_weights` are positive.
    """
    theirs = _theirs(keras.applications.ResNet50V2)
    first, normalization, *_ = as_built(theirs)
    first.bias.assign(first.bias + RAISED)
    normalization.moving_mean.assign(normalization.moving_mean + RAISED)
    pooled = keras.Model(theirs.inputs, theirs.get_layer("pool1_pad").input)
    assert ops.min(pooled(_images())) > 0
    spec = {"name": "preact_resnet50", **RESNET_V2}
    ours = build_network(spec, SHAPE, CLASSES, {"initializer": "zeros", **KERAS_BATCH_NORM})
    _assert_agree(ours, theirs)


def _theirs(reference) -> keras.Model:
    model = reference(weights=None, input_shape=SHAPE, classes=CLASSES, classifier_activation=None)
    model.set_weights(random_weights(model))
    return model


def _images() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(2, *SHAPE)).astype("float32")


def _assert_agree(ours: keras.Model, theirs: keras.Model) -> None:
    """`ours` gives the logits of `theirs` with the same weights."""
    values = iter([value for layer in as_built(theirs) for value in layer.get_weights()])
    for layer in as_built(ours):  # two of ours may stand for one of theirs, as for a separable convolution
        layer.set_weights([next(values) for _ in layer.weights])
    assert not list(values)
    expected = ops.convert_to_numpy(theirs(_images(), training=False))
    assert expected.std() > 0.1  # logits of 0 would agree with anything
    found = ops.convert_to_numpy(ours(_images(), training=False))
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.std())
