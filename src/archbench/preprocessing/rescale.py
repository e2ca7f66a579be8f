"""Rescaling to [0, 1]."""

from __future__ import annotations

import keras
import numpy as np

from archbench.datasets.card import Card
from archbench.preprocessing import preprocessor
from archbench.preprocessing._statistics import statistic


@preprocessor("rescale", source='Han, Kamber, Pei 2011, "Data Mining", section 3.5.2, min-max normalization')
def rescale(card: Card) -> keras.Layer:
    """(x - minimum) / (maximum - minimum), both from the training split alone.

    A picture has one minimum and maximum for all its channels, so colors keep their balance; features and
    sequences have their own for each. What never changes in training becomes 0. Computes in float32.
    """
    low, high = (statistic(card, name) for name in ("minimum", "maximum"))
    if len(card.input_shape) == 3:
        low, high = low.min(), high.max()
    scale = 1 / np.where(high > low, high - low, 1.0)
    return keras.layers.Rescaling(scale.tolist(), (-low * scale).tolist(), dtype="float32", name="rescale")
