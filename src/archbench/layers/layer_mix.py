"""One vector for each word out of those that the layers of a network give it."""

from __future__ import annotations

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class LayerMix(layers.Layer):
    """gamma times the mean of the layers, in which each counts the softmax of a number of its own.

    Peters et al. 2018, arXiv:1802.05365, equation 1. All layers count alike at first, and gamma starts at 1.
    """

    def build(self, input_shape):
        """The numbers whose softmax it is, and gamma."""
        self.mixed = self.add_weight(shape=(input_shape[-2],), name="mixed", initializer="zeros")
        self.gamma = self.add_weight(shape=(), name="gamma", initializer="ones")

    def call(self, x):
        """`x` (batch, word, layer, feature) to (batch, word, feature)."""
        return self.gamma * ops.einsum("bwlf,l->bwf", x, ops.softmax(self.mixed))

    def compute_output_shape(self, input_shape):
        """Without the axis of the layers."""
        return (*input_shape[:-2], input_shape[-1])
