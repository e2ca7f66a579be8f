"""Networks that a notebook gives to `train`: those that `network` returned, and models of the user's own.

Each becomes an entry of the catalogue of this process, named by what it holds, which builds a copy with its weights.
One that `network` returned keeps the facts of its architecture: its task, what the heads count that only help to train,
and what fits it where no gradients do. A model of the user's own is taken to answer as a classifier does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import keras

from archbench.architectures import ARCHITECTURES
from archbench.architectures.parted import Network, parts_of
from archbench.errors import UserError, listed

if TYPE_CHECKING:
    from archbench.catalogue import Spec

ANSWERS_ALIKE = "softmax_regression"
"""The architecture whose task a model of the user's own is taken to answer, unless `task` says otherwise."""
DECIDED_BY_DATA = ("vocabulary", "examples", "positions")
"""The options of architectures that a data set decides (see `archbench.training.fitted`)."""
Shape = tuple[int | None, ...]


class OtherOutputs(UserError):
    """A network that answers with another number of outputs than the data set asks for."""


class OtherInputs(UserError):
    """A network that reads inputs of another shape, or another number of tokens or examples, than a data set has."""


class UnknownNetwork(UserError):
    """A model that does not say what it reads, or of whose parts nothing says what they are for."""


@dataclass(frozen=True)
class Made:
    """What a network is made for."""

    shapes: Mapping[str, Shape]
    """Array that it reads -> the shape of one example."""
    outputs: int
    facts: Mapping[str, Any]
    """Its task, and what else an architecture says of how it trains."""
    module: str
    """The module of the code that it is of."""
    sizes: Mapping[str, Any]
    """Options of its architecture that a data set decides, as they were given."""


_MADE: WeakKeyDictionary[keras.Model, Made] = WeakKeyDictionary()


def remember(model: keras.Model, spec: Spec, shape: Sequence[int | None], outputs: int) -> keras.Model:
    """Keep what `network` made a model for, as long as there is this model."""
    entry, options = ARCHITECTURES.resolve(spec)
    facts = {name: entry.facts[name] for name in ("task", *ARCHITECTURES.takes) if name in entry.facts}
    sizes = {name: value for name, value in {**entry.options, **options}.items() if name in DECIDED_BY_DATA}
    *reads, _ = entry.positional
    _MADE[model] = Made(dict.fromkeys(reads, tuple(shape)), outputs, facts, entry.module, sizes)
    return model


def given(model: keras.Model) -> str:
    """The name, in the catalogue of this process, of an architecture that is a copy of `model` with its weights.

    It is the same for the same network. Raises `UnknownNetwork`.
    """
    made, kept = _MADE.get(model) or _own(model), model.get_weights()
    flat = None if isinstance(model, Network) else _flat(model)
    name = f"given_{_digest(model, made, kept)}"
    if name in {entry.name for entry in ARCHITECTURES}:
        return name

    def build(*inputs: Any, **sizes: Any) -> Any:
        """A network that was given, with its weights."""
        *tensors, outputs = inputs
        _check(made, tensors, outputs, sizes)
        copy = keras.models.clone_model(flat, tensors) if flat else keras.models.clone_model(model)
        copy.set_weights(kept)
        return copy.output if flat else copy.parts

    build.__module__ = made.module
    build.__signature__ = Signature(
        [
            *(Parameter(one, Parameter.POSITIONAL_OR_KEYWORD) for one in (*made.shapes, "outputs")),
            *(Parameter(one, Parameter.KEYWORD_ONLY, default=size) for one, size in made.sizes.items()),
        ]
    )
    shape = next(iter(made.shapes.values()))
    facts = {"minimum": 1, "paper_input": shape, "paper_outputs": made.outputs, "swaps": (), "smoke": {}, **made.facts}
    ARCHITECTURES.declare(name, source="a network that was given", smoke_input=shape, **facts)(build)
    return name


def _flat(model: keras.Model) -> keras.Model:
    """A model of one part from a list of inputs, so that its layers stand in whatever network a copy becomes."""
    return keras.Model(model.inputs, model.outputs[0] if isinstance(model, keras.Sequential) else model.output)


def _own(model: keras.Model) -> Made:
    """What a model is for that `network` did not make, as far as it says."""
    if isinstance(model, Network):
        raise UnknownNetwork(
            f"The network has the parts {listed(model.parts)}, and only one that archbench.network returned says which "
            "task knows them. Build one of that architecture, and give it these weights: "
            "net.set_weights(other.get_weights())."
        )
    tensors = getattr(model, "inputs", None)
    if not tensors:
        raise UnknownNetwork(
            "The model does not say what it reads. Make it of inputs and outputs, keras.Model(inputs, outputs), or a "
            "keras.Sequential that begins with keras.Input."
        )
    names = [one.name for one in tensors] if len(tensors) > 1 else ["x"]
    shapes = {name: tuple(one.shape[1:]) for name, one in zip(names, tensors, strict=True)}
    return Made(shapes, model.outputs[0].shape[-1], {"task": ARCHITECTURES[ANSWERS_ALIKE].facts["task"]}, __name__, {})


def _check(made: Made, tensors: Sequence[keras.KerasTensor], outputs: int, sizes: Mapping[str, Any]) -> None:
    """Raise `OtherInputs` or `OtherOutputs` where a data set is none for a network."""
    for own, tensor in zip(made.shapes.values(), tensors, strict=True):
        shape = tuple(tensor.shape[1:])
        if len(shape) != len(own) or any(side not in (None, has) for side, has in zip(own, shape, strict=True)):
            raise OtherInputs(
                f"The network reads inputs of shape {own}, and those of the data set have {shape}. Build it for these, "
                "or give a data set of that shape."
            )
    for name, size in sizes.items():
        if size != made.sizes[name]:
            raise OtherInputs(
                f"The network is built for {made.sizes[name]} {name}, and the data set has {size}. Build it with "
                f"{name}={size}."
            )
    if outputs != made.outputs:
        raise OtherOutputs(
            f"The network answers with {made.outputs} outputs, and the data set asks for {outputs}. Give the last "
            f"layer {outputs} units, or archbench.network {outputs} outputs."
        )


def _digest(model: keras.Model, made: Made, weights: Sequence[Any]) -> str:
    """Ten hexadecimal digits of all that a network holds, and of what it is for."""
    configs = {name: part.get_config() for name, part in parts_of(model).items()}
    told = (configs, made.shapes, made.outputs, made.facts, made.module, made.sizes)
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    for weight in weights:
        digest.update(weight.tobytes())
    return digest.hexdigest()[:10]
