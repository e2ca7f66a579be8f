"""What the files of a run folder hold, as far as anybody reads them: a record of another shape is broken."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

NUMBER = (int, float, type(None))
"""JSON has null for what is not finite."""
NAMED = {"name": str}
WRITTEN = {"bytes": int, "sha256": str}
SETTINGS = {
    "id": str,
    "pipeline": str,
    "benchmark": str,
    "seed": int,
    "architecture": NAMED,
    "scale": str,
    "dataset": str,
    "task": NAMED,
    "optimizer": NAMED,
    "schedule": NAMED,
    "epochs": int,
    "batch_size": int,
    "parts": {},
    "augmentation": [NAMED],
    "preprocessing": NAMED,
    "clip": object,
    "early_stopping": object,
    "precision": str,
    "dataset_sha256": str,
    "code_sha256": str,
}
MACHINE = {
    **dict.fromkeys(("backend", "backend_version", "keras_version", "archbench_version", "python", "platform"), str),
    **dict.fromkeys(("cpu", "device", "device_kind", "xla_rule", "precision", "host"), str),
    **dict.fromkeys(("cores", "memory_bytes", "pid"), int),
    **dict.fromkeys(("xla", "git_commit", "git_dirty", "dvc_stage"), object),
    "started": datetime,
}
METRICS = {
    "state": str,
    "message": (str, type(None)),
    "diverged_at_step": NUMBER,
    "epochs_run": int,
    "best_epoch": int,
    "monitor": str,
    "maximize": bool,
    "scores": {split: {...: NUMBER} for split in ("validation", "test", ...)},
    "parameters": NUMBER,
    "parameters_total": NUMBER,
    "multiply_adds": NUMBER,
    "files": {**dict.fromkeys(("settings.yaml", "machine.json", "timings.json"), WRITTEN), ...: WRITTEN},
}
STUDY = {
    "base": {"architecture": NAMED, "scale": str, "dataset": str},
    "arms": {...: {"sampler": (str, type(None))}},
    "cross": {...: {...: object}},
    "trials": int,
    "epochs": int,
    "folds": (int, type(None)),
    "sampler": str,
    "pruner": str,
}
PROBE = {
    "id": str,
    "pipeline": str,
    "name": str,
    "probe": NAMED,
    "trained": bool,
    "networks": {...: {"seeds": [int], "architecture": NAMED, "dataset": str}},
    "datasets": {...: str},
}
BUNDLE = {"format": str, "pipeline": str, "files": {...: WRITTEN}}
PROBED = {"seconds": NUMBER, "files": {**dict.fromkeys(("settings.yaml", "machine.json"), WRITTEN), ...: WRITTEN}}


def as_number(cell: str) -> float:
    """The number in a cell of a table; NaN where it is empty."""
    return float(cell) if cell else math.nan


def _one_of(*allowed: str) -> Callable[[str], None]:
    def read(cell: str) -> None:
        if cell not in allowed:
            raise ValueError(f"{cell!r:.40} is none of {', '.join(allowed)}")

    return read


def _name(cell: str) -> None:
    if not cell or "/" in cell or cell in (".", ".."):
        raise ValueError(f"{cell!r:.40} is no name")


TRIALS = {
    "arm": _name,
    "number": int,
    "state": _one_of("complete", "pruned", "failed"),
    **dict.fromkeys(("value", "epochs_run", "seconds"), as_number),
    "worker": str,
    "enqueued": _one_of("True", "False"),
}
"""What must be able to read the cells of a table, by column."""
TUNED = "param_"
"""What the columns of tuned numbers begin with, in the table of trials."""
CURVES = {"arm": _name, "number": int, "epoch": int, "value": as_number}
FOLDS = {"arm": _name, "number": int, "fold": int, "value": as_number}


def misfit(value: Any, shape: Any, name: str = "it") -> str | None:
    """In what `value` is not of a `shape`, in words; None where it fits.

    A shape is a class or several, a list with the shape of its members, or a mapping from keys, of which there may be
    more, and which `...` gives a shape as well. `datetime` is a time as ISO 8601 writes it.
    """
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            return f"{name} is no mapping"
        if ... in shape:
            shape = {
                **dict.fromkeys(value, shape[...]),
                **{key: inner for key, inner in shape.items() if key is not ...},
            }
        lacking = [key for key in shape if key not in value]
        if lacking:
            return f"{name} has no {lacking[0]}"
        faults = (misfit(value[key], inner, str(key)) for key, inner in shape.items())
    elif isinstance(shape, list):
        if not isinstance(value, list):
            return f"{name} is no list"
        faults = (misfit(member, shape[0], name) for member in value)
    else:
        faults = iter([None if _is_one(value, shape) else f"{name} is {value!r:.40}"])
    return next((fault for fault in faults if fault), None)


def _is_one(value: Any, kind: type | tuple[type, ...]) -> bool:
    if kind is datetime:
        try:
            return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            return False
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))
