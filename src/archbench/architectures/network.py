"""From a spec, the arrays that are read and a number of outputs to a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras

from archbench.architectures import ARCHITECTURES
from archbench.architectures.parted import Network
from archbench.architectures.sizes import check_input
from archbench.catalogue import Entry, Spec
from archbench.errors import UserError
from archbench.layers.limits import check_parameters, counted_layers
from archbench.parts import NotAUnit, Parts, WrongParts

NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


Reads = Sequence[int] | Mapping[str, keras.InputSpec]
"""The shape of every array that a network reads, without the batch, or the name of each with its shape and type."""


class WrongArrays(UserError):
    """Arrays of other names than those that an architecture reads."""


def build_network(spec: Spec, reads: Reads, outputs: int, parts: Mapping[str, Any] = NO_CHANGES) -> keras.Model:
    """The network that `spec` names, for the arrays that it `reads` and `outputs` outputs.

    A model of one input for each array, in the order of the architecture's own; or a `Network`, where it has parts.
    `parts` swaps pieces of the architecture's own: `{"activation": "gelu"}`. Raises a `UserError` for an
    unknown name, option or part, for a part the architecture has no place for, for an input it cannot read, and for
    too many layers.
    """
    entry, options = ARCHITECTURES.resolve(spec)
    inputs = _inputs(entry, options, reads)
    if parts:
        options["parts"] = swapped_parts(entry, parts)
    with counted_layers():
        made = entry(*inputs, outputs, **options)
    if isinstance(made, Mapping) and all(isinstance(part, keras.Model) for part in made.values()):
        return Network(made, name=entry.name)
    made = keras.tree.map_structure(_in_float32, made)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], made, name=entry.name)


def _inputs(entry: Entry, options: Mapping[str, Any], reads: Reads) -> list[keras.KerasTensor]:
    """A symbolic input for each array that the builder takes; a single one goes by any name."""
    names = entry.positional[:-1]  # the last is how many outputs
    if not isinstance(reads, Mapping):
        reads = dict.fromkeys(names, keras.InputSpec(shape=(None, *reads), dtype="float32"))
    if len(names) == 1 == len(reads):
        (only,) = reads.values()
        check_input(entry, options, only.shape[1:])
        return [keras.Input(only.shape[1:], dtype=only.dtype, name="input")]
    if set(names) != set(reads):
        raise WrongArrays(
            f"{entry.name} reads {', '.join(names)}, and was given {', '.join(reads)}. Choose a task and a data "
            f'set that have these: "archbench show {entry.name}".'
        )
    check_input(entry, options, reads[names[0]].shape[1:])
    return [keras.Input(reads[name].shape[1:], dtype=reads[name].dtype, name=name) for name in names]


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
        inputs = [keras.Input(shape) for _ in entry.positional[:-1]]
        _in_outline(lambda: entry(*inputs, outputs, **options, parts=parts))
    except NotAUnit as error:
        raise WrongParts(f"{entry.name} cannot take this activation: {error}") from None


def outline(spec: Spec, reads: Reads, outputs: int, parts: Mapping[str, Any] = NO_CHANGES) -> keras.Model:
    """As `build_network`, but shapes alone: no memory for weights, so a net of any size takes a moment.

    The model can be given to `profile` and must not be called, trained or saved. Raises as `build_network` does, and
    `TooLarge` for more parameters than are built.
    """
    model = _in_outline(lambda: build_network(spec, reads, outputs, parts))
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
