"""Layers that compute with a normalized form of their kernel and train what it is made from."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from archbench.layers.grouped import GroupedConv2D
from archbench.layers.layouts import Layout, kernels_of

NORMALIZABLE = (
    layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D, GroupedConv2D,
    layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose,
    layers.DepthwiseConv1D, layers.DepthwiseConv2D,
)  # fmt: skip
"""The layers whose kernel can be normalized: those that have one."""

SMALLEST = 1e-12
"""The length below which a vector counts as zero and stays as it is."""


class KernelNormalized:
    """Over a layer of Keras: its `kernel` is the normalized one, `trained_kernel` the variable behind it."""

    layout: Layout

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
        """The trained kernel in full precision as a matrix (incoming weight, unit): the papers' W, transposed."""
        return self.layout.columns(ops.cast(self.trained_kernel, self.variable_dtype))

    def _as_kernel(self, columns):
        """A matrix (incoming weight, unit) in the kernel's own layout."""
        return self.layout.kernel(columns, self.trained_kernel.shape)

    def _size(self):
        """How many incoming weights a unit has, and how many units there are."""
        shape = self.trained_kernel.shape
        incoming, _ = self.layout.fans(shape)
        return incoming, math.prod(shape) // incoming


class WeightNormalized(KernelNormalized):
    """w = g v / |v| for each unit's incoming vector: `trained_kernel` is v, `gain` is g.

    Salimans, Kingma 2016, arXiv:1602.07868, equation 2. g starts at |v|, so that the net starts as without; the
    paper's start, which gives each unit mean 0 and deviation 1 on a first batch, would need data. The penalty of a
    regularizer is that of w: v has no length of its own.
    """

    def build(self, input_shape):
        """Adds `gain` (unit,)."""
        super().build(input_shape)
        _, units = self._size()
        self.gain = self.add_weight(shape=(units,), initializer=self._first_gain, name="gain")
        if self.trained_kernel.regularizer is not None:
            self.trained_kernel.regularizer = PenaltyOfNormalized(self, self.trained_kernel.regularizer)

    def normalized_kernel(self):
        """g v / |v|."""
        columns = self._columns()
        gain = ops.cast(self.gain, self.variable_dtype)
        return self._as_kernel(columns * (gain / _lengths(columns)))

    def _first_gain(self, shape, dtype=None):
        return ops.cast(_lengths(self._columns()), dtype)


class PenaltyOfNormalized(keras.Regularizer):
    """The penalty of a layer's normalized kernel, in the place of that of the variable behind it."""

    def __init__(self, layer: layers.Layer, regularizer: keras.Regularizer) -> None:
        self.layer, self.regularizer = layer, regularizer

    def __call__(self, variable):
        """The penalty; `variable` is what the normalized kernel is made from."""
        return self.regularizer(self.layer.normalized_kernel())


class SpectrallyNormalized(KernelNormalized):
    """The kernel divided by its largest singular value, found by power iteration: `trained_kernel` is W.

    Miyato, Kataoka, Koyama, Yoshida 2018, arXiv:1802.05957, algorithm 1. A training step takes one iteration,
    v <- W'u / |W'u|, then u <- Wv / |Wv|, and divides by sigma = u'Wv, both held constant in the gradient; inference
    takes none and divides by the u'Wv of the last ones. W stays what the optimizer made it; Keras's
    SpectralNormalization overwrites it with W / sigma at every step. A kernel is read as a matrix (unit, incoming
    weight), one for all groups.
    """

    def build(self, input_shape):
        """Adds `u` (unit,) and `v` (incoming weight,), the estimates of the first singular vectors."""
        super().build(input_shape)
        incoming, units = self._size()
        self.u = self.add_weight(shape=(units,), initializer=_random_unit, trainable=False, name="u")
        self.v = self.add_weight(shape=(incoming,), initializer=self._first_v, trainable=False, name="v")

    def call(self, inputs, training=False):
        """The layer's own output, after one power iteration in training."""
        if training and self.trainable:
            columns, u = ops.stop_gradient(self._columns()), self._vector(self.u)
            v = _unit(ops.matmul(columns, u))
            image = ops.matmul(v, columns)
            self.v.assign(v)
            # A kernel of zeros, with which a net may start, leaves u as it is: from a u of 0 no iteration comes back.
            self.u.assign(ops.where(ops.norm(image) > SMALLEST, _unit(image), u))
        return super().call(inputs)

    def normalized_kernel(self):
        """W / sigma."""
        columns = self._columns()
        sigma = ops.sum(self._vector(self.u) * ops.matmul(self._vector(self.v), columns))
        return self._as_kernel(columns / ops.where(sigma > SMALLEST, sigma, 1.0))

    def _vector(self, variable):
        """`variable` in full precision, constant in the gradient."""
        return ops.stop_gradient(ops.cast(variable, self.variable_dtype))

    def _first_v(self, shape, dtype=None):
        return ops.cast(_unit(ops.matmul(self._columns(), self._vector(self.u))), dtype)


def _lengths(columns):
    """The Euclidean length of each column; 1 for one of zeros."""
    squares = ops.sum(ops.square(columns), axis=0)
    there = squares > SMALLEST**2
    return ops.where(there, ops.sqrt(ops.where(there, squares, 1.0)), 1.0)


def _unit(vector):
    return vector / ops.maximum(ops.norm(vector), SMALLEST)


def _random_unit(shape, dtype=None):
    """A vector of length 1 in a random direction."""
    return _unit(keras.initializers.RandomNormal()(shape, dtype))


def _layers_of(mixin: type, prefix: str) -> dict[type[layers.Layer], type[layers.Layer]]:
    """Each kind of `NORMALIZABLE` -> the layer that is it and `mixin`, registered so that networks can be loaded."""
    made: dict[type[layers.Layer], Any] = {}
    for kind in NORMALIZABLE:
        (layout,) = kernels_of(kind).values()
        name = f"{prefix}{kind.__name__}"
        layer = type(name, (mixin, kind), {"layout": layout, "__module__": __name__, "__doc__": mixin.__doc__})
        made[kind] = keras.saving.register_keras_serializable("archbench")(layer)
    return made


WEIGHT_NORMALIZED = _layers_of(WeightNormalized, "WeightNormalized")
SPECTRALLY_NORMALIZED = _layers_of(SpectrallyNormalized, "SpectrallyNormalized")
