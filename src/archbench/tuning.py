"""The keys that a study may tune: where each stands in a trial's settings, and which values it can have.

A name alone is an option of the optimizer. All else is the key's path in a benchmark: `schedule.decay`,
`parts.regularizer.strength`, `parts.dropout`, `clip.norm`, `batch_size`, `architecture.maps`, `parts.activation`.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Mapping
from typing import Any

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import swapped_parts
from archbench.catalogue import Catalogue, Entry
from archbench.config import Choices, Dimension
from archbench.errors import UserError, shown
from archbench.optimizers import OPTIMIZERS
from archbench.parts import CATALOGUES, check_rate
from archbench.preprocessing import PREPROCESSING
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS

Values = Mapping[str, Any]
"""Key -> value, of one trial."""

PARTS: dict[str, Catalogue] = {f"parts.{part}": catalogue for part, catalogue in CATALOGUES.items()}
"""Settings that may themselves be one of several choices."""
OPTIONS: dict[str, Catalogue] = {
    "architecture": ARCHITECTURES,
    "schedule": SCHEDULES,
    "preprocessing": PREPROCESSING,
    "task": TASKS,
    **PARTS,
}
"""Settings that name an entry of a catalogue, whose options may be tuned; the optimizer stands apart."""


class NotTunable(UserError):
    """A key that a study cannot tune, or a value that it cannot have."""


def value_of(drawn: float | str, given: Dimension) -> Any:
    """What is meant by what was drawn: the choice of this name, 1 minus a number where that is tuned, an integer."""
    if isinstance(given, Choices):
        return given.by_name[drawn]
    if given.integer:
        return int(drawn)
    return 1.0 - drawn if given.one_minus else drawn


def extremes(given: Dimension) -> list[Any]:
    """The values to hold against what a key can have: both ends of a range, or every choice."""
    if isinstance(given, Choices):
        return list(given.choices)
    return [value_of(end, given) for end in (given.low, given.high)]


def with_values(settings: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """`settings` with the value of each key replaced, as a benchmark would have it; what is given stays as it is."""
    changed = copy.deepcopy(dict(settings))
    for key, value in values.items():
        *path, name = _path(key)
        place = changed
        for step in path:
            place = place[step]
        place[name] = {"name": value} if key in PARTS and isinstance(value, str) else value
    return changed


def current(settings: Mapping[str, Any], key: str) -> Any:
    """The value that a key has by default: the paper's, where the settings do not say; None if there is none."""
    *path, name = _path(key)
    place: Any = settings
    for step in path:
        place = place[step]
    catalogue = OPTIMIZERS if path == ["optimizer"] else OPTIONS.get(".".join(path))
    if key in PARTS:
        return getattr(swapped_parts(ARCHITECTURES[settings["architecture"]["name"]], place), name)
    if catalogue is None or name in place:
        return place.get(name)
    entry, _ = catalogue.resolve(place)
    default = entry.options.get(name)
    return None if default is inspect.Parameter.empty else default


def check(settings: Mapping[str, Any], key: str, given: Dimension) -> None:
    """Raise a `UserError` unless `key` can be tuned under `settings` and can have all that is drawn for it."""
    group = ".".join(_path(key)[:-1])
    chosen = isinstance(given, Choices)
    if key in PARTS and chosen:
        kind = _check_part
    elif group == "optimizer":
        kind = _check_optimizer if chosen else _check_optimizers_number
    elif group in OPTIONS:
        kind = _check_option
    elif key in _ALONE:
        kind = _ALONE[key]
    elif group == "clip":
        kind = _check_clip
    else:
        raise NotTunable(
            f"{key!r} cannot be tuned. A name alone is a number of the optimizer; else give one of batch_size, "
            f"parts.dropout, clip.<kind>, or an option as in {', '.join(f'{where}.<option>' for where in OPTIONS)}; "
            f"and of choices, {', '.join(PARTS)}."
        )
    for value in extremes(given):
        kind(settings, key, value)


def _path(key: str) -> list[str]:
    steps = key.split(".")
    return ["optimizer", *steps] if len(steps) == 1 and key != "batch_size" else steps


def _check_part(settings: Mapping[str, Any], key: str, value: Any) -> None:
    if not isinstance(value, str | Mapping):
        raise NotTunable(f"{key} cannot be {shown(value)}. Give names, or mappings with a name and options.")
    entry, _ = ARCHITECTURES.resolve(settings["architecture"])
    swapped_parts(entry, {**settings["parts"], key.rpartition(".")[2]: value})


def _check_optimizer(settings: Mapping[str, Any], key: str, value: Any) -> None:
    entry, _ = OPTIMIZERS.resolve(settings["optimizer"])
    entry.check({_path(key)[-1]: value})


def _check_optimizers_number(settings: Mapping[str, Any], key: str, value: float) -> None:
    entry, _ = OPTIMIZERS.resolve(settings["optimizer"])
    tunable, name = ("learning_rate", *entry.facts["numbers"]), _path(key)[-1]
    if name not in tunable and not _is_integer_option(entry, name, value):
        raise NotTunable(f"{entry.name} has no number of this name to tune. It has: {', '.join(tunable)}.")
    entry.check({name: value})


def _is_integer_option(entry: Entry, name: str, value: float) -> bool:
    return isinstance(value, int) and isinstance(entry.options.get(name), int)


def _check_option(settings: Mapping[str, Any], key: str, value: Any) -> None:
    (*path, name), place = _path(key), settings
    group = ".".join(path)
    for step in path:
        place = place.get(step)
        if place is None:
            raise NotTunable(
                f"the arm names no {group}, so it has no {name} to tune. Give it as {group}: {{name: ...}}."
            )
    if name in ("name", "parts"):
        raise NotTunable(f"{key!r} is no option of {place['name']}. What is another {path[-1]} is another arm.")
    OPTIONS[group].resolve({**place, name: value})
    if group == "schedule":
        SCHEDULES.build({**place, name: value}, Horizon(1000, settings["epochs"], settings["batch_size"]))


def _check_clip(settings: Mapping[str, Any], key: str, value: Any) -> None:
    kind = _path(key)[-1]
    if kind not in (settings["clip"] or {}):
        raise NotTunable(f"the arm clips by no {kind}, so there is no limit to tune. Give it clip: {{{kind}: 1}}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise NotTunable(f"a limit of clipping must be above 0, and is {shown(value)}.")


def _check_dropout(settings: Mapping[str, Any], key: str, value: Any) -> None:
    check_rate(value)


def _check_batch_size(settings: Mapping[str, Any], key: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NotTunable(
            f"batch_size cannot be {shown(value)}. Give the range `integer: true` and low of at least 1, or whole "
            "numbers from 1 on as choices."
        )


_ALONE = {"batch_size": _check_batch_size, "parts.dropout": _check_dropout}
