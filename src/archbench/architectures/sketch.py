"""A network as one would sketch it on paper: its layers by the size of their maps, from the input to the outputs.

Layers that make maps of about one size, one after the other, form a stage: that is how the tables of papers about
ResNets and their kin tell of a net. A stage knows from which other stages it reads, so a skip connection is seen.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import keras

from archbench.architectures.parted import parts_of
from archbench.architectures.profile import Call, calls

ALIKE = 1.7
"""Maps with so many times the positions of others, or fewer, are about as large: unpadded layers cut a little off."""
TOLD = ("Pool", "UpSampling", "Resize", "Dense")
"""In the names of classes of layers that are told without a matrix of their own: one transposed is another layer's."""
ACTIVATIONS = {name.replace("_", "").lower() for name in dir(keras.activations)}
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass
class Stage:
    """Layers whose maps are of about one size."""

    part: str
    """The part of the network that it belongs to; `network` where that is whole."""
    shape: tuple[int, ...]
    """Of what its last layer gives, without the batch."""
    layers: list[tuple[str, str]] = field(default_factory=list)
    """What each layer is and how wide, `("3×3 conv", "64")`, in order; the width is empty where it has none."""
    parameters: int = 0
    """All weights of its layers, each counted where the layer is first used."""
    sources: list[int] = field(default_factory=list)
    """The places of the other stages that it reads from, among all stages."""


@dataclass(frozen=True)
class Sketch:
    """The stages of a network, and what stands between its layers."""

    stages: Sequence[Stage]
    between: Sequence[str]
    """Normalizations, activations and dropout, the most frequent first."""


def sketch(model: keras.Model) -> Sketch:
    """The sketch of a functional model, or of a `Network` of such; its graph is read and nothing is run."""
    stages: list[Stage] = []
    between: Counter[str] = Counter()
    counted: set[int] = set()
    for part, one in parts_of(model).items():
        _read(list(calls(one)), part, stages, between, counted)
    return Sketch(stages, [name for name, _ in between.most_common()])


def _read(made: Sequence[Call], part: str, stages: list[Stage], between: Counter[str], counted: set[int]) -> None:
    """Add the stages of one part; `counted` are the layers whose weights stand in a stage already."""
    first, at = len(stages), {}  # call -> its stage; none of what comes before any layer that is told
    early = 0
    for call in made:
        before = sorted({at[id(source)] for source in call.sources if at[id(source)] is not None})
        place = before[-1] if before else None
        joined = {id(source) for source in call.sources if at[id(source)] is not None}  # a mask of the input is none
        if _is_told(call, len(joined)):
            place = _place(call.output_shapes[0][1:], place, stages, first, part)
            stage = stages[place]
            stage.layers.append((_kind(call.operation), _width(call)))
            stage.shape = tuple(call.output_shapes[0][1:])
        elif between_name := _between(call):
            between[between_name] += 1
        at[id(call)] = place
        if place is not None:
            stages[place].sources += [one for one in before if one != place and one not in stages[place].sources]
        size = _weights(call.operation, counted)
        if place is None:
            early += size
        else:
            stages[place].parameters += size
    if early and len(stages) > first:
        stages[first].parameters += early


def _place(shape: Sequence[int], place: int | None, stages: list[Stage], first: int, part: str) -> int:
    """The stage of a layer that gives `shape` and reads from the stage `place`: that one, a later one, or a new one."""
    for later in range(first if place is None else place, len(stages)):
        if _alike(shape, stages[later].shape):
            return later
    stages.append(Stage(part, tuple(shape)))
    return len(stages) - 1


def _alike(shape: Sequence[int], other: Sequence[int]) -> bool:
    here, there = math.prod(shape[:-1]), math.prod(other[:-1])
    return (here == 1) == (there == 1) and max(here, there) <= ALIKE * min(here, there)


def _is_told(call: Call, joined: int) -> bool:
    """Whether a sketch shows it: what has a matrix of weights, what joins several, what changes the size of a map."""
    if not call.sources:
        return False
    name = type(call.operation).__name__
    matrix = any(len(weight.shape) > 1 for weight in getattr(call.operation, "weights", ()))
    return matrix or joined > 1 or any(word in name for word in TOLD)


def _weights(operation: object, counted: set[int]) -> int:
    if id(operation) in counted:
        return 0
    counted.add(id(operation))
    return sum(math.prod(weight.shape) for weight in getattr(operation, "weights", ()))


def _kind(operation: object) -> str:
    """`3×3 conv`, `2×2 max pooling`, `dense`, `bidirectional LSTM`."""
    name = type(operation).__name__
    if isinstance(operation, keras.layers.Bidirectional):
        return f"bidirectional {_kind(operation.forward_layer)}"
    sides = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None) or ()
    sides = sides if isinstance(sides, tuple | list) else (sides,)
    kernel = "×".join(str(side) for side in sides)
    return f"{kernel} {_words(name)}".strip()


def _words(name: str) -> str:
    """`MaxPooling2D` as `max pooling`, `Conv2DTranspose` as `transposed conv`; an abbreviation as it is."""
    plain = re.sub(r"\d[Dd]", "", name).replace("UpSampling", "Upsampling")
    if plain.endswith("Transpose"):
        return f"transposed {_words(plain.removesuffix('Transpose'))}"
    return " ".join(word if word.isupper() else word.lower() for word in WORDS.split(plain))


def _width(call: Call) -> str:
    """How many channels or units it has; of what only joins or pools nothing, since the stage tells its shape."""
    if not getattr(call.operation, "weights", ()):
        return ""
    shape = call.output_shapes[0][1:]
    return str(shape[-1]) if shape else ""


def _between(call: Call) -> str:
    name = type(call.operation).__name__
    if name.lower() in ACTIVATIONS - {"linear"}:
        return name.lower()
    return _words(name) if "Normalization" in name or "Dropout" in name else ""
