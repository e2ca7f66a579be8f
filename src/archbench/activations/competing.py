"""Activations in which the channels of one position compete."""

from typing import Annotated

from keras import ops
from pydantic import Field

from archbench.activations import activation


@activation(
    "maxout",
    source="Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013, arXiv:1302.4389, section 3",
    widening="pieces",
)
def maxout(x, *, pieces: Annotated[int, Field(ge=2, le=64)] = 2):
    """The largest of `pieces` affine maps: h_i = max_j (w_ij . x + b_ij).

    `x` (batch, ..., channel * pieces) to (batch, ..., channel); the pieces of a channel stand side by side. `Parts`
    makes the layer before that much wider, so that a unit keeps its width. The paper has 5 pieces on MNIST and 2 in
    its convolutional nets. Keras has no maxout.
    """
    channels = x.shape[-1] // pieces
    return ops.max(ops.reshape(x, (-1, *x.shape[1:-1], channels, pieces)), axis=-1)


@activation("softmax", source="Bridle 1990, Probabilistic interpretation of feedforward network outputs, NATO ASI F68")
def softmax(x):
    """Shares that add up to 1 over the channels of a position: f_i = exp(x_i) / sum_j exp(x_j)."""
    return ops.softmax(x, axis=-1)
