"""How large a network may be: held while it is built, before there is memory for its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from archbench.errors import UserError

if TYPE_CHECKING:
    import keras


class TooLarge(UserError):
    """A network of more layers or parameters than are built."""


MOST_LAYERS = 2_000
"""With weights; ResNet-1001 has half as many."""
MOST_PARAMETERS = 2**31
"""8 GB of float32, and as much again for each number that an optimizer keeps of a weight."""
_layers: ContextVar[int | None] = ContextVar("layers", default=None)
"""How many the network that is being built has so far."""


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
