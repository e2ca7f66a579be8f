"""What a network costs: parameters, multiply-adds, memory of activations, depth; and how far it sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from types import MappingProxyType

import keras
from keras import layers

from archbench.architectures.parted import parts_of
from archbench.architectures.receptive_field import receptive_field

FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Profile:
    """The cost of one example's forward pass."""

    parameters: int
    """Trainable weights."""
    parameters_total: int
    """All weights: the moving statistics of batch normalization are not trainable."""
    multiply_adds: int
    """Products of weights and activations; normalization, pooling and activations are not counted."""
    activation_bytes: int
    """The outputs of all operations in float32; training keeps about as much for the backward pass."""
    depth: int
    """The most layers with multiply-adds on one path from input to output."""
    receptive_field: tuple[int, ...] | None
    """Positions of the input, on each axis, that one position of the last map sees; None: no fixed window."""


@dataclass(frozen=True, eq=False)
class Call:
    """One use of an operation in the graph of a network."""

    operation: object
    sources: tuple
    """The calls whose outputs it reads."""
    input_shape: tuple
    output_shapes: list[tuple]

    @property
    def activations(self) -> int:
        """The numbers that it gives for one example."""
        return sum(math.prod(shape[1:]) for shape in self.output_shapes) if self.sources else 0

    @property
    def multiply_adds(self) -> int:
        """Its products of weights and activations for one example."""
        if not self.sources or not isinstance(self.operation, layers.Layer):
            return 0
        return multiply_adds(self.operation, self.input_shape, self.output_shapes[0])


def profile(model: keras.Model, times: Mapping[str, float] = MappingProxyType({}), length: int = 1) -> Profile:
    """The cost of `model`, a functional model or a `Network` of such, read from its graph without running it.

    Of several parts the depth is that of a way through all of them, and the receptive field that of the first;
    `times` says how often an example runs a part, by default once; `length` how long an axis is that varies.
    """
    each = {name: list(calls(part, length)) for name, part in parts_of(model).items()}
    multiplied = {name: sum(call.multiply_adds for call in made) for name, made in each.items()}
    return Profile(
        parameters=_size(model.trainable_weights),
        parameters_total=_size(model.weights),
        multiply_adds=round(sum(times.get(name, 1) * count for name, count in multiplied.items())),
        activation_bytes=FLOAT32_BYTES * sum(call.activations for made in each.values() for call in made),
        depth=sum(_depth(made) for made in each.values()),
        receptive_field=receptive_field(next(iter(each.values()))),
    )


def _depth(made: Sequence[Call]) -> int:
    depth: dict[int, int] = {}
    for call in made:
        before = max((depth[id(source)] for source in call.sources), default=0)
        depth[id(call)] = before + (call.multiply_adds > 0)
    return max(depth.values())


@singledispatch
def multiply_adds(layer: layers.Layer, input_shape: tuple, output_shape: tuple) -> int:
    """Multiply-adds of `layer` for one example; shapes have the batch first, of size None.

    A custom layer with products of its own says so in a method `multiply_adds(input_shape, output_shape)`.
    """
    if hasattr(layer, "multiply_adds"):
        return layer.multiply_adds(input_shape, output_shape)
    if any(len(weight.shape) > 1 for weight in layer.weights):
        raise TypeError(
            f"profile cannot count the layer {layer.name!r}: {type(layer).__name__} has weight matrices "
            f"and no method multiply_adds(input_shape, output_shape)."
        )
    return 0


@multiply_adds.register(layers.Conv1D)
@multiply_adds.register(layers.Conv2D)
@multiply_adds.register(layers.Conv3D)
@multiply_adds.register(layers.DepthwiseConv1D)
@multiply_adds.register(layers.DepthwiseConv2D)
@multiply_adds.register(layers.Dense)
def _kernel_at_each_output(layer, input_shape, output_shape) -> int:
    """A kernel already has the shape of one group, so it is used whole at every position."""
    return _kernel_size(layer) * math.prod(output_shape[1:-1])


@multiply_adds.register(layers.SeparableConv1D)
@multiply_adds.register(layers.SeparableConv2D)
def _separable(layer, input_shape, output_shape) -> int:
    kernels = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
    return kernels * math.prod(output_shape[1:-1])


@multiply_adds.register(layers.Conv1DTranspose)
@multiply_adds.register(layers.Conv2DTranspose)
@multiply_adds.register(layers.Conv3DTranspose)
def _kernel_at_each_input(layer, input_shape, output_shape) -> int:
    return _kernel_size(layer) * math.prod(input_shape[1:-1])


def _kernel_size(layer) -> int:
    """The numbers in the kernel, from the variable: an attribute `kernel` may be computed, which shapes cannot be."""
    return next(math.prod(weight.shape) for weight in layer.weights if weight.name == "kernel")


@multiply_adds.register(layers.RNN)
def _recurrent(layer, input_shape, output_shape) -> int:
    """All weights of the cell but its biases, peepholes too, at each step."""
    return sum(math.prod(weight.shape) for weight in layer.cell.weights if weight.name != "bias") * input_shape[1]


@multiply_adds.register(layers.GRUCell)
@multiply_adds.register(layers.LSTMCell)
def _one_step(layer, input_shape, output_shape) -> int:
    return math.prod(layer.kernel.shape) + math.prod(layer.recurrent_kernel.shape)


@multiply_adds.register(layers.Bidirectional)
def _both_ways(layer, input_shape, output_shape) -> int:
    both = (layer.forward_layer, layer.backward_layer)
    return sum(multiply_adds(one, input_shape, output_shape) for one in both)


@multiply_adds.register(layers.Embedding)
def _table(layer, input_shape, output_shape) -> int:
    """A look-up multiplies nothing."""
    return 0


@multiply_adds.register(layers.ReversibleEmbedding)
def _table_both_ways(layer, input_shape, output_shape) -> int:
    """A look-up adds an axis; the way back is a product with all rows of the table."""
    back = len(input_shape) == len(output_shape)
    return layer.input_dim * layer.output_dim * math.prod(output_shape[1:-1]) if back else 0


@multiply_adds.register(layers.PReLU)
def _activation(layer, input_shape, output_shape) -> int:
    """Slopes are no kernel: activations are not counted."""
    return 0


def calls(model: keras.Model, length: int = 1) -> Iterator[Call]:
    """Every call that the outputs of `model` need, sources first; of a model within it the calls that it is made of.

    Their shapes have `length` where an axis varies.
    """
    yield from _calls(model, {}, length)


def _calls(model: keras.Model, made: dict[tuple[int, int], list[Call]], length: int) -> Iterator[Call]:
    """As `calls`; `made` is filled with the calls behind the outputs of each node, and may hold those of the inputs."""
    pending = [(tensor, False) for tensor in keras.tree.flatten(model.outputs)]
    while pending:  # a loop: the graph of a deep net would exhaust Python's recursion
        tensor, sources_done = pending.pop()
        history = tensor._keras_history
        key = (id(history.operation), history.node_index)
        if key in made:
            continue
        node = history.operation._inbound_nodes[history.node_index]
        if not sources_done:
            pending.append((tensor, True))
            pending.extend((one, False) for one in node.input_tensors)
            continue
        sources = [_behind(one, made) for one in node.input_tensors]
        if isinstance(history.operation, keras.Model):
            inner = {_key(own): [source] for own, source in zip(history.operation.inputs, sources, strict=True)}
            yield from _calls(history.operation, inner, length)
            made[key] = [_behind(own, inner) for own in history.operation.outputs]
            continue
        call = Call(
            operation=history.operation,
            sources=tuple(sources),
            input_shape=_shape(node.input_tensors[0], length) if node.input_tensors else (),
            output_shapes=[_shape(one, length) for one in node.output_tensors],
        )
        made[key] = [call] * len(node.output_tensors)
        yield call


def _shape(tensor: keras.KerasTensor, length: int) -> tuple:
    batch, *sides = tensor.shape
    return batch, *(length if side is None else side for side in sides)


def _key(tensor: keras.KerasTensor) -> tuple[int, int]:
    return id(tensor._keras_history.operation), tensor._keras_history.node_index


def _behind(tensor: keras.KerasTensor, made: Mapping[tuple[int, int], Sequence[Call]]) -> Call:
    """The call that gives `tensor`."""
    return made[_key(tensor)][tensor._keras_history.tensor_index]


def _size(weights) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
