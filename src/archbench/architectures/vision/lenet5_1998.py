"""LeNet-5 as it was in 1998.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE
86(11), 1998, section II.B. Differs from the paper: the bitmaps of the ten codes are drawn anew; the outputs
are minus the squared distances, so that softmax cross-entropy on them is the paper's competitive loss
(equation 9) without its constant "rubbish" term; kernels of C3 start as if all six maps were connected;
sub-sampling starts as a plain average.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from archbench.architectures import architecture
from archbench.architectures.vision.digit_codes import digit_codes
from archbench.parts import Parts

C3_TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
"""Table I of the paper: the maps of S2 that each of the 16 maps of C3 reads."""

PAPER = Parts(activation="scaled_tanh", initializer="lecun_1998")


@architecture(
    "lenet5_1998",
    source="LeCun, Bottou, Bengio, Haffner 1998, Proc. IEEE 86(11), section II.B",
    task="classification",
    inputs="image",
    minimum=16,
    paper_input=(32, 32, 1),
    paper_outputs=10,
    swaps=("activation", "initializer", "regularizer"),
    smoke={"units": 16},
    smoke_input=(16, 16, 1),
)
def lenet5_1998(
    image,
    outputs: int,
    *,
    units: int = 120,
    parts: Parts = PAPER,
):
    """LeNet-5, 1998 form: sparse C3, trainable sub-sampling, distances to fixed bitmaps of the digits.

    `image` (batch, height, width, channel) to logits (batch, `outputs`), minus the squared distance of F6
    to each code; `outputs` is at most ten. `units` is the width of C5; F6 has the 84 units of a code.
    """
    x = parts.act(parts.conv(image, 6, 5, padding="valid"))  # C1
    x = parts.act(TrainableSubsampling()(x))  # S2
    x = parts.act(SparseConv2D(C3_TABLE, 5, **parts.kernel())(x))  # C3
    x = parts.act(TrainableSubsampling()(x))  # S4, (batch, 5, 5, 16) at 32 pixels
    x = parts.act(parts.dense(layers.Flatten()(x), units))  # C5
    codes = digit_codes(outputs)
    x = parts.act(parts.dense(x, codes.shape[1]))  # F6
    # Distances of about 100 are compared by their differences: half precision would round those away.
    return CodeDistance(outputs, dtype="float32")(x)


@keras.saving.register_keras_serializable("archbench")
class TrainableSubsampling(layers.Layer):
    """The sum of each 2 by 2 square, times a coefficient and plus a bias that every map has of its own."""

    def build(self, input_shape):
        """A coefficient and a bias for each map."""
        maps, average = (input_shape[-1],), keras.initializers.Constant(0.25)
        self.coefficient = self.add_weight(shape=maps, initializer=average, name="coefficient")
        self.bias = self.add_weight(shape=maps, initializer="zeros", name="bias")

    def call(self, x):
        """`x` (batch, 2h, 2w, map) to (batch, h, w, map)."""
        return 4 * ops.average_pool(x, (2, 2), (2, 2)) * self.coefficient + self.bias

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        batch, height, width, maps = input_shape
        return (batch, height // 2, width // 2, maps)

    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Span and stride of each spatial axis."""
        return ((2, 2), (2, 2))

    def multiply_adds(self, input_shape, output_shape) -> int:
        """One product an output."""
        return math.prod(output_shape[1:])


@keras.saving.register_keras_serializable("archbench")
class SparseConv2D(layers.Layer):
    """A valid convolution whose output maps each read only some input maps; missing links have no weights.

    `table` lists, for every output map, the input maps it reads.
    """

    def __init__(self, table, size: int, kernel_initializer, kernel_regularizer, **options):
        super().__init__(**options)
        self.table, self.size = tuple(tuple(row) for row in table), size
        self.initializer = keras.initializers.get(kernel_initializer)
        self.regularizer = keras.regularizers.get(kernel_regularizer)
        self.links = [(source, target) for target, row in enumerate(self.table) for source in row]

    def build(self, input_shape):
        """A weight for every pixel of a link, a bias for every output map."""
        self.maps = input_shape[-1]
        self.weight = self.add_weight(
            shape=(self.size, self.size, len(self.links)),
            initializer=self._linked_only,
            regularizer=self.regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(len(self.table),), initializer="zeros", name="bias")

    def call(self, x):
        """`x` (batch, height, width, map) to (batch, height - size + 1, width - size + 1, map)."""
        # A product with a matrix of zeros and ones puts the weights in their places of a dense kernel:
        # unlike a scatter, it is quick and the same on every backend.
        places = np.zeros((len(self.links), self.maps * len(self.table)), "float32")
        for link, (source, target) in enumerate(self.links):
            places[link, source * len(self.table) + target] = 1.0
        kernel = ops.matmul(self.weight, ops.convert_to_tensor(places, self.compute_dtype))
        kernel = ops.reshape(kernel, (self.size, self.size, self.maps, len(self.table)))
        return ops.conv(x, kernel, padding="valid") + self.bias

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        batch, height, width, _ = input_shape
        return (batch, height - self.size + 1, width - self.size + 1, len(self.table))

    def get_config(self):
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "table": self.table,
            "size": self.size,
            "kernel_initializer": keras.initializers.serialize(self.initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.regularizer),
        }

    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Span and stride of each spatial axis."""
        return ((self.size, 1), (self.size, 1))

    def multiply_adds(self, input_shape, output_shape) -> int:
        """Those of the links there are, not of the dense kernel they are computed with."""
        return math.prod(output_shape[1:-1]) * self.size**2 * len(self.links)

    def _linked_only(self, shape, dtype=None):
        full = self.initializer((self.size, self.size, self.maps, len(self.table)), dtype=dtype)
        return ops.stack([full[:, :, source, target] for source, target in self.links], axis=-1)


@keras.saving.register_keras_serializable("archbench")
class CodeDistance(layers.Layer):
    """Minus the squared Euclidean distance to the code of each of the first `outputs` digits."""

    def __init__(self, outputs: int, **options):
        super().__init__(**options)
        self.outputs = outputs

    def call(self, x):
        """`x` (batch, 84) to (batch, `outputs`)."""
        codes = ops.convert_to_tensor(digit_codes(self.outputs), x.dtype)
        return -ops.sum(ops.square(x[:, None, :] - codes[None]), axis=-1)

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        return (input_shape[0], self.outputs)

    def get_config(self):
        """The arguments of the constructor."""
        return {**super().get_config(), "outputs": self.outputs}

    def multiply_adds(self, input_shape, output_shape) -> int:
        """One square a component of a code."""
        return self.outputs * input_shape[-1]
