"""The nets give the logits of keras.applications, an independent implementation, for the same weights."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
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
        (keras.applications.ResNet101, {"name": "resnet101", **RESNET}, KERAS_BATCH_NORM),
        (keras.applications.ResNet152, {"name": "resnet152", **RESNET}, KERAS_BATCH_NORM),
        (keras.applications.DenseNet121, "densenet121", KERAS_BATCH_NORM),
        (keras.applications.DenseNet169, "densenet169", KERAS_BATCH_NORM),
        (keras.applications.DenseNet201, "densenet201", KERAS_BATCH_NORM),
        (keras.applications.NASNetMobile, {"name": "nasnet_mobile", "zeros_in_pools": True}, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_same_weights_give_the_same_logits(reference, spec, parts):
    theirs = _theirs(reference)
    _assert_agree(build_network(spec, SHAPE, CLASSES, {"initializer": "zeros", **parts}), theirs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "name"),
    [
        (keras.applications.ResNet50V2, "preact_resnet50"),
        (keras.applications.ResNet101V2, "preact_resnet101"),
        (keras.applications.ResNet152V2, "preact_resnet152"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_resnet_v2_gives_the_same_logits_where_its_border_of_zeros_wins_no_maximum(reference, name):
    """Raised by a constant, which the normalization behind takes off again, the pooled maps are all above the border.

    That it pools first and normalizes then is no difference: the factors of `random_weights` are positive.
    """
    theirs = _theirs(reference)
    first, normalization, *_ = as_built(theirs)
    first.bias.assign(first.bias + RAISED)
    normalization.moving_mean.assign(normalization.moving_mean + RAISED)
    pooled = keras.Model(theirs.inputs, theirs.get_layer("pool1_pad").input)
    assert ops.min(pooled(_images())) > 0
    ours = build_network({"name": name, **RESNET_V2}, SHAPE, CLASSES, {"initializer": "zeros", **KERAS_BATCH_NORM})
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
