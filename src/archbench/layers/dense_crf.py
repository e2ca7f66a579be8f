"""A conditional random field that joins every pixel of a picture with every other.

Krähenbühl, Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials", 2011, arXiv:1210.5644,
equations 1 to 4 and algorithm 1. Differs from the paper: the sums over pairs of pixels are exact, where the
paper approximates them on a lattice, so that memory grows with the square of a picture's pixels; and each kernel is
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
        height, width = logits.shape[1:3]
        if height * width > MOST_PIXELS:
            raise TooManyPixels(
                f"The dense CRF compares every pixel with every other, and {height} x {width} are too many for that: "
                f"it takes at most {MOST_PIXELS:,} pixels. Use smaller pictures, or crf: 0."
            )
        if training:
            return logits
        return ops.map(lambda one: self._refined(*one), (logits, image))

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

    def _refined(self, unary, image):
        """The logarithms of Q for one picture; `unary` (height, width, class), `image` (height, width, channel)."""
        height, width, classes = unary.shape
        weight, near, alike = self.appearance
        places = ops.cast(ops.stack(ops.meshgrid(*map(ops.arange, (height, width)), indexing="ij"), axis=-1), "float32")
        features = ops.concatenate([places / near, image / alike], axis=-1)
        pairs = _kernel(ops.reshape(features, (height * width, -1)))
        own = ops.diagonal(pairs)[:, None]  # 1, but for rounding
        totals = ops.sum(pairs, axis=-1, keepdims=True) - own + 1.0
        belief = unary
        for _ in range(self.iterations):
            q = ops.reshape(ops.softmax(belief, axis=-1), (-1, classes))
            similar = weight * (pairs @ q - own * q) / totals
            belief = unary + ops.reshape(similar, unary.shape) + self._nearby(ops.reshape(q, unary.shape))
        return ops.log_softmax(belief, axis=-1)

    def _nearby(self, q):
        """What the smoothness kernel brings every pixel; `q` and the result (height, width, class).

        A Gaussian of two distances is a product of two, so it needs no matrix of pairs: rows are summed, then columns.
        """
        weight, near = self.smoothness
        rows, columns = (_decay(size, near) for size in q.shape[:2])
        totals = ops.sum(rows, axis=-1)[:, None, None] * ops.sum(columns, axis=-1)[:, None]
        return weight * (ops.einsum("ij,jkc,kl->ilc", rows, q, columns) - q) / totals


def _decay(size: int, deviation: float):
    """exp(-d^2 / 2) of the distances d between `size` places in a row, in units of `deviation`: (place, place)."""
    places = ops.arange(size, dtype="float32") / deviation
    return ops.exp(-0.5 * (places[:, None] - places[None]) ** 2)


def _kernel(features):
    """exp(-|f_i - f_j|^2 / 2) of `features` (pixel, feature): (pixel, pixel)."""
    features = features - ops.mean(features, axis=0)  # small numbers, whose squares lose less
    squares = ops.sum(features**2, axis=-1)
    apart = squares[:, None] + squares[None] - 2.0 * features @ ops.transpose(features)
    return ops.exp(-0.5 * ops.maximum(apart, 0.0))
