"""Deep autoencoder.

Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313, 2006: logistic units but
for a linear code. Differs from the paper: all layers start from random weights by Glorot's rule, where the paper's come
from a stack of restricted Boltzmann machines, and are trained by whatever optimizer is chosen.
"""

import math
from typing import Annotated

import keras
from keras import layers
from pydantic import Field

from archbench.architectures import architecture
from archbench.options import Width
from archbench.parts import Parts

PAPER = Parts(activation="sigmoid", initializer="xavier_normal")

Units = Annotated[tuple[Width, ...], Field(min_length=1, max_length=100)]


@architecture(
    "autoencoder",
    source="Hinton, Salakhutdinov 2006, Science 313",
    task="reconstruction",
    minimum=1,
    paper_input=(28, 28, 1),
    paper_outputs=1,
    swaps=("activation", "normalization", "initializer", "regularizer"),
    smoke={"units": (16, 4)},
    smoke_input=(4, 4, 1),
)
def autoencoder(x, outputs: int, *, units: Units = (1000, 500, 250, 30), parts: Parts = PAPER):
    """Deep autoencoder: dense layers of `units` to a linear code, the last of them, and the same ones back.

    Part `encoder`: `x` (batch, ..., channel) to `code` (batch, last of `units`). Part `decoder`: that to Bernoulli
    logits (batch, ..., `outputs`).
    """
    *hidden, latent = units
    here = layers.Flatten()(x)
    for width in hidden:
        here = parts.dense_unit(here, width)
    encoder = keras.Model(x, {"code": parts.dense(here, latent)}, name="encoder")
    here = code = keras.Input((latent,), name="code")
    for width in reversed(hidden):
        here = parts.dense_unit(here, width)
    return {"encoder": encoder, "decoder": keras.Model(code, picture_logits(here, x, outputs, parts), name="decoder")}


def picture_logits(here, x, outputs: int, parts: Parts):
    """A last dense layer from `here` (batch, unit) to logits in the shape of `x`, with `outputs` channels."""
    shape = (*x.shape[1:-1], outputs)
    return layers.Reshape(shape)(parts.dense(here, math.prod(shape)))
