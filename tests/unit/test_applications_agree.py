"""VGG and ResNet give the logits of keras.applications, an independent implementation, for the same weights."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from random_weights import random_weights

SHAPE, CLASSES = (64, 64, 3), 1000
KERAS_BATCH_NORM = {"normalization": {"name": "batch", "epsilon": 1.001e-5}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "spec", "parts"),
    [
        (keras.applications.VGG16, "vgg16", {}),
        (keras.applications.VGG19, "vgg19", {}),
        (keras.applications.ResNet50, {"name": "resnet50", "conv_bias": True}, KERAS_BATCH_NORM),
    ],
)
def test_same_weights_give_the_same_logits(reference, spec, parts):
    theirs = reference(weights=None, input_shape=SHAPE, classes=CLASSES, classifier_activation=None)
    ours = build_network(spec, SHAPE, CLASSES, parts)
    weights = random_weights(theirs)
    theirs.set_weights(weights)
    ours.set_weights(weights)
    x = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype("float32")
    expected = ops.convert_to_numpy(theirs(x, training=False))
    assert expected.std() > 0.1  # logits of 0 would agree with anything
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x, training=False)), expected, atol=1e-4 * expected.std())
