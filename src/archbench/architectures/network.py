"""From a spec, an input shape and a number of outputs to a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras

from archbench.architectures import ARCHITECTURES
from archbench.architectures.sizes import check_input
from archbench.catalogue import Entry, Spec
from archbench.layers.limits import check_parameters, counted_layers
from archbench.parts import NotAUnit, Parts, WrongParts

NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


def build_network(
    spec: Spec, input_shape: Sequence[int], outputs: int, parts: Mapping[str, Any] = NO_CHANGES
) -> keras.Model:
    """The network that `spec` names, for inputs of `input_shape` (without the batch) and `outputs` outputs.

    `parts` swaps pieces of the architecture's own: `{"activation": "gelu"}`. Raises a `UserError` for an
    unknown name, option or part, for a part the architecture has no place for, for an input it cannot read, and for
    too many layers.
    """
    entry, options = ARCHITECTURES.resolve(spec)
    check_input(entry, options, input_shape)
    if parts:
        options["parts"] = swapped_parts(entry, parts)
    inputs = keras.Input(tuple(input_shape), name="input")
    with counted_layers():
        made = keras.tree.map_structure(_in_float32, entry(inputs, outputs, **options))
    return keras.Model(inputs, made, name=entry.name)


def _in_float32(output):
    """Under mixed precision too, losses and scores are computed in full precision."""
    return output if output.dtype == "float32" else keras.ops.cast(output, "float32")


def load_network(path: Path) -> keras.Model:
    """The network saved at `path` (a `.keras` file), on whichever backend runs; loads no code from the file."""
    return keras.saving.load_model(path, safe_mode=True)


def swapped_parts(entry: Entry, changes: Mapping[str, Any]) -> Parts:
    """The parts of `entry` with `changes` made, each of them one that it has a place for."""
    if "parts" not in entry.options:
        raise WrongParts(f"{entry.name} has no parts to swap, but was given {', '.join(changes)}. Leave parts out.")
    taken = entry.facts["swaps"]
    if changes and "parts" not in entry.options:
        named = ", ".join(changes)
        raise WrongParts(f"{entry.name} has no place for another {named}: it has no parts. Leave {named} out.")
    own: Parts = entry.options["parts"]
    swapped = own.swapped(changes)
    for piece in changes:
        if ("dropout" if piece == "spatial_dropout" else piece) not in taken:
            raise WrongParts(
                f"{entry.name} has no place for another {piece}: it would change nothing. "
                f"It takes: {', '.join(taken)}. Leave {piece} out of its parts."
            )
    if swapped.widening > 1:
        _check_units(entry, swapped)
    return swapped


def _check_units(entry: Entry, parts: Parts) -> None:
    """Raise `WrongParts` where a network activates what is no unit of its own, found out at its smoke size."""
    options, shape = entry.facts["smoke"], entry.facts["smoke_input"]
    outputs = shape[-1] if entry.facts["task"] == "reconstruction" else 2
    try:
        _in_outline(lambda: entry(keras.Input(shape), outputs, **options, parts=parts))
    except NotAUnit as error:
        raise WrongParts(f"{entry.name} cannot take this activation: {error}") from None


def outline(spec: Spec, input_shape: Sequence[int], outputs: int, parts: Mapping[str, Any] = NO_CHANGES) -> keras.Model:
    """As `build_network`, but shapes alone: no memory for weights, so a net of any size takes a moment.

    The model can be given to `profile` and must not be called, trained or saved. Raises as `build_network` does, and
    `TooLarge` for more parameters than are built.
    """
    model = _in_outline(lambda: build_network(spec, input_shape, outputs, parts))
    check_parameters(model)
    return model


def _in_outline(build: Callable[[], Any]) -> Any:
    """What `build` makes, with variables that are never filled in."""

    def without_values() -> Any:
        with keras.StatelessScope(initialize_variables=False):
            return build()

    # Keras keeps a list, one for each thread, of variables to fill in later; this one must end unused.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(without_values).result()
