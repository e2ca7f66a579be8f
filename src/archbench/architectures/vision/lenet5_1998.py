"""LeNet-5 as it was in 1998.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE
86(11), 1998, section II.B. Differs from the paper: the bitmaps of the ten codes are drawn anew; the outputs
are minus the squared distances, so that softmax cross-entropy on them is the paper's competitive loss
(equation 9) without its constant "rubbish" term; sub-sampling starts as a plain average.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from archbench.architectures import architecture
from archbench.architectures.vision.digit_codes import digit_codes
from archbench.layers.layouts import Layout
from archbench.options import Width
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
    units: Width = 120,
    parts: Parts = PAPER,
):
    """LeNet-5, 1998 form: sparse C3, trainable sub-sampling, distances to fixed bitmaps of the digits.

    `image` (batch, height, width, channel) to logits (batch, `outputs`), minus the squared distance of F6
    to each code; `outputs` is at most ten. `units` is the width of C5; F6 has the 84 units of a code.
    """
    x = parts.act(parts.conv(image, 6, 5, padding="valid"))  # C1
    x = parts.act(TrainableSubsampling()(x))  # S2
    x = parts.act(SparseConv2D(C3_TABLE, 5, **parts.kernel(layout=Linked(C3_TABLE)))(x))  # C3
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
class Linked(Layout):
    """The kernel (height, width, link) of a convolution whose output maps each read only some input maps.

    `table` lists, for every output map, the input maps it reads. The links to one output map are its incoming weights.
    """

    def __init__(self, table) -> None:
        super().__init__(groups=len(table))  # no two output maps share a link
        self.table = tuple(tuple(row) for row in table)
        self.links = [(source, target) for target, row in enumerate(self.table) for source in row]
        self.maps = 1 + max(source for source, _ in self.links)

    def fans(self, shape):
        """For every link, how many weights lead to its output map, and how many start from its input map."""
        sources, targets = np.array(self.links).T
        window = math.prod(shape[:-1])
        return window * np.bincount(targets)[targets], window * np.bincount(sources)[sources]

    def columns(self, kernel):
        """`kernel` as a matrix (weight of a window over all input maps, output map), zero where no link is."""
        return ops.reshape(self.dense(kernel), (-1, len(self.table)))

    def kernel(self, columns, shape):
        """The kernel of `shape` whose `columns` these are."""
        dense = ops.reshape(columns, (*shape[:-1], self.maps * len(self.table)))
        return ops.matmul(dense, ops.transpose(self._places(columns.dtype)))

    def dense(self, kernel):
        """The kernel (height, width, input map, output map) of a plain convolution."""
        # A product with a matrix of zeros and ones puts the weights in their places: unlike a scatter, it is quick and
        # the same on every backend.
        placed = ops.matmul(kernel, self._places(kernel.dtype))
        return ops.reshape(placed, (*kernel.shape[:-1], self.maps, len(self.table)))

    def get_config(self):
        """The arguments of the constructor."""
        return {"table": self.table}

    def _places(self, dtype):
        """Zeros and ones (link, input map * output map)."""
        places = np.zeros((len(self.links), self.maps * len(self.table)), "float32")
        for link, (source, target) in enumerate(self.links):
            places[link, source * len(self.table) + target] = 1.0
        return ops.convert_to_tensor(places, dtype)


@keras.saving.register_keras_serializable("archbench")
class SparseConv2D(layers.Layer):
    """A valid convolution whose output maps each read only some input maps; missing links have no weights.

    `table` lists, for every output map, the input maps it reads.
    """

    def __init__(self, table, size: int, kernel_initializer, kernel_regularizer, **options):
        super().__init__(**options)
        self.layout, self.size = Linked(table), size
        self.initializer = keras.initializers.get(kernel_initializer)
        self.regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        """A weight for every pixel of a link, a bias for every output map."""
        self.weight = self.add_weight(
            shape=(self.size, self.size, len(self.layout.links)),
            initializer=self.initializer,
            regularizer=self.regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(len(self.layout.table),), initializer="zeros", name="bias")

    def call(self, x):
        """`x` (batch, height, width, map) to (batch, height - size + 1, width - size + 1, map)."""
        return ops.conv(x, self.layout.dense(ops.convert_to_tensor(self.weight)), padding="valid") + self.bias

    def compute_output_shape(self, input_shape):
        """The shape `call` gives."""
        batch, height, width, _ = input_shape
        return (batch, height - self.size + 1, width - self.size + 1, len(self.layout.table))

    def get_config(self):
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            "table": self.layout.table,
            "size": self.size,
            "kernel_initializer": keras.initializers.serialize(self.initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.regularizer),
        }

    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Span and stride of each spatial axis."""
        return ((self.size, 1), (self.size, 1))

    def multiply_adds(self, input_shape, output_shape) -> int:
        """Those of the links there are, not of the dense kernel they are computed with."""
        return math.prod(output_shape[1:-1]) * self.size**2 * len(self.layout.links)


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
