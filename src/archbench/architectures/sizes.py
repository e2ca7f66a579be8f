"""Whether an architecture can read an input of a given size, and whether a network is one that can be built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from archbench.catalogue import Entry
from archbench.errors import UserError

if TYPE_CHECKING:
    import keras


class InputMismatch(UserError):
    """An input that is too small for a network, does not divide as it must, or has the wrong axes."""


class TooLarge(UserError):
    """A network of more layers or parameters than are built."""


MOST_LAYERS = 2_000
"""With weights; ResNet-1001 has half as many."""
MOST_PARAMETERS = 2**31
"""8 GB of float32, and as much again for each number that an optimizer keeps of a weight."""
_layers: ContextVar[int | None] = ContextVar("layers", default=None)
"""How many the network that is being built has so far."""

AXES = {
    "image": "(height, width, channel)",
    "sequence": "(step, feature)",
    "video": "(frame, height, width, channel)",
}
"""What an architecture reads -> the axes of one input; an architecture that reads "any" is not here."""
UNITS = {"image": "pixels a side", "sequence": "steps", "video": "frames and pixels a side"}
"""What the smallest size of each kind of input counts."""


def minimum_size(entry: Entry, options: Mapping[str, Any]) -> int:
    """The fewest pixels of a side (or steps, or frames) that `entry` takes when built with `options`."""
    minimum = entry.facts["minimum"]
    return minimum(**{**entry.options, **options}) if callable(minimum) else minimum


def check_input(entry: Entry, options: Mapping[str, Any], input_shape: Sequence[int]) -> None:
    """Raise `InputMismatch` where `input_shape`, without the batch, is not one that `entry` reads."""
    kind = entry.facts["inputs"]
    if kind not in AXES:
        return
    axes = AXES[kind]
    if len(input_shape) != axes.count(",") + 1:
        raise InputMismatch(
            f"{entry.name} reads {kind}s of shape {axes}, and was given shape {tuple(input_shape)}. "
            f'Choose a data set whose input has these axes; "archbench list datasets" shows them.'
        )
    least = minimum_size(entry, options)
    smallest = min(input_shape[:-1])
    if smallest < least:
        raise InputMismatch(
            f"{entry.name} with these options needs at least {least} {UNITS[kind]}, and was given {smallest} "
            f"(input shape {tuple(input_shape)}). Use larger inputs or an architecture with fewer halvings; "
            f'"archbench show {entry.name}" lists its options.'
        )


def check_multiple(name: str, input_shape: Sequence[int], factor: int) -> None:
    """Raise `InputMismatch` where the height or width in `input_shape` is no multiple of `factor`."""
    for side in input_shape[:2]:
        if side % factor:
            below, above = side // factor * factor, (side // factor + 1) * factor
            raise InputMismatch(
                f"{name} with these options needs sides of a multiple of {factor}, and was given {side}. "
                f"The nearest sizes are {below} and {above}: set one of them in the data set."
            )


@contextmanager
def counted_layers() -> Iterator[None]:
    """A network is built inside: `count_layer` counts from 0."""
    before = _layers.set(0)
    try:
        yield
    finally:
        _layers.reset(before)


def count_layer() -> None:
    """Note one more layer with weights; raises `TooLarge` as soon as a network has too many of them."""
    made = _layers.get()
    if made is None:
        return
    if made == MOST_LAYERS:
        raise TooLarge(
            f"this network would have more than {MOST_LAYERS:,} layers with weights, which is the most that is built. "
            "Choose fewer layers or blocks in its `architecture` in params.yaml."
        )
    _layers.set(made + 1)


def check_parameters(model: keras.Model) -> None:
    """Raise `TooLarge` where `model`, an outline without values, has too many parameters."""
    count = sum(math.prod(variable.shape) for variable in model.variables)
    if count > MOST_PARAMETERS:
        raise TooLarge(
            f"this network would have {count:,} parameters, and at most {MOST_PARAMETERS:,} are built. Choose smaller "
            "options of its `architecture` in params.yaml, or a smaller input in `datasets`."
        )
