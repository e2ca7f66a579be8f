"""How much of the input one position of a network's last map can see.

A position of a map sees `size` positions of the input, and its neighbor begins `step` positions further. A window of
k positions, d apart and moved by s, makes of (size, step): (size + (k - 1) * d * step, step * s); where paths meet,
the widest counts (Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill).
Borders are not looked at: a field may be larger than the input.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from functools import singledispatch
from typing import Protocol

from keras import layers

Field = tuple[tuple[float, Fraction], ...]
"""For each axis of a map its (size, step); a size of infinity is one that is not known, or all of the input."""

Window = tuple[tuple[float, Fraction], ...]
"""For each axis the positions that one output position spans of the layer's own input, and the step between two."""


class Call(Protocol):
    """One use of an operation in the graph of a network."""

    operation: object
    sources: tuple
    input_shape: tuple
    output_shapes: list[tuple]


def receptive_field(calls: Iterable[Call]) -> tuple[int, ...] | None:
    """The positions of the input, on each axis of a map, that one position of the last map sees.

    `calls` are those of a network, sources first. The last map is the one before global pooling, flattening, or
    whatever else ends the positions; dense layers work at each position alone. None where it is no fixed window:
    there is no map, no layer has a window, or one mixes all positions (recurrent, attention) or does not say which.
    Normalization by moments over positions, which sees all of a map, is left out.
    """
    fields: dict[int, Field | None] = {}
    windowed = False
    for call in calls:
        field = _widest([fields[id(source)] for source in call.sources])
        if not call.sources or isinstance(call.operation, layers.Embedding):
            fields[id(call)] = _whole(call.output_shapes[0], 1)
            continue
        if field is None or len(call.output_shapes[0]) != len(call.input_shape):
            fields[id(call)] = None
            continue
        seen = _window(call)
        windowed = windowed or seen is not None
        fields[id(call)] = field if seen is None else _through(field, seen)
    widest = _widest([field for field in fields.values() if field is not None])
    if not windowed or widest is None or any(math.isinf(size) for size, _ in widest):
        return None
    return tuple(math.ceil(size) for size, _ in widest)


def _whole(shape: tuple, size: float) -> Field | None:
    """A field of `size` on each axis of a map (batch, ..., channel); None for what has no positions."""
    return ((size, Fraction(1)),) * (len(shape) - 2) if len(shape) > 2 else None


def _widest(fields: list[Field | None]) -> Field | None:
    known = [field for field in fields if field is not None]
    if not known:
        return None
    axes = len(known[-1])  # a network may have maps of other axes on the way, such as grids of anchors
    return tuple(max(field[axis] for field in known if len(field) == axes) for axis in range(axes))


def _through(field: Field, seen: Window) -> Field:
    return tuple(
        (size + (span - 1) * step, step * stride) for (size, step), (span, stride) in zip(field, seen, strict=True)
    )


def _window(call: Call) -> Window | None:
    """The window of a call that keeps the number of axes, or None if each position sees itself alone."""
    operation, before, after = call.operation, call.input_shape, call.output_shapes[0]
    if isinstance(operation, layers.Layer):
        return window(operation, before, after)
    if type(operation).__name__ == "Resize":
        return _resized(before, after)
    return None


@singledispatch
def window(layer: layers.Layer, input_shape: tuple, output_shape: tuple) -> Window | None:
    """The window of `layer` on each axis, or None if each position sees itself alone.

    A custom layer says so in a method `window()`: for each axis the positions it spans and its stride. One that has
    none and either weight matrices or an output of another size may see anything.
    """
    if hasattr(layer, "window"):
        return tuple((span, Fraction(stride)) for span, stride in layer.window())
    if any(len(weight.shape) > 1 for weight in layer.weights) or input_shape[1:-1] != output_shape[1:-1]:
        return _whole(input_shape, math.inf)
    return None


@window.register(layers.Dense)
@window.register(layers.Concatenate)
@window.register(layers.ZeroPadding1D)
@window.register(layers.ZeroPadding2D)
@window.register(layers.ZeroPadding3D)
@window.register(layers.Cropping1D)
@window.register(layers.Cropping2D)
@window.register(layers.Cropping3D)
def _none(layer, input_shape, output_shape) -> None:
    """Each position sees itself alone; borders do not count."""


@window.register(layers.RNN)
@window.register(layers.Bidirectional)
@window.register(layers.MultiHeadAttention)
def _all(layer, input_shape, output_shape) -> Window:
    return _whole(input_shape, math.inf)


@window.register(layers.Conv1D)
@window.register(layers.Conv2D)
@window.register(layers.Conv3D)
@window.register(layers.DepthwiseConv1D)
@window.register(layers.DepthwiseConv2D)
@window.register(layers.SeparableConv1D)
@window.register(layers.SeparableConv2D)
def _kernel(layer, input_shape, output_shape) -> Window:
    axes = zip(layer.kernel_size, layer.dilation_rate, layer.strides, strict=True)
    return tuple((1 + (size - 1) * dilation, Fraction(stride)) for size, dilation, stride in axes)


@window.register(layers.Conv1DTranspose)
@window.register(layers.Conv2DTranspose)
@window.register(layers.Conv3DTranspose)
def _transposed_kernel(layer, input_shape, output_shape) -> Window:
    """An output position gets something from every stride-th weight of the kernel."""
    axes = zip(layer.kernel_size, layer.strides, strict=True)
    return tuple((math.ceil(size / stride), Fraction(1, stride)) for size, stride in axes)


@window.register(layers.MaxPooling1D)
@window.register(layers.MaxPooling2D)
@window.register(layers.MaxPooling3D)
@window.register(layers.AveragePooling1D)
@window.register(layers.AveragePooling2D)
@window.register(layers.AveragePooling3D)
def _pool(layer, input_shape, output_shape) -> Window:
    pairs = zip(_each(layer.pool_size, input_shape), _each(layer.strides, input_shape), strict=True)
    return tuple((size, Fraction(stride)) for size, stride in pairs)


@window.register(layers.UpSampling1D)
@window.register(layers.UpSampling2D)
@window.register(layers.UpSampling3D)
def _upsampling(layer, input_shape, output_shape) -> Window:
    spans = 1 if getattr(layer, "interpolation", "nearest") == "nearest" else 2
    return tuple((spans, Fraction(1, factor)) for factor in _each(layer.size, input_shape))


def _resized(input_shape: tuple, output_shape: tuple) -> Window:
    """Interpolation reads the two positions next to a place."""
    sides = zip(input_shape[1:-1], output_shape[1:-1], strict=True)
    return tuple((2, Fraction(before, after)) for before, after in sides)


def _each(value: int | tuple[int, ...], shape: tuple) -> tuple[int, ...]:
    return (value,) * (len(shape) - 2) if isinstance(value, int) else tuple(value)
