"""Weights and images from a formula in whole numbers: the same on every machine, whatever draws its random numbers."""

from collections.abc import Sequence

import keras
import numpy as np


def as_built(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers with weights in the order of their calls: the model's own order depends on layers without any."""
    weighted = [layer for layer in model.layers if layer.weights]
    return sorted(weighted, key=lambda layer: int(layer.output.name.rpartition("_")[2]))


def formula(shape: Sequence[int], number: int) -> np.ndarray:
    """The `number`-th array of `shape`, its values spread over 0 to 1: n squared times the golden ratio, modulo 1."""
    n = np.arange(np.prod(shape), dtype="uint64") + np.uint64(1 + 1000 * number)
    whole = (n * n * np.uint64(2654435769)) % np.uint64(2**32)
    return (whole / 2**32).reshape(shape)


def formula_weights(model: keras.Model) -> None:
    """Set every weight of `model`: kernels that keep a signal's size, and normalizations that also turn its sign."""
    number = 0
    for layer in as_built(model):
        for weight in layer.weights:
            number += 1
            shape = tuple(weight.shape)
            u = formula(shape, number)
            if len(shape) > 1:
                window = shape[:2] if isinstance(layer, keras.layers.DepthwiseConv2D) else shape[:-1]
                value = (2 * u - 1) * np.sqrt(6 / np.prod(window))
            elif weight.name == "moving_variance":
                value = 0.5 + u
            elif weight.name == "gamma":
                value = (0.5 + u) * np.where(np.arange(len(u)) % 3 == 0, -1, 1)
            else:
                value = 0.4 * u - 0.2
            weight.assign(value.astype("float32"))


def formula_images(shape: Sequence[int]) -> np.ndarray:
    """Images (batch, height, width, channel) of values from -2 to 2."""
    return (4 * formula(shape, 0) - 2).astype("float32")
