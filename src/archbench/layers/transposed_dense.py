"""A dense layer by the transpose of another one's weights: tied weights.

Vincent, Larochelle, Lajoie, Bengio, Manzagol 2010, "Stacked Denoising Autoencoders", JMLR 11, section 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("archbench")
class TransposedDense(layers.Layer):
    """From the units of `source`, a `Dense` layer that is built, to its inputs: by its kernel, and a bias of its own.

    The kernel belongs to `source` alone, which may stand in another part of the network. A saved layer knows it by its
    name, and is told which it is when the network is whole again.
    """

    def __init__(self, source: layers.Dense | str, width: int | None = None, **options):
        super().__init__(**options)
        self.width = source.kernel.shape[0] if width is None else width
        self._borrow(source)

    def _borrow(self, source: layers.Dense | str) -> None:
        object.__setattr__(self, "source", source)  # past Keras's tracking: its weights are no weights of this layer

    def find(self, candidates: Iterable[keras.Layer]) -> None:
        """Take the one of `candidates` that has the name of the source for it."""
        if isinstance(self.source, str):
            self._borrow(next(layer for layer in candidates if layer.name == self.source))

    def build(self, input_shape):
        """The bias (input of `source`,)."""
        self.bias = self.add_weight(shape=(self.width,), initializer="zeros", name="bias")

    def call(self, x):
        """`x` (batch, unit of `source`) to (batch, input of `source`)."""
        return ops.matmul(x, ops.cast(ops.transpose(self.source.kernel), x.dtype)) + self.bias

    def compute_output_shape(self, input_shape):
        """The inputs of `source` last."""
        return (*input_shape[:-1], self.width)

    def multiply_adds(self, input_shape, output_shape) -> int:
        """Each unit by each input."""
        return input_shape[-1] * output_shape[-1]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, the source by its name."""
        name = self.source if isinstance(self.source, str) else self.source.name
        return {**super().get_config(), "source": name, "width": self.width}
