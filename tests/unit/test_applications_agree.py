"""The nets give the logits of keras.applications, an independent implementation, for the same weights."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from random_weights import random_weights

SHAPE, CLASSES = (64, 64, 3), 1000
KERAS_BATCH_NORM = {"normalization": {"name": "batch", "epsilon": 1.001e-5}}


RESNET = {"conv_bias": True}
RESNET_V2 = {"conv_bias": True, "stride_in_last_block": True, "stride_in_1x1": False}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "spec", "parts"),
    [
        (keras.applications.VGG16, "vgg16", {}),
        (keras.applications.VGG19, "vgg19", {}),
        (keras.applications.ResNet50, {"name": "resnet50", **RESNET}, KERAS_BATCH_NORM),
        (keras.applications.ResNet101, {"name": "resnet101", **RESNET}, KERAS_BATCH_NORM),
        (keras.applications.ResNet152, {"name": "resnet152", **RESNET}, KERAS_BATCH_NORM),
        (keras.applications.ResNet50V2, {"name": "preact_resnet50", **RESNET_V2}, KERAS_BATCH_NORM),
        (keras.applications.ResNet101V2, {"name": "preact_resnet101", **RESNET_V2}, KERAS_BATCH_NORM),
        (keras.applications.ResNet152V2, {"name": "preact_resnet152", **RESNET_V2}, KERAS_BATCH_NORM),
        (keras.applications.DenseNet121, "densenet121", KERAS_BATCH_NORM),
        (keras.applications.DenseNet169, "densenet169", KERAS_BATCH_NORM),
        (keras.applications.DenseNet201, "densenet201", KERAS_BATCH_NORM),
        (keras.applications.NASNetMobile, {"name": "nasnet_mobile", "zeros_in_pools": True}, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_same_weights_give_the_same_logits(reference, spec, parts):
    theirs = reference(weights=None, input_shape=SHAPE, classes=CLASSES, classifier_activation=None)
    ours = build_network(spec, SHAPE, CLASSES, {"initializer": "zeros", **parts})
    theirs.set_weights(random_weights(theirs))
    for mine, other in zip(_as_built(ours), _as_built(theirs), strict=True):
        mine.set_weights(other.get_weights())
    x = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype("float32")
    expected = ops.convert_to_numpy(theirs(x, training=False))
    assert expected.std() > 0.1  # logits of 0 would agree with anything
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x, training=False)), expected, atol=1e-4 * expected.std())


def _as_built(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers with weights in the order of their calls: the model's own order depends on layers without any."""
    weighted = [layer for layer in model.layers if layer.weights]
    return sorted(weighted, key=lambda layer: int(layer.output.name.rpartition("_")[2]))
