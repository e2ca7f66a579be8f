"""Weights for comparing two builds of one network: a fresh network's zeros and ones would hide a mistake."""

import keras
import numpy as np

POSITIVE = ("gamma", "moving_variance", "first", "shares", "rest")
"""What is divided by, or taken the logarithm of, as of the tables of n-grams of each length."""


def random_weights(model: keras.Model) -> list[np.ndarray]:
    """A value for every weight of `model`, such that signals keep their size from layer to layer."""
    random = np.random.default_rng(0)
    values = []
    for weight in model.weights:
        shape = tuple(weight.shape)
        if len(shape) > 1:
            value = random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        elif weight.name.rstrip("_0123456789") in POSITIVE:
            value = random.uniform(0.5, 1.5, shape)
        else:
            value = random.normal(0, 0.1, shape)
        values.append(value.astype("float32"))
    return values
