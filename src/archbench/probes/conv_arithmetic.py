"""The arithmetic of convolutions, layer by layer, beside what the built network says of itself.

Dumoulin, Visin 2016, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, chapter 2, section 5.1;
Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import layers

from archbench.architectures.kernels import kernels
from archbench.architectures.profile import Call, calls
from archbench.architectures.receptive_field import receptive_field
from archbench.probes import probe
from archbench.probes.subject import Subject

POOLS = tuple(getattr(layers, f"{kind}Pooling{rank}D") for kind in ("Max", "Average") for rank in (1, 2, 3))
CONVOLUTIONS = tuple(getattr(layers, f"Conv{rank}D") for rank in (1, 2, 3))
"""Layers whose window moves over the positions of a map."""


@probe("conv_arithmetic", source="Dumoulin, Visin 2016, arXiv:1603.07285; Araujo, Norris, Sim 2019, Distill")
def conv_arithmetic(subjects: Iterator[Subject]) -> dict[str, pd.DataFrame]:
    """Output sizes, receptive fields, parameters and multiply-adds by the formulas, and as the network is built.

    A row a convolution or pooling, input first, of the first part that has any; sides are (height, width), or as many
    as there are. `size`, `parameters` and `multiply_adds` (of an example) are by the formulas, those that end in
    `_built` the layer's own shapes and weights; `field` is how many positions of the input one position of its map
    sees, and `field_seen` on how many of them it hangs in the built network: all kernels are set to the mean over the
    channels, and a single bright row, or column, of the input is moved. It is cut off at the borders of the input.
    """
    rows = []
    for subject in subjects:
        parts = subject.learner().parts.values()
        model = next((part for part in parts if any(map(_windowed, calls(part)))), next(iter(parts)))
        rows += [{"arm": subject.arm, "seed": subject.seed, **row} for row in arithmetic(model)]
    columns = ["arm", "seed", "layer", "kind"]
    return {"layers": pd.DataFrame(rows, columns=list(rows[0]) if rows else columns)}


def arithmetic(model: keras.Model) -> list[dict[str, Any]]:
    """A row a layer, as `conv_arithmetic` says; the weights of `model` are others afterwards."""
    made = list(calls(model))
    chosen = [call for call in made if _windowed(call)]
    seen = _seen(model, [call.operation for call in chosen])
    return [
        {"layer": number, **_row(call, made), "field_seen": _text(field)}
        for number, (call, field) in enumerate(zip(chosen, seen, strict=True), start=1)
    ]


def _windowed(call: Call) -> bool:
    return isinstance(call.operation, (*CONVOLUTIONS, *POOLS))


def _row(call: Call, made: Sequence[Call]) -> dict[str, Any]:
    layer, before, after = call.operation, call.input_shape[1:-1], call.output_shapes[0]
    pools = isinstance(layer, POOLS)
    window = layer.pool_size if pools else layer.kernel_size
    dilation = (1,) * len(window) if pools else layer.dilation_rate
    axes = zip(before, window, layer.strides, dilation, strict=True)
    size = [output_size(*axis, padding=layer.padding) for axis in axes]
    taps = 0 if pools else math.prod(window) * (call.input_shape[-1] // layer.groups) * layer.filters
    bias = 0 if pools or not layer.use_bias else layer.filters
    return {
        "kind": type(layer).__name__,
        "window": _text(window),
        "stride": _text(layer.strides),
        "dilation": _text(dilation),
        "padding": layer.padding,
        "input": _text(before),
        "size": _text(size),
        "size_built": _text(after[1:-1]),
        "parameters": taps + bias,
        "parameters_built": sum(math.prod(weight.shape) for weight in layer.weights),
        "multiply_adds": taps * math.prod(size),
        "multiply_adds_built": call.multiply_adds,
        "field": _text(receptive_field(_up_to(call, made)) or ()),
    }


def output_size(size: int, window: int, stride: int, dilation: int, *, padding: str) -> int:
    """How many times a window fits on one axis: floor((n - d (k - 1) - 1) / s) + 1, and ceil(n / s) where it is padded.

    Relationship 6 of Dumoulin and Visin, and that of dilated windows; "same" pads so that the second holds, "causal" at
    one end.
    """
    if padding == "valid":
        return (size - dilation * (window - 1) - 1) // stride + 1
    return math.ceil(size / stride)


def _up_to(last: Call, made: Sequence[Call]) -> list[Call]:
    """The calls that `last` hangs on, and itself, sources first."""
    needed, pending = set(), [last]
    while pending:
        call = pending.pop()
        if id(call) not in needed:
            needed.add(id(call))
            pending.extend(call.sources)
    return [call for call in made if id(call) in needed]


def _seen(model: keras.Model, chosen: Sequence[layers.Layer]) -> list[tuple[int, ...]]:
    """On how many positions of the input the middle of what each layer gives hangs, axis by axis."""
    if not chosen:
        return []
    inner = {id(layer) for layer in model.layers}
    if any(id(layer) not in inner for layer in chosen):  # of a model within: its own outputs are no outputs of this one
        return [()] * len(chosen)
    _level(model)
    maps = keras.Model(model.inputs, [layer.output for layer in chosen])
    (given, *_), found = model.inputs, []
    for axis, side in enumerate(given.shape[1:-1]):
        bright = np.zeros((side + 1, *given.shape[1:]), "float32")
        for place in range(side):
            bright[(place, *(slice(None),) * axis, place)] = 1.0
        given_maps = keras.tree.flatten(maps.predict_on_batch(bright))
        middles = [one[(slice(None), *(size // 2 for size in one.shape[1:-1]))] for one in given_maps]
        found.append([int((middle[:-1] != middle[-1:]).any(axis=-1).sum()) for middle in middles])
    return list(zip(*found, strict=True))


def _level(model: keras.Model) -> None:
    """Weights with which a brighter input is nowhere lost: kernels take means over channels, and nothing is shifted."""
    known = {id(kernel) for kernel in kernels(model)}
    for weight in model.trainable_weights:
        if id(weight) in known:
            weight.assign(np.full(weight.shape, 1 / max(1, weight.shape[-2]), "float32"))
        elif "beta" in weight.name or "bias" in weight.name:
            weight.assign(np.zeros(weight.shape, "float32"))


def _text(sides: Sequence[int]) -> str:
    return " x ".join(map(str, sides))
