"""The keys that a study may tune: where each stands in a trial's settings, and which values it can have.

A name alone is a number of the optimizer. All else is the key's path in a benchmark: `schedule.decay`,
`parts.regularizer.strength`, `parts.dropout`, `clip.norm`, `batch_size`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from archbench.architectures import ARCHITECTURES
from archbench.catalogue import Catalogue, Entry
from archbench.config import Range
from archbench.errors import UserError
from archbench.optimizers import OPTIMIZERS
from archbench.parts import CATALOGUES, check_rate
from archbench.preprocessing import PREPROCESSING
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS

Numbers = Mapping[str, float]
"""Key -> value, of one trial."""

OPTIONS: dict[str, Catalogue] = {
    "architecture": ARCHITECTURES,
    "schedule": SCHEDULES,
    "preprocessing": PREPROCESSING,
    "task": TASKS,
    **{f"parts.{part}": catalogue for part, catalogue in CATALOGUES.items()},
}
"""Settings that name an entry of a catalogue, whose options may be tuned; the optimizer stands apart."""


class NotTunable(UserError):
    """A key that a study cannot tune, or a value that it cannot have."""


def value_of(number: float, given: Range) -> float | int:
    """What a drawn number means: 1 minus it where that is what is tuned, an integer where the range is of these."""
    if given.integer:
        return int(number)
    return 1.0 - number if given.one_minus else number


def with_numbers(settings: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
    """`settings` with the value of each key replaced; what is given stays as it is."""
    changed = copy.deepcopy(dict(settings))
    for key, value in numbers.items():
        *path, name = _path(key)
        place = changed
        for step in path:
            place = place[step]
        place[name] = value
    return changed


def current(settings: Mapping[str, Any], key: str) -> Any:
    """The value that a key has by default: the paper's, where the settings do not say; None if there is none."""
    *path, name = _path(key)
    place: Any = settings
    for step in path:
        place = place[step]
    catalogue = OPTIMIZERS if path == ["optimizer"] else OPTIONS.get(".".join(path))
    if catalogue is None or name in place:
        return place.get(name)
    entry, _ = catalogue.resolve(place)
    default = entry.options.get(name)
    return default if isinstance(default, int | float) else None


def check(settings: Mapping[str, Any], key: str, value: float | int) -> None:
    """Raise a `UserError` unless `key` can be tuned under `settings` and can have this value."""
    *path, name = _path(key)
    group = ".".join(path)
    if group == "optimizer":
        _check_optimizer(settings, name, value)
    elif group in OPTIONS:
        _check_option(settings, path, name, value)
    elif key == "parts.dropout":
        check_rate(value)
    elif group == "clip":
        _check_clip(settings, name, value)
    elif key == "batch_size":
        if not isinstance(value, int) or value < 1:
            raise NotTunable(f"batch_size cannot be {value!r}. Give the range `integer: true` and low of at least 1.")
    else:
        raise NotTunable(
            f"{key!r} cannot be tuned. A name alone is a number of the optimizer; else give one of batch_size, "
            f"parts.dropout, clip.<kind>, or an option as in {', '.join(f'{where}.<option>' for where in OPTIONS)}."
        )


def _path(key: str) -> list[str]:
    steps = key.split(".")
    return ["optimizer", *steps] if len(steps) == 1 and key != "batch_size" else steps


def _check_optimizer(settings: Mapping[str, Any], name: str, value: float) -> None:
    entry, _ = OPTIMIZERS.resolve(settings["optimizer"])
    tunable = ("learning_rate", *entry.facts["numbers"])
    if name not in tunable and not _is_integer_option(entry, name, value):
        raise NotTunable(f"{entry.name} has no number of this name to tune. It has: {', '.join(tunable)}.")
    entry.check({name: value})


def _is_integer_option(entry: Entry, name: str, value: float) -> bool:
    return isinstance(value, int) and isinstance(entry.options.get(name), int)


def _check_option(settings: Mapping[str, Any], path: list[str], name: str, value: float) -> None:
    group, place = ".".join(path), settings
    for step in path:
        place = place.get(step)
        if place is None:
            raise NotTunable(
                f"the arm names no {group}, so it has no {name} to tune. Give it as {group}: {{name: ...}}."
            )
    OPTIONS[group].resolve({**place, name: value})
    if group == "schedule":
        SCHEDULES.build({**place, name: value}, Horizon(1000, settings["epochs"], settings["batch_size"]))


def _check_clip(settings: Mapping[str, Any], kind: str, value: float) -> None:
    if kind not in (settings["clip"] or {}):
        raise NotTunable(f"the arm clips by no {kind}, so there is no limit to tune. Give it clip: {{{kind}: 1}}.")
    if value <= 0:
        raise NotTunable(f"a limit of clipping must be above 0, and is {value}.")
