"""Normalizations by moments: subtract a mean, divide by a deviation, then scale and shift each channel.

What differs is over which axes of (batch, positions..., channel) the moments are taken. A builder is
called with the number of channels and returns a layer, or None for no normalization. The fact `shifts` says
that a layer adds a number to each channel, so that a bias before it would do nothing. Epsilon is that of
arXiv:1803.08494, 1e-5, where Keras has 1e-3.
"""

import math

import keras
from keras import layers, ops

from archbench.normalizations import normalization
from archbench.options import Fraction, Positive, Width


@normalization("none", source="the network as it was before 2015")
def none(channels: int) -> None:
    """No normalization."""


@normalization("batch", source="Ioffe, Szegedy 2015, arXiv:1502.03167", shifts=True)
def batch(channels: int, *, momentum: Fraction = 0.9, epsilon: Positive = 1e-5, scale: bool = True) -> layers.Layer:
    """scale (x - mean) / sqrt(variance + epsilon) + shift for each channel, with moments over batch and positions.

    In training, over the m values of a channel in the batch: mean = sum x / m, variance = sum (x - mean)^2 / m.
    At test, both are moving averages over the steps of training: average = momentum average + (1 - momentum) new, from
    0 and 1 on, where new is the batch's mean, and its variance times m / (m - 1), which is no longer biased (algorithm
    2, where the average is over batches after training; `momentum` is the share of the old average that a step keeps).

    Without `scale` a channel is shifted and not scaled, as in the Inception nets, where a rectifier and another
    convolution follow.
    """
    return BatchNormalization(momentum=momentum, epsilon=epsilon, scale=scale)


@keras.saving.register_keras_serializable("archbench")
class BatchNormalization(layers.BatchNormalization):
    """Keras's layer, which averages the batches' biased variances, with the average of the unbiased ones.

    Channels are last. A channel of a single value has a variance of 0, which adds nothing.
    """

    def call(self, inputs, training=None):
        """`inputs` (batch, positions..., channel) to the same shape; in training the moving averages take a step."""
        kept = self.momentum * self.moving_variance
        outputs = super().call(inputs, training)
        if training and self.trainable:
            # The step added (1 - momentum) variance; m / (m - 1) of that is all of it and an (m - 1)-th more.
            added = self.moving_variance - kept
            others = ops.cast(math.prod(ops.shape(inputs)[:-1]) - 1, added.dtype)
            self.moving_variance.assign_add(added / ops.maximum(others, 1.0))
        return outputs


@normalization(
    "layer", source="Ba, Kiros, Hinton 2016, arXiv:1607.06450; axes as in arXiv:1803.08494, figure 2", shifts=True
)
def layer(channels: int, *, epsilon: Positive = 1e-5) -> layers.Layer:
    """Moments over positions and channels, for each example."""
    return layers.GroupNormalization(groups=1, epsilon=epsilon)


@normalization("group", source="Wu, He 2018, arXiv:1803.08494", shifts=True)
def group(channels: int, *, groups: Width = 32, epsilon: Positive = 1e-5) -> layers.Layer:
    """Moments over positions and a group of channels, for each example.

    A layer whose channels `groups` does not divide takes their greatest common divisor.
    """
    return layers.GroupNormalization(groups=math.gcd(groups, channels), epsilon=epsilon)


@normalization("instance", source="Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022", shifts=True)
def instance(channels: int, *, epsilon: Positive = 1e-5) -> layers.Layer:
    """Moments over positions, for each example and channel.

    Without positions (after a dense layer, or on a map of one pixel) the deviation is zero and only the
    shift is left: such a net cannot learn, so use it where maps are larger.
    """
    return layers.GroupNormalization(groups=channels, epsilon=epsilon)
