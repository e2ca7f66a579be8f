"""Options of an entry at the command line, called as the entry calls them: `--checks 16`, `--size=64`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archbench import dialect
from archbench.errors import UserError, shown

FREE = {"allow_extra_args": True, "ignore_unknown_options": True}
"""The settings of a command that takes them beside its own options."""


class NoOption(UserError):
    """A word of a command that is no option of an entry with its value."""


def read(words: Sequence[str]) -> dict[str, Any]:
    """The options in what is left of a command line, values as params.yaml would have them. Raises `NoOption`."""
    found, rest = {}, list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or not (equals or rest):
            raise NoOption(f"{shown(name)} is no option with a value. Write it as --checks 16, its name and its value.")
        value = value if equals else rest.pop(0)
        try:
            (found[name.removeprefix("--").replace("-", "_")],) = dialect.read(f"- {value}")
        except (dialect.NotReadable, ValueError) as error:
            raise NoOption(f"{name} cannot be {shown(value)}: {error}.") from error
    return found
