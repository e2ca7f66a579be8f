"""Recipes: named pieces of a benchmark, merged before anything is checked, so that the rest knows benchmarks alone.

Left to right, and the benchmark's own keys last. A key that is given again replaces the whole of what stood there, an
entry with all its options; only `parts` are merged part by part, as a study's arms change them. Null takes a key back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 20
"""Recipes that a benchmark starts from."""


def listed(names: Any) -> Any:
    """One name as a list of one; whatever else stands there as it is."""
    return [names] if isinstance(names, str) else names


def named(value: Any) -> list[str]:
    """The recipes that a benchmark names, once each, as far as what stands there can be read."""
    names = listed(value.get("recipe")) if isinstance(value, dict) else None
    return [*dict.fromkeys(name for name in names if isinstance(name, str))][:MOST] if isinstance(names, list) else []


def merged(value: Any, recipes: Mapping[str, Any]) -> Any:
    """A benchmark with the keys of its recipes under its own."""
    pieces = [recipes[name] for name in named(value) if name in recipes]
    whole: dict[str, Any] = {}
    for piece in [*pieces, value] if pieces else ():
        for key, given in piece.items():
            both = key == "parts" and isinstance(given, dict) and isinstance(whole.get(key), dict)
            whole[key] = {**whole[key], **given} if both else given
    return whole if pieces else value


def follows(problem: Mapping[str, Any], values: Mapping[str, Any], sound: Mapping[str, Any]) -> bool:
    """Whether a key of a benchmark is only missing because a recipe is that may have it, or because it is wrong there.

    `sound` holds the recipes of `values` without what is wrong in them.
    """
    if problem["type"] != "missing":
        return False
    place: Any = values
    for part in problem["loc"][:-1]:
        place = place.get(part) if isinstance(place, dict) else None
    return any(name not in sound or sound[name] != values["recipes"][name] for name in named(place))
