"""Which weights of a network are kernels, and what they stand in: hidden layers, or those that make the outputs."""

from __future__ import annotations

from collections.abc import Collection

import keras
from keras import layers

from archbench.architectures.parted import parts_of
from archbench.architectures.profile import calls
from archbench.layers.picture import Picture


def kernels(layer: keras.Layer) -> list[keras.Variable]:
    """The kernels of a layer or a network: its weights of more than one axis, but for slopes of a PReLU and pictures.

    The others shift or scale a unit: biases, the weights of normalizations, the gains of normalized kernels. The paper
    of PReLU does not decay its slopes either (He et al. 2015, arXiv:1502.01852, section 2.1). A picture
    multiplies nothing: pulled to 0 it would not be simpler, but black.
    """
    others = _identities([*_weights_of(layers.PReLU, layer), *_weights_of(Picture, layer)])
    return [weight for weight in layer.weights if len(weight.shape) > 1 and id(weight) not in others]


def layers_with_kernels(network: keras.Model) -> list[keras.Layer]:
    """The layers of a network that hold a kernel, part by part, input first, as `Model.layers` orders them."""
    return [layer for part in parts_of(network).values() for layer in part.layers if kernels(layer)]


def output_layers(network: keras.Model) -> list[keras.Layer]:
    """The layers that make the outputs: none that multiplies reads what they give, on the way to any output.

    A layer with fixed numbers counts as one that multiplies, as the distances to the codes of LeNet-5 of 1998 do. Of
    several parts the first makes what the others read, and these make the outputs.
    """
    first, *others = parts_of(network).values()
    return [layer for part in others or [first] for layer in _output_layers(part)]


def _output_layers(part: keras.Model) -> list[keras.Layer]:
    made = list(calls(part))
    read: set[int] = set()
    for call in reversed(made):  # readers first
        if call.multiply_adds or id(call) in read:
            read |= _identities(call.sources)
    return [call.operation for call in made if call.multiply_adds and id(call) not in read]


def hidden_kernels(network: keras.Model) -> list[keras.Variable]:
    """The kernels of a network without those that make the outputs and without the tables of embeddings."""
    outer = [weight for layer in output_layers(network) for weight in layer.weights]
    apart = _identities([*outer, *_weights_of(layers.Embedding, network)])
    return [kernel for kernel in kernels(network) if id(kernel) not in apart]


def _weights_of(kind: type[keras.Layer], layer: keras.Layer) -> list[keras.Variable]:
    return [weight for one in layer._flatten_layers() if isinstance(one, kind) for weight in one.weights]


def _identities(things: Collection) -> set[int]:
    """Variables cannot be compared: `==` makes a tensor."""
    return {id(thing) for thing in things}
