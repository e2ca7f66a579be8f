"""Checks of the options that loaders share; each answers a wrong value with the values that would do."""

from __future__ import annotations

from pathlib import Path

from archbench.errors import UserError


class BadOption(UserError):
    """An option of a data set with a value it cannot have."""


def whole(name: str, value: object, low: int, high: int) -> int:
    """`value` as it is, or `BadOption` where it is no whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadOption(
            f"The option {name} must be a whole number from {low} to {high}; {value!r} was given. "
            "Change it in the datasets section of params.yaml."
        )
    return value


def given_path(name: str, value: str) -> Path:
    """The file or folder that an option gives, `~` expanded; a relative one counts from the folder of params.yaml.

    That is where every stage and command runs. Raises `BadOption` where it cannot be the name of one.
    """
    try:
        if value and "\0" not in value:
            return Path(value).expanduser()
    except RuntimeError:
        pass  # ~somebody who is not known here
    raise BadOption(
        f"The option {name} must be the path of a file or folder; {value!r} was given. "
        "Change it in the datasets section of params.yaml."
    )


def plain(name: str | Path) -> str:
    """A file's name as it can be written anywhere: bytes that are not UTF-8, and control characters, as escapes."""
    text = str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
