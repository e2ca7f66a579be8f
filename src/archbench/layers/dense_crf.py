"""A conditional random field that joins every pixel of a picture with every other.

Krähenbühl, Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", 2011, arXiv:1210.5644,
equations 1 to 4 and algorithm 1. Differs from the paper: sums over all pairs of pixels are taken as they stand, where
the paper approximates them on a lattice, so that memory grows with the square of a picture's pixels; and each kernel is
divided by its sum over all pixels, as in the authors' code, so that a weight means the same at every size.
"""

from __future__ import annotations

import math

import keras
from keras import layers, ops

from archbench.errors import UserError

MOST_PIXELS = 128 * 128
"""Of a picture, whose matrix of pairs is then 1 GiB."""


class TooManyPixels(UserError):
    """A picture whose pairs of pixels do not fit into memory."""


@keras.saving.register_keras_serializable("archbench")
class DenseCRF(layers.Layer):
    """Logits refined by the picture that they are of, outside of training; there they pass.

    Two pixels like to have one class the more, the nearer they are and the more alike their colors (`appearance`: the
    weight, and the deviations of distance in pixels and of color in the units of the picture as it is given), and the
    nearer they are (`smoothness`: the weight, and the deviation of distance). `iterations` of mean field.
    """

    def __init__(
        self,
        iterations: int,
        appearance: tuple[float, float, float],
        smoothness: tuple[float, float],
        **options,
    ) -> None:
        super().__init__(**{"dtype": "float32", **options})
        self.iterations, self.appearance, self.smoothness = iterations, tuple(appearance), tuple(smoothness)

    def call(self, logits, image, training=None):
        """`logits` (batch, height, width, class) and `image` (batch, height, width, channel) to log-probabilities.

        Raises `TooManyPixels` for more than `MOST_PIXELS` a picture.
        """
        height, width, classes = logits.shape[1:]
        if height * width > MOST_PIXELS:
            raise TooManyPixels(
                f"The dense CRF compares every pixel with every other, and {height} x {width} are too many for that: "
                f"it takes at most {MOST_PIXELS:,} pixels. Use smaller pictures, or crf: 0."
            )
        if training:
            return logits
        pixels = ops.reshape(image, (-1, height * width, image.shape[-1]))
        unary = ops.reshape(logits, (-1, height * width, classes))
        refined = ops.map(lambda one: self._refined(*one, self._places(height, width)), (unary, pixels))
        return ops.reshape(refined, (-1, height, width, classes))

    def compute_output_shape(self, logits_shape, image_shape):
        """That of the logits."""
        return logits_shape

    def window(self) -> list[tuple[float, int]]:
        """Every pixel sees all."""
        return [(math.inf, 1)] * 2

    def get_config(self):
        """The arguments of the constructor."""
        options = {name: getattr(self, name) for name in ("iterations", "appearance", "smoothness")}
        return {**super().get_config(), **options}

    def _places(self, height: int, width: int):
        """(pixel, 2): the row and the column of each."""
        rows, columns = ops.meshgrid(ops.arange(height), ops.arange(width), indexing="ij")
        return ops.cast(ops.stack([ops.ravel(rows), ops.ravel(columns)], axis=-1), "float32")

    def _refined(self, unary, colors, places):
        """The logarithms of Q for one picture; `unary` (pixel, class), `colors` (pixel, channel)."""
        weight, near, alike = self.appearance
        pairs = weight * _kernel(ops.concatenate([places / near, colors / alike], axis=-1))
        weight, near = self.smoothness
        pairs = pairs + weight * _kernel(places / near)
        belief = unary
        for _ in range(self.iterations):
            belief = unary + pairs @ ops.softmax(belief, axis=-1)
        return ops.log_softmax(belief, axis=-1)


def _kernel(features):
    """exp(-|f_i - f_j|^2 / 2) of `features` (pixel, feature) over its sum for all j, but 0 where j is i."""
    features = features - ops.mean(features, axis=0)  # small numbers, whose squares lose less
    squares = ops.sum(features**2, axis=-1)
    apart = squares[:, None] + squares[None] - 2.0 * features @ ops.transpose(features)
    others = ops.exp(-0.5 * ops.maximum(apart, 0.0)) * (1.0 - ops.eye(features.shape[0]))
    return others / (1.0 + ops.sum(others, axis=-1, keepdims=True))
