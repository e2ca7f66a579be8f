"""Which entries of a kernel are the incoming weights of one unit: known here, for every kernel there is.

Limits on a unit's incoming vector, normalizations of kernels and initial weights that depend on how many inputs a
unit has all ask a `Layout`. A unit is one output of a layer, or one channel of its output where weights are shared by
all positions; the weights through which the layer's inputs reach it are its incoming vector.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers, ops

from archbench.layers.recurrent import Cell


@keras.saving.register_keras_serializable("archbench")
class Layout:
    """A kernel, each of whose axes counts inputs, units, or the places of a window.

    `inputs` are the axes that count inputs, `units` those that count units. An axis may do both: then every input has
    units of its own, as in a depthwise convolution. In `groups` above 1 inputs and units are split into as many parts,
    and a unit reads the inputs of its part, which are all that its axis counts.
    """

    def __init__(self, inputs: Sequence[int] = (-2,), units: Sequence[int] = (-1,), groups: int = 1) -> None:
        self.inputs, self.units, self.groups = tuple(inputs), tuple(units), groups

    def fans(self, shape: Sequence[int]) -> tuple[Any, Any]:
        """How many weights of a kernel of `shape` lead to one unit, and how many start from one input.

        All places of a window count. A transposed convolution of stride s uses only one of s at each position; as
        other libraries do, this looks at the kernel alone.
        """
        axes = range(-len(shape), 0)
        fan_in = math.prod(shape[axis] for axis in axes if axis not in self.units)
        fan_out = math.prod(shape[axis] for axis in axes if axis not in self.inputs) // self.groups
        return fan_in, fan_out

    def blocks(self, shape: Sequence[int]) -> int:
        """The parts of a kernel of `shape` that share neither inputs nor units; those of one stand side by side."""
        return self.groups * math.prod(shape[axis] for axis in self.inputs if axis in self.units)

    def columns(self, kernel: Any) -> Any:
        """`kernel` as a matrix (incoming weight, unit): the transpose of the papers' W."""
        fan_in, _ = self.fans(kernel.shape)
        return ops.reshape(ops.transpose(kernel, self._order(kernel.shape)), (fan_in, -1))

    def kernel(self, columns: Any, shape: Sequence[int]) -> Any:
        """The kernel of `shape` whose `columns` these are."""
        order = self._order(shape)
        moved = ops.reshape(columns, [shape[axis] for axis in order])
        return ops.transpose(moved, sorted(range(len(order)), key=order.__getitem__))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"inputs": self.inputs, "units": self.units, "groups": self.groups}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Layout:
        """The inverse of `get_config`."""
        return cls(**config)

    def _order(self, shape: Sequence[int]) -> list[int]:
        """All axes, those of the units last."""
        rank = len(shape)
        units = [axis + rank for axis in self.units]
        return [axis for axis in range(rank) if axis not in units] + units


PLAIN = Layout()
"""(window..., input, unit): dense layers, convolutions, all gates of recurrent layers, and tables, whose input is one
of so many tokens."""
TRANSPOSED = Layout(inputs=(-1,), units=(-2,))
"""(window..., unit, input): transposed convolutions."""
DEPTHWISE = Layout(inputs=(-2,), units=(-2, -1))
"""(window..., input, unit of this input): depthwise convolutions."""

KERNELS: Mapping[type[layers.Layer], Mapping[str, Layout]] = {
    kind: kernels
    for kinds, kernels in (
        ((layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D), {"kernel": PLAIN}),
        ((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), {"kernel": TRANSPOSED}),
        ((layers.DepthwiseConv1D, layers.DepthwiseConv2D), {"depthwise": DEPTHWISE}),
        ((layers.SeparableConv1D, layers.SeparableConv2D), {"depthwise": DEPTHWISE, "pointwise": PLAIN}),
        (
            (layers.LSTM, layers.GRU, layers.SimpleRNN, layers.LSTMCell, layers.GRUCell, Cell),
            {"kernel": PLAIN, "recurrent": PLAIN},
        ),
        ((layers.Embedding,), {"embeddings": PLAIN}),
    )
    for kind in kinds
}
"""A layer of Keras -> the layout of each of its kernels, by the word before `_initializer` and `_regularizer`."""


def kernels_of(kind: type[layers.Layer], groups: int = 1) -> dict[str, Layout]:
    """The layouts of the kernels of `kind`, which is in `KERNELS` or derived from one that is, in `groups`."""
    base = next(base for base in kind.__mro__ if base in KERNELS)
    if groups == 1:
        return dict(KERNELS[base])
    return {name: Layout(layout.inputs, layout.units, groups) for name, layout in KERNELS[base].items()}


def layout_from(config: Any) -> Layout:
    """A layout, or the one that Keras stored in its place."""
    return config if isinstance(config, Layout) else keras.saving.deserialize_keras_object(config)
