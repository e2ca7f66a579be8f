"""Cells of recurrent networks that Keras does not have: a GRU of one gate, and an LSTM whose gates see the cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, layers, ops, regularizers


class Cell(layers.Layer):
    """One step of a recurrent layer: several sums x W + h U + b next to each other, each `units` wide."""

    biases: tuple[float, ...]
    """What the bias of each sum starts with."""

    def __init__(
        self,
        units: int,
        *,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units = self.state_size = self.output_size = units
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)

    def build(self, input_shape):
        """W, U and b."""
        width = len(self.biases) * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], width),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, width),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
        )
        begin = lambda shape, dtype=None: ops.repeat(ops.convert_to_tensor(self.biases, dtype), self.units)  # noqa: E731
        self.bias = self.add_weight(shape=(width,), name="bias", initializer=begin)

    def get_config(self):
        """The arguments of the constructor."""
        names = ("kernel_initializer", "recurrent_initializer")
        regular = ("kernel_regularizer", "recurrent_regularizer")
        return {
            **super().get_config(),
            "units": self.units,
            **{name: initializers.serialize(getattr(self, name)) for name in names},
            **{name: regularizers.serialize(getattr(self, name)) for name in regular},
        }

    def _summed(self, x, state) -> list[Any]:
        """Each of the sums, (batch, `units`)."""
        whole = ops.matmul(x, self.kernel) + ops.matmul(state, self.recurrent_kernel) + self.bias
        return ops.split(whole, len(self.biases), axis=-1)


@keras.saving.register_keras_serializable("archbench")
class SimplifiedGRUCell(Cell):
    """A GRU without its reset gate.

    Cho et al. 2014, arXiv:1406.1078, equations 5 to 8 with r = 1 throughout, and the update gate u on the new state, as
    in Chung et al. 2014, arXiv:1412.3555, equation 5: c = tanh(x W + h U + b), h <- u c + (1 - u) h.
    """

    biases = (0.0, 0.0)

    def call(self, inputs, states, training=False):
        """`inputs` (batch, feature) and the state (batch, unit) to the output and the state after it, which is one."""
        (state,) = states
        update, candidate = self._summed(inputs, state)
        update = ops.sigmoid(update)
        state = update * ops.tanh(candidate) + (1 - update) * state
        return state, [state]


@keras.saving.register_keras_serializable("archbench")
class PeepholeLSTMCell(Cell):
    """An LSTM whose gates see the cell, each unit its own: input and forget gate that before the step, the output gate
    that after it.

    Gers, Schmidhuber 2000, "Recurrent nets that time and count", IJCNN; Graves 2013, arXiv:1308.0850, equations 7 to
    11. The sums are those of the input gate, the forget gate, which starts open (bias 1), the candidate and the output
    gate, in Keras's order. Peepholes start at 0.
    """

    biases = (0.0, 1.0, 0.0, 0.0)

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(units, **options)
        self.state_size = [units, units]

    def build(self, input_shape):
        """W, U and b, and a vector of peepholes for each gate."""
        super().build(input_shape)
        self.peepholes = [
            self.add_weight(shape=(self.units,), name=f"{gate}_peephole", initializer="zeros")
            for gate in ("input", "forget", "output")
        ]

    def call(self, inputs, states, training=False):
        """`inputs` (batch, feature) and [output, cell] (batch, unit) to the output and [output, cell] after it."""
        state, cell = states
        take, keep, candidate, tell = self._summed(inputs, state)
        to_take, to_keep, to_tell = self.peepholes
        cell = ops.sigmoid(keep + to_keep * cell) * cell + ops.sigmoid(take + to_take * cell) * ops.tanh(candidate)
        state = ops.sigmoid(tell + to_tell * cell) * ops.tanh(cell)
        return state, [state, cell]
