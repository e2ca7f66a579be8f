"""Initial weights that keep lengths and angles."""

import keras
from keras import ops

from archbench.initializers import initializer
from archbench.layers.layouts import PLAIN, Layout, layout_from
from archbench.options import Positive


@initializer("orthogonal", source="Saxe, McClelland, Ganguli 2013, arXiv:1312.6120")
def orthogonal(layout: Layout = PLAIN, *, gain: Positive = 1.0) -> keras.initializers.Initializer:
    """A random orthogonal matrix times `gain`; deviation gain / sqrt(n) on an n by n matrix.

    The matrix is (weight that leads to a unit, unit); groups of a convolution, and channels of a depthwise one, have a
    matrix each.
    """
    return Orthogonal(gain, layout)


@keras.saving.register_keras_serializable("archbench")
class Orthogonal(keras.initializers.Initializer):
    """`gain` times orthonormal columns, or rows where these are fewer, in each block of a kernel of this `layout`."""

    def __init__(self, gain: float, layout: Layout = PLAIN, seed: int | None = None) -> None:
        self.gain, self.layout, self.seed = gain, layout_from(layout), seed
        self.draw = keras.initializers.RandomNormal(0.0, 1.0, seed=seed)

    def __call__(self, shape, dtype=None):
        """Weights of `shape`."""
        columns = self.layout.columns(self.draw(shape, dtype))
        inputs, units = columns.shape
        blocks = self.layout.blocks(shape)
        stack = ops.transpose(ops.reshape(columns, (inputs, blocks, units // blocks)), (1, 0, 2))
        wide = inputs < units // blocks
        q, r = ops.qr(ops.swapaxes(stack, 1, 2) if wide else stack)
        # R's diagonal may have either sign; with all of them positive Q is uniform.
        q = q * ops.sign(ops.diagonal(r, axis1=1, axis2=2))[:, None]
        stack = ops.swapaxes(q, 1, 2) if wide else q
        columns = ops.reshape(ops.transpose(stack, (1, 0, 2)), (inputs, units))
        return self.gain * self.layout.kernel(columns, shape)

    def get_config(self):
        """The arguments of the constructor."""
        return {"gain": self.gain, "layout": keras.saving.serialize_keras_object(self.layout), "seed": self.seed}
