"""Means taken away: every picture loses what all pictures have in common, and its contrast stays."""

from __future__ import annotations

import keras
import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.preprocessing import preprocessor
from archbench.preprocessing._statistics import statistic


class NoMeanImage(UserError):
    """A mean image of data that are no pictures."""


@preprocessor("mean_image", source="Krizhevsky et al. 2012, section 2 (the mean activity of each pixel)")
def mean_image(card: Card) -> keras.Layer:
    """x - mean of each pixel and channel over the training split alone; of pictures only.

    The unit stays that of the data set. Raises `NoMeanImage`. Computes in float32 whatever the precision of the
    network: bfloat16 cannot tell 255 from 254.
    """
    if "mean_image" not in card.statistics:
        raise NoMeanImage(
            f"The preprocessing 'mean_image' is for pictures, and the data set {card.name!r} holds {card.input} of "
            f"shape {card.input_shape}. Choose 'channel_mean' or 'standardize' for it in params.yaml."
        )
    mean = np.asarray(card.statistics["mean_image"])
    return keras.layers.Normalization(
        axis=(1, 2, 3), mean=mean.tolist(), variance=np.ones_like(mean).tolist(), dtype="float32", name="mean_image"
    )


@preprocessor("channel_mean", source="Simonyan & Zisserman 2014, section 2.1, arXiv:1409.1556")
def channel_mean(card: Card) -> keras.Layer:
    """x - mean of each channel or feature over the training split alone.

    The unit stays that of the data set. Computes in float32 whatever the precision of the network.
    """
    offset = -statistic(card, "mean")
    return keras.layers.Rescaling(1.0, offset.tolist(), dtype="float32", name="channel_mean")
