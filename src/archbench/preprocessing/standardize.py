"""Standardization: zero mean and unit deviation. LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.3."""

from __future__ import annotations

import keras
import numpy as np

from archbench.datasets.card import Card
from archbench.preprocessing import preprocessor
from archbench.preprocessing._statistics import statistic


@preprocessor("standardize", source='LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.3')
def standardize(card: Card) -> keras.Layer:
    """(x - mean) / deviation for each channel or feature, both from the training split alone.

    A feature that never changes in training is only centred. Computes in float32 whatever the precision of
    the network: bfloat16 cannot tell 255 from 254.
    """
    mean, deviation = statistic(card, "mean"), statistic(card, "deviation")
    variance = np.where(deviation > 0, deviation, 1.0) ** 2
    return keras.layers.Normalization(
        axis=-1, mean=mean.tolist(), variance=variance.tolist(), dtype="float32", name="standardize"
    )
