"""How a network differs in size from its paper's, in words: `width 8, dense_width 64, 32 pixels`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from archbench.architectures import ARCHITECTURES
from archbench.errors import short

PAPER = "paper"
"""The scale of a network in which nothing is changed."""


def describe_scale(spec: Mapping[str, Any], shape: Sequence[int] | None = None, words: str | None = None) -> str:
    """The options of `spec` other than its entry's own, the input's size other than the paper's, then `words`.

    `shape` is that of one input, without the batch; None where it is not known. Channels and features are the data
    set's, so that they are no scale.
    """
    entry = ARCHITECTURES[spec["name"]]
    options = [_option(name, spec[name]) for name, own in entry.options.items() if _other(spec, name, own)]
    inputs = [] if shape is None else _input(tuple(shape), entry.facts["paper_input"])
    return ", ".join([*options, *inputs, *([words] if words else [])]) or PAPER


def _other(spec: Mapping[str, Any], name: str, own: Any) -> bool:
    return name in spec and _written(spec[name]) != _written(own)


def _option(name: str, value: Any) -> str:
    """One option as a reader of params.yaml knows it; true and false as with and without."""
    if value is True:
        return name
    return f"no {name}" if value is False or value is None else f"{name} {short(_written(value))}"


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=repr)  # tuples as lists


def _input(shape: tuple[int, ...], paper: tuple[int, ...]) -> list[str]:
    """The size of one input where the paper has another: sides, frames and sides, or its length, if it has one."""
    size, whole = (one[:-1] if len(one) > 1 else one for one in (shape, paper))  # without the channels
    if size == whole or None in size:
        return []
    if len(size) == 1:
        return [f"{size[0]} numbers" if len(shape) == 1 else f"length {size[0]}"]
    *frames, rows, columns = size
    pixels = f"{rows} pixels" if rows == columns else f"{rows} x {columns} pixels"
    return [f"{frames[0]} frames of {pixels}" if frames else pixels]
