"""CapsNet.

Sabour, Frosst, Hinton, "Dynamic Routing Between Capsules", 2017, arXiv:1710.09829, section 4 and procedure 1. Differs
from the paper: none known in the capsules; the decoder reconstructs from the capsule of every class alone, so that the
task can pick those of the true or of the longest ones, where the paper masks before it decodes. The numbers are the
same, and at the paper's size it costs 6 % more products.
"""

import math
from typing import Annotated

import keras
from keras import layers, ops
from pydantic import Field

from archbench.architectures import architecture
from archbench.layers.layouts import Layout
from archbench.options import Side, Width, Widths
from archbench.parts import Parts

EPSILON = 1e-7
"""Added to squared lengths, so that their root has a gradient at zero."""

ROUTED = Layout(inputs=(-4, -2), units=(-3, -1))
"""Of a kernel (lower capsule, capsule, number, dimension): a capsule's total input is a sum over all lower ones."""

AUTHORS = {"name": "truncated_normal", "deviation": 0.1}
PAPER = Parts(initializer="xavier_uniform", initializer_of={"routed": AUTHORS})


@architecture(
    "capsnet",
    source="Sabour, Frosst, Hinton 2017, arXiv:1710.09829, section 4",
    task="capsules",
    minimum=lambda size, **_: 2 * size - 1,
    paper_input=(28, 28, 1),
    paper_outputs=10,
    swaps=("activation", "initializer", "regularizer"),
    smoke={"width": 8, "types": 2, "primary": 4, "dimension": 6, "hidden": (16, 16), "size": 3},
    smoke_input=(8, 8, 1),
)
def capsnet(
    image,
    outputs: int,
    *,
    width: Width = 256,
    types: Width = 32,
    primary: Width = 8,
    dimension: Width = 16,
    routings: Annotated[int, Field(ge=1, le=100)] = 3,
    hidden: Widths = (512, 1024),
    size: Side = 9,
    parts: Parts = PAPER,
):
    """CapsNet: two convolutions, capsules that agree on a class by routing, and a decoder.

    `image` (batch, height, width, channel) to `length` (batch, `outputs`), how sure the network is of each class, and
    `reconstruction` (batch, `outputs`, height, width, channel), logits of the image that the capsule of each class
    alone stands for. `types` kinds of `primary`-dimensional capsules vote for one of `dimension` numbers a class in
    `routings` rounds; `hidden` are the decoder's dense layers and `size` the side of both kernels.
    """
    x = parts.act(parts.conv(image, width, size, padding="valid"))  # (batch, 20, 20, 256) at 28 pixels
    x = parts.conv(x, types * primary, size, 2, padding="valid")
    votes = Squash(dtype="float32")(layers.Reshape((-1, primary))(x))  # (batch, 1152, 8)
    # Agreements are small differences between long sums, and routing is little work: full precision.
    kernel = parts.kernel("routed", ROUTED)
    capsules = Routing(outputs, dimension, routings, **kernel, dtype="float32")(votes)
    x = OneClassAlone()(capsules)
    for units in hidden:
        x = parts.act(parts.dense(x, units))
    pixels = parts.dense(x, math.prod(image.shape[1:]))
    return {
        "length": ops.sqrt(ops.sum(ops.square(capsules), axis=-1) + EPSILON),
        "reconstruction": layers.Reshape((outputs, *image.shape[1:]))(pixels),
    }


def squash(capsules):
    """Equation 1: the vectors along the last axis, shortened to a length of |s|^2 / (1 + |s|^2) below one."""
    squared = ops.sum(ops.square(capsules), axis=-1, keepdims=True)
    return squared / (1.0 + squared) / ops.sqrt(squared + EPSILON) * capsules


@keras.saving.register_keras_serializable("archbench")
class Squash(layers.Layer):
    """`squash` as a layer."""

    def call(self, x):
        """`x` (batch, capsule, number) to the same shape."""
        return squash(x)

    def compute_output_shape(self, input_shape):
        """The same."""
        return input_shape


@keras.saving.register_keras_serializable("archbench")
class Routing(layers.Layer):
    """Procedure 1: every lower capsule predicts every higher one, and listens to those that agree with it.

    Gradients flow through the rounds, which are unrolled. The first round has equal couplings.
    """

    def __init__(
        self, capsules: int, dimension: int, routings: int, routed_initializer, routed_regularizer=None, **options
    ) -> None:
        super().__init__(**options)
        self.capsules, self.dimension, self.routings = capsules, dimension, routings
        # A copy, with the seed that it draws here: the weights of a seed stay what they have been.
        self.initializer = keras.initializers.get(routed_initializer).clone()
        self.regularizer = keras.regularizers.get(routed_regularizer)

    def build(self, input_shape):
        """A matrix for each pair of a lower and a higher capsule."""
        self.kernel = self.add_weight(
            shape=(input_shape[1], self.capsules, input_shape[2], self.dimension),
            initializer=self.initializer,
            regularizer=self.regularizer,
            name="kernel",
        )

    def call(self, x):
        """`x` (batch, lower, number) to (batch, capsule, dimension), each shorter than one."""
        predictions = ops.einsum("bip,iopd->biod", x, self.kernel)
        logits = ops.zeros_like(predictions[..., 0])  # (batch, lower, capsule)
        for last in range(self.routings - 1, -1, -1):
            couplings = ops.softmax(logits, axis=-1)
            output = squash(ops.einsum("bio,biod->bod", couplings, predictions))
            if last:
                logits = logits + ops.einsum("biod,bod->bio", predictions, output)
        return output

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        return (input_shape[0], self.capsules, self.dimension)

    def get_config(self):
        """The arguments of the constructor."""
        own = {name: getattr(self, name) for name in ("capsules", "dimension", "routings")}
        kernel = {
            "routed_initializer": keras.initializers.serialize(self.initializer),
            "routed_regularizer": keras.regularizers.serialize(self.regularizer),
        }
        return {**super().get_config(), **own, **kernel}

    def multiply_adds(self, input_shape, output_shape) -> int:
        """Those of the predictions, of a weighted sum a round, and of the agreements after all rounds but the last."""
        pairs = input_shape[1] * self.capsules * self.dimension
        return pairs * (input_shape[2] + 2 * self.routings - 1)


@keras.saving.register_keras_serializable("archbench")
class OneClassAlone(layers.Layer):
    """For every class, all capsules in a row with those of the other classes set to zero."""

    def call(self, x):
        """`x` (batch, class, number) to (batch, class, class * number)."""
        classes, numbers = x.shape[1:]
        alone = ops.eye(classes, dtype=x.dtype)[:, :, None] * x[:, None]  # (batch, class, class, number)
        return ops.reshape(alone, (-1, classes, classes * numbers))

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        batch, classes, numbers = input_shape
        return (batch, classes, classes * numbers)
