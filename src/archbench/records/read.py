"""Run folders and study folders as tracking reads them, also while they are being written."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from archbench.errors import UserError
from archbench.records.run_folder import BrokenRecord, read_history, read_json, read_metrics, read_record, read_table
from archbench.records.shapes import CURVES, FOLDS, MACHINE, SETTINGS, STUDY, TRIALS

WATCHED = ("settings.yaml", "machine.json", "history.csv", "metrics.json", "trials.csv", "trials_history.csv")
"""What tells whether a folder has something new to copy."""


class HalfWritten(UserError):
    """A folder that is no run folder, or not one yet."""


@dataclass(frozen=True)
class RunFolder:
    """What one run folder held when it was read; `metrics` and `timings` are none until the run has ended."""

    path: Path
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    history: list[dict[str, float]]
    metrics: Mapping[str, Any] | None
    timings: Mapping[str, Any] | None

    @property
    def state(self) -> str:
        """`finished`, `diverged`, `failed`, or for a run without metrics `running` or `killed`."""
        if self.metrics is not None:
            return self.metrics["state"]
        return "running" if is_alive(self.machine) else "killed"

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


def read_run(path: Path) -> RunFolder:
    """Read a run folder, which may be growing.

    Raises `HalfWritten` if it has no settings yet, or those of a run still to start, and `BrokenRecord`.
    """
    path = path.resolve()
    settings_file, machine_file, history_file = (path / n for n in ("settings.yaml", "machine.json", "history.csv"))
    try:
        metrics = read_metrics(path) if (path / "metrics.json").exists() else None
        settings, machine = read_record(settings_file, SETTINGS), read_record(machine_file, MACHINE)
        written = settings_file.stat().st_mtime_ns, machine_file.stat().st_mtime_ns
        timings = read_json(path / "timings.json") if metrics is not None else None
    except FileNotFoundError as error:
        raise HalfWritten(f"{path} is no run folder (yet): it has no {Path(error.filename).name}.") from error
    # A run that starts writes settings, machine and history in this order over those of the run before.
    if metrics is None and written[0] > written[1]:
        raise HalfWritten(f"{path} belongs to a run that has only just begun.")
    current = metrics is not None or _modified(history_file) >= written[1]
    history = read_history(history_file) if current else []
    return RunFolder(path, settings, machine, history, metrics, timings)


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
                    yield read_run(path.parent)


def study_experiment(pipeline: str, study: str) -> str:
    """MLflow's experiment of a study, its trials and its final runs."""
    return f"{pipeline}/studies/{study}"


def read_study(path: Path) -> StudyFolder:
    """Read a study folder. Raises `HalfWritten` if settings, machine or trials are missing, and `BrokenRecord`."""
    path = path.resolve()
    try:
        settings = read_record(path / "settings.yaml", STUDY)
        machine = read_record(path / "machine.json", MACHINE)
        trials = read_table(path / "trials.csv", TRIALS)
    except FileNotFoundError as error:
        raise HalfWritten(f"{path} is no study folder (yet): it has no {Path(error.filename).name}.") from error
    curves = _points(path / "trials_history.csv", "epoch", CURVES)
    folds = _points(path / "trials_folds.csv", "fold", FOLDS)
    for name, read in SUMMARIES.items():
        if (path / name).exists():
            read(path / name)
        elif (path / "metrics.json").exists():  # which is written last
            raise BrokenRecord(path / name, "is missing")
    return StudyFolder(path, path.parent.name, settings, machine, trials, curves, folds)


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
        value = float(row["value"]) if row["value"] else math.nan
        points.setdefault((row["arm"], row["number"]), []).append((int(row[place]), value))
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
