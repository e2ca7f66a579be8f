"""Whether an architecture can read an input of a given size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archbench.catalogue import Entry
from archbench.errors import UserError


class InputMismatch(UserError):
    """An input that is too small for a network, does not divide as it must, or has the wrong axes."""


AXES = {
    "image": "(height, width, channel)",
    "sequence": "(step, feature)",
    "video": "(frame, height, width, channel)",
}
"""What an architecture reads, by the name of its parameter -> the axes of one input; one that reads any has `x`."""
UNITS = {"image": "pixels a side", "sequence": "steps", "video": "frames and pixels a side"}
"""What the smallest size of each kind of input counts."""


def minimum_size(entry: Entry, options: Mapping[str, Any]) -> int:
    """The fewest pixels of a side (or steps, or frames) that `entry` takes when built with `options`."""
    minimum = entry.facts["minimum"]
    return minimum(**{**entry.options, **options}) if callable(minimum) else minimum


def check_input(entry: Entry, options: Mapping[str, Any], input_shape: Sequence[int]) -> None:
    """Raise `InputMismatch` where `input_shape`, without the batch, is not one that `entry` reads."""
    kind = entry.positional[0]
    if kind not in AXES:
        return
    axes = AXES[kind]
    if len(input_shape) != axes.count(",") + 1:
        raise InputMismatch(
            f"{entry.name} reads {kind}s of shape {axes}, and was given shape {tuple(input_shape)}. "
            f'Choose a data set whose input has these axes; "archbench list datasets" shows them.'
        )
    least = minimum_size(entry, options)
    smallest = min((side for side in input_shape[:-1] if side is not None), default=least)  # None: of any length
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
