"""Run folders and study folders read for all that use them, also while they are being written."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from archbench.errors import UserError
from archbench.records.run_folder import (
    BrokenRecord,
    check,
    lacks_weights,
    named,
    read_history,
    read_json,
    read_metrics,
    read_record,
    read_table,
)
from archbench.records.shapes import CURVES, FOLDS, MACHINE, SETTINGS, STUDY, TRIALS, TUNED, as_number

ENDED = ("finished", "diverged", "failed")
"""The states that metrics.json gives."""
STATES = (*ENDED, "running", "killed", "damaged", "stale", "missing")
"""What can have become of a run, best first."""
WATCHED = ("settings.yaml", "machine.json", "history.csv", "metrics.json", "trials.csv", "trials_history.csv")
"""What tells whether a folder has something new to copy."""


class HalfWritten(UserError):
    """A folder that is no run folder, or not one yet."""


@dataclass(frozen=True)
class RunFolder:
    """What one run folder held when it was read; `metrics` and `timings` are none until the run has ended.

    Of a damaged one there are only the settings and the machine, as far as they can be read.
    """

    path: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    """Empty, as the settings, where it is not written yet."""
    metrics: Mapping[str, Any] | None = None
    timings: Mapping[str, Any] | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    fault: BrokenRecord | None = None

    @cached_property
    def state(self) -> str:
        """One of `STATES` but `stale`, which a folder alone does not tell."""
        if self.fault is not None:
            return "damaged"
        if self.metrics is not None:
            return self.metrics["state"]
        if not self.settings:
            return "missing"
        return "running" if self.machine and is_alive(self.machine) else "killed"

    @property
    def has_weights(self) -> bool:
        """Whether its folder has the weights, if it left any: those of a merged run may have stayed elsewhere."""
        return self.metrics is None or not lacks_weights(self.path, self.metrics)

    @property
    def study(self) -> str | None:
        """The study whose best setting this run trains again, if it does."""
        final = self.path.parents[1].name == "final" and self.path.parents[4].name == "studies"
        return self.path.parents[2].name if final else None

    @property
    def benchmark(self) -> str:
        """`<pipeline>/<benchmark>`, or `<pipeline>/<study>/<arm>` for the final runs of a study."""
        last = f"{self.study}/{self.path.parent.name}" if self.study else self.settings["benchmark"]
        return f"{self.settings['pipeline']}/{last}"

    @property
    def experiment(self) -> str:
        """MLflow's experiment: what stands in one table is of one pipeline, and of one task or one study."""
        pipeline = self.settings["pipeline"]
        return study_experiment(pipeline, self.study) if self.study else f"{pipeline}/{self.settings['task']['name']}"

    @property
    def recipe(self) -> dict[str, Any]:
        """The settings that all seeds of a benchmark share and that a user writes."""
        return {name: value for name, value in self.basis.items() if name not in ("code_sha256", "dataset_sha256")}

    @property
    def basis(self) -> dict[str, Any]:
        """The recipe with the code and the data: seeds may be averaged where it is equal."""
        shared = {name: value for name, value in self.settings.items() if name not in ("id", "seed")}
        if "start" in shared:  # every seed starts from the weights of the source's same seed
            shared["start"] = {k: value for k, value in shared["start"].items() if k != "weights_sha256"}
        return shared

    @property
    def seen(self) -> int:
        """When it was last at work, in milliseconds: its end, or the end of its last epoch."""
        if self.timings is not None and self.timings.get("total_seconds"):
            seconds = self.timings["total_seconds"]
        else:
            parts = (row[name] for row in self.history for name in row if name.endswith("_seconds"))
            seconds = math.fsum(part for part in parts if math.isfinite(part))
        return milliseconds(self.machine["started"]) + int(1000 * seconds)

    @cached_property
    def ended(self) -> str:
        """A digest that changes when a run ends anew."""
        return digest([self.metrics, self.timings])

    def progress(self, epochs: int) -> str:
        """A digest of the first `epochs` rows, without the seconds, which differ when an epoch is run again."""
        rows = self.history[:epochs]
        return digest([{n: repr(v) for n, v in row.items() if not n.endswith("_seconds")} for row in rows])


def read_run(path: Path, *, digests: bool = True) -> RunFolder:
    """Read a run folder, whatever is in it; it may be growing, and be none at all.

    Without `digests` the files of a run that ended are held against their sizes alone: quick, for whoever looks often.
    """
    path, read = path.resolve(), {}
    try:
        for name, content in _contents(path, digests):
            read[name] = content
    except FileNotFoundError:  # it is being made anew, and `metrics.json` goes first
        read = {name: read[name] for name in ("settings", "machine") if name in read}
    except BrokenRecord as error:
        read = {name: read[name] for name in ("settings", "machine") if name in read} | {"fault": error}
    return RunFolder(path, **read)


def read_whole(path: Path, *, digests: bool = True) -> RunFolder:
    """The same for whoever can only use a run that has begun, with every file as it was written.

    Raises `HalfWritten` if it has no settings or no machine yet, and `BrokenRecord`.
    """
    run = read_run(path, digests=digests)
    if run.fault is not None:
        raise run.fault
    for name, content in (("settings.yaml", run.settings), ("machine.json", run.machine)):
        if not content:
            raise HalfWritten(f"{run.path} is no run folder (yet): it has no {name}.")
    return run


def _contents(path: Path, digests: bool) -> Iterator[tuple[str, Any]]:
    """Name and content of all that a run folder holds, in an order in which a fault loses the least.

    All of it is of one run: a run that starts removes what the one before left, and `metrics.json` first.
    """
    for name, file, shape in (("settings", "settings.yaml", SETTINGS), ("machine", "machine.json", MACHINE)):
        if (path / file).exists():
            yield name, read_record(path / file, shape)
    if (path / "metrics.json").exists():
        metrics = (check if digests else read_metrics)(path)
        if metrics["state"] not in ENDED:
            fault = f"gives the state {metrics['state']!r}; a run is {', '.join(ENDED)}"
            raise BrokenRecord(path / "metrics.json", fault)
        yield "metrics", metrics
        yield "timings", read_json(path / "timings.json")
    yield "history", read_history(path / "history.csv")


@dataclass(frozen=True)
class StudyFolder:
    """What a study folder held when it was read."""

    path: Path
    pipeline: str
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    trials: list[dict[str, str]]
    curves: Mapping[tuple[str, str], list[tuple[int, float]]]
    """(epoch, value) by (arm, number)."""
    folds: Mapping[tuple[str, str], list[tuple[int, float]]]
    """(fold, value) by (arm, number); empty where the study has no folds."""

    @property
    def name(self) -> str:
        """The study's name in params.yaml."""
        return self.path.name

    @property
    def experiment(self) -> str:
        """MLflow's experiment: that of the final runs too."""
        return study_experiment(self.pipeline, self.name)

    def finished_runs(self) -> Iterator[RunFolder]:
        """The final runs that have ended, which know the data's digest and the score; not those that are damaged."""
        for path in sorted(self.path.glob("final/*/seed-*/metrics.json")):
            if path.parents[1].name in self.settings["arms"]:
                with suppress(HalfWritten, BrokenRecord):  # its own copy tells of it
                    yield read_whole(path.parent, digests=False)


def study_experiment(pipeline: str, study: str) -> str:
    """MLflow's experiment of a study, its trials and its final runs."""
    return f"{pipeline}/studies/{study}"


def read_study(path: Path) -> StudyFolder:
    """Read a study folder. Raises `HalfWritten` if it has no trials yet, and `BrokenRecord`."""
    path = path.resolve()
    try:
        settings = read_record(path / "settings.yaml", STUDY)
        machine = read_record(path / "machine.json", MACHINE)
        trials = read_table(path / "trials.csv", TRIALS)
    except FileNotFoundError as error:
        lacking = Path(error.filename)
        if (path / "trials.csv").exists():  # which is written after the other two, and removed before them
            raise BrokenRecord(lacking, "is missing") from error
        raise HalfWritten(f"{path} is no study folder (yet): it has no {lacking.name}.") from error
    with named(path / "trials.csv"):
        words = {f"{TUNED}{key}" for key in worded(settings)}
        for cell in (row[name] for row in trials for name in row if name.startswith(TUNED) and name not in words):
            as_number(cell)
    curves = _points(path / "trials_history.csv", "epoch", CURVES)
    folds = _points(path / "trials_folds.csv", "fold", FOLDS)
    for name, read in SUMMARIES.items():
        if (path / name).exists():
            read(path / name)
        elif (path / "metrics.json").exists():  # which is written last
            raise BrokenRecord(path / name, "is missing")
    return StudyFolder(path, path.parent.name, settings, machine, trials, curves, folds)


def space_of(settings: Mapping[str, Any], arm: str) -> dict[str, Mapping[str, Any]]:
    """What the trials of an arm chose from, as the settings of its study say: key -> a range or choices."""
    return {**settings.get("space", {}), **settings["arms"].get(arm, {}).get("space", {})}


def worded(settings: Mapping[str, Any]) -> set[str]:
    """The keys that are chosen from other things than numbers, in any arm."""
    return {
        key
        for arm in settings["arms"]
        for key, given in space_of(settings, arm).items()
        if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in given.get("choices", ()))
    }


def _read_arms(path: Path) -> None:
    read_table(path, {"arm": str})


def _read_by_arm(path: Path) -> None:
    read_record(path, {...: {}})


SUMMARIES = {"arms.csv": _read_arms, "best.yaml": _read_by_arm, "metrics.json": _read_by_arm}
"""What a study says of itself when it has ended, and what must be able to read it."""


def _points(
    path: Path, place: str, columns: Mapping[str, Callable[[str], Any]]
) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """(`place`, value) by (arm, number) of a table of values; empty where there is none."""
    points: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for row in read_table(path, columns) if path.exists() else ():
        points.setdefault((row["arm"], row["number"]), []).append((int(row[place]), as_number(row["value"])))
    return points


def is_alive(machine: Mapping[str, Any]) -> bool:
    """Whether the process that wrote this `machine.json` still runs; true if it ran on another machine."""
    if machine["host"] != platform.node():
        return True
    return process_lives(int(machine["pid"]), machine["started"])


def process_lives(pid: int, started: str) -> bool:
    """Whether process `pid` of this machine is the one that wrote the time `started`."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A process born after the run began only inherited its number; `started` is cut to whole seconds.
        return process.create_time() <= milliseconds(started) / 1000 + 2
    except psutil.NoSuchProcess:
        return False


def milliseconds(time: str) -> int:
    """An ISO time as MLflow counts: milliseconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp() * 1000)


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits of a value that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def fingerprint(paths: Iterable[Path]) -> tuple[int, ...]:
    """Modification times: changes when one of the files does."""
    return tuple(_modified(path) for path in paths)


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def state_of(folder: Path) -> tuple[int, ...]:
    """Changes when a folder has something new to copy, or a run is to be set aside because of a seed beside it."""
    beside = sorted(folder.parent.glob("seed-*/settings.yaml"))
    return fingerprint([*(folder / name for name in WATCHED), *beside])
