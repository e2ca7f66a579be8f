"""Layers that compute with a normalized form of their kernel and train what it is made from."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

UNITS: dict[type[layers.Layer], int] = {
    layers.Dense: -1,
    layers.Conv1D: -1,
    layers.Conv2D: -1,
    layers.Conv3D: -1,
    layers.Conv1DTranspose: -2,
    layers.Conv2DTranspose: -2,
    layers.Conv3DTranspose: -2,
}
"""The layers whose kernel can be normalized -> the axis of the kernel that counts their units."""

SMALLEST = 1e-12
"""The length below which a vector counts as zero and stays as it is."""


class KernelNormalized:
    """Over a layer of Keras: its `kernel` is the normalized one, `trained_kernel` the variable behind it."""

    units_axis: int

    def build(self, input_shape):
        """The layer's own weights; what a normalization adds comes after them."""
        super().build(input_shape)
        self.trained_kernel = next(weight for weight in self.weights if weight.name == "kernel")

    @property
    def kernel(self):
        """The kernel that the layer computes with."""
        return ops.cast(self.normalized_kernel(), self.compute_dtype)

    @kernel.setter
    def kernel(self, variable):
        """Some layers of Keras set their variable by this name; `build` finds it among the weights."""

    def normalized_kernel(self):
        """The kernel in full precision."""
        raise NotImplementedError

    def save_own_variables(self, store):
        """All variables: Keras's layers would store `kernel` and leave out what is beside it."""
        layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """The inverse of `save_own_variables`."""
        layers.Layer.load_own_variables(self, store)

    def _columns(self):
        """The trained kernel in full precision as a matrix (inputs of a unit, unit)."""
        kernel = ops.cast(self.trained_kernel, self.variable_dtype)
        kernel = ops.moveaxis(kernel, self.units_axis, -1)
        return ops.reshape(kernel, (-1, kernel.shape[-1]))

    def _as_kernel(self, columns):
        """A matrix (inputs of a unit, unit) in the kernel's own layout."""
        shape = list(self.trained_kernel.shape)
        units = shape.pop(self.units_axis)
        return ops.moveaxis(ops.reshape(columns, (*shape, units)), -1, self.units_axis)


class WeightNormalized(KernelNormalized):
    """w = g v / |v| for each unit's incoming vector: `trained_kernel` is v, `gain` is g.

    Salimans, Kingma 2016, arXiv:1602.07868, equation 2. g starts at |v|, so that the net starts as without; the
    paper's start, which gives each unit mean 0 and deviation 1 on a first batch, would need data. The penalty of a
    regularizer is that of w: v has no length of its own.
    """

    def build(self, input_shape):
        """Adds `gain` (unit,)."""
        super().build(input_shape)
        units = (self.trained_kernel.shape[self.units_axis],)
        self.gain = self.add_weight(shape=units, initializer=self._first_gain, name="gain")
        if self.kernel_regularizer is not None:
            self.trained_kernel.regularizer = PenaltyOfNormalized(self)

    def normalized_kernel(self):
        """g v / |v|."""
        columns = self._columns()
        gain = ops.cast(self.gain, self.variable_dtype)
        return self._as_kernel(columns * (gain / _lengths(columns)))

    def _first_gain(self, shape, dtype=None):
        return ops.cast(_lengths(self._columns()), dtype)


class PenaltyOfNormalized(keras.Regularizer):
    """The penalty of a layer's normalized kernel, in the place of that of the variable behind it."""

    def __init__(self, layer: layers.Layer) -> None:
        self.layer = layer

    def __call__(self, variable):
        """The penalty; `variable` is what the normalized kernel is made from."""
        return self.layer.kernel_regularizer(self.layer.normalized_kernel())


class SpectrallyNormalized(KernelNormalized):
    """The kernel divided by its largest singular value, found by power iteration: `trained_kernel` is W.

    Miyato, Kataoka, Koyama, Yoshida 2018, arXiv:1802.05957, algorithm 1: one iteration a training step, the singular
    vectors held constant in the gradient. W stays what the optimizer made it; Keras's SpectralNormalization
    overwrites it with W / sigma at every step. A kernel is read as a matrix (unit, inputs of a unit).
    """

    def build(self, input_shape):
        """Adds `direction` (unit,), the estimate of the first singular vector."""
        super().build(input_shape)
        units = (self.trained_kernel.shape[self.units_axis],)
        self.direction = self.add_weight(shape=units, initializer="random_normal", trainable=False, name="direction")

    def call(self, inputs, training=False):
        """The layer's own output, after one power iteration in training."""
        if training and self.trainable:
            columns = ops.stop_gradient(self._columns())
            self.direction.assign(_unit(ops.matmul(self._image(columns), columns)))
        return super().call(inputs)

    def normalized_kernel(self):
        """W / sigma."""
        columns = self._columns()
        image = self._image(ops.stop_gradient(columns))
        direction = ops.stop_gradient(_unit(ops.cast(self.direction, self.variable_dtype)))
        sigma = ops.sum(image * ops.matmul(columns, direction))
        return self._as_kernel(columns / ops.where(sigma > SMALLEST, sigma, 1.0))

    def _image(self, columns):
        """The other singular vector (input,), from `direction`."""
        return _unit(ops.matmul(columns, _unit(ops.cast(self.direction, self.variable_dtype))))


def _lengths(columns):
    """The Euclidean length of each column; 1 for one of zeros."""
    squares = ops.sum(ops.square(columns), axis=0)
    there = squares > SMALLEST**2
    return ops.where(there, ops.sqrt(ops.where(there, squares, 1.0)), 1.0)


def _unit(vector):
    return vector / ops.maximum(ops.norm(vector), SMALLEST)


def _layers_of(mixin: type, prefix: str) -> dict[type[layers.Layer], type[layers.Layer]]:
    """Each kind of `UNITS` -> the layer that is it and `mixin`, registered so that networks can be loaded."""
    made: dict[type[layers.Layer], Any] = {}
    for kind, axis in UNITS.items():
        name = f"{prefix}{kind.__name__}"
        layer = type(name, (mixin, kind), {"units_axis": axis, "__module__": __name__, "__doc__": mixin.__doc__})
        made[kind] = keras.saving.register_keras_serializable("archbench")(layer)
    return made


WEIGHT_NORMALIZED = _layers_of(WeightNormalized, "WeightNormalized")
SPECTRALLY_NORMALIZED = _layers_of(SpectrallyNormalized, "SpectrallyNormalized")
