"""From folders to MLflow: one folder, all of them, and the closing of runs whose process was killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archbench.databases import first_line
from archbench.records.folders import find_folders, folders_below, kind_of
from archbench.records.read import HalfWritten, is_alive
from archbench.records.run_folder import BrokenRecord
from archbench.tracking import _tags
from archbench.tracking.mlflow_sink import sync_run
from archbench.tracking.probe_sink import sync_probe
from archbench.tracking.store import TrackingUnavailable, failures
from archbench.tracking.study_sink import sync_study

if TYPE_CHECKING:
    from mlflow.entities import Run

    from archbench.tracking.store import Tracking


@dataclass
class Report:
    """What a synchronisation did."""

    runs: int = 0
    """Run folders read."""
    runs_changed: int = 0
    studies: int = 0
    trials_changed: int = 0
    probes: int = 0
    probes_changed: int = 0
    killed: int = 0
    seconds: float = 0.0
    skipped: list[str] = field(default_factory=list)
    """A line for every folder that holds no run yet."""
    damaged: list[str] = field(default_factory=list)
    """A line for every folder that was left out because a file in it is not as its writer wrote it."""

    def __str__(self) -> str:
        lines = [
            f"{self.runs} runs, {self.runs_changed} of them brought up to date; {self.studies} studies, "
            f"{self.trials_changed} trials brought up to date; {self.probes} probes, {self.probes_changed} of them "
            f"brought up to date; {self.killed} killed runs closed; "
            f"{self.seconds:.1f} s"
        ]
        return "\n".join(lines + self.skipped + [f"left out: {line}" for line in self.damaged])


def sync_folder(folder: Path, below: Path, tracking: Tracking) -> int:
    """Copy one of the `folders_below`; returns the number of runs or trials brought up to date."""
    if folder != below:
        return int(sync_run(folder, tracking))
    return int(sync_probe(folder, tracking)) if kind_of(below) == "probes" else sync_study(folder, tracking)


def sync_all(
    root: Path,
    tracking: Tracking,
    pipeline: str | None = None,
    names: Collection[str] | None = None,
    show: Callable[[Path], None] | None = None,
) -> Report:
    """Copy every run, study and probe folder below `root`.

    Where given, only those of one `pipeline`, and of the benchmarks, studies and probes in `names`. `show` is called
    with each folder before it is read. Raises `TrackingUnavailable` if the store fails on the way; what was
    copied stays, and the next call goes on from there.
    """
    report, start = Report(), time.perf_counter()
    try:
        report.killed = close_killed(tracking, root)
        for below in find_folders(root, pipeline, names):
            for folder in folders_below(below):
                if show is not None:
                    show(folder)
                _sync_one(folder, below, tracking, report)
    except failures() as error:
        raise TrackingUnavailable(
            f"MLflow at {tracking.store.shown} stopped answering: {first_line(error)}\n"
            "The run folders are complete. Try again: archbench sync"
        ) from error
    report.seconds = time.perf_counter() - start
    return report


def close_killed(tracking: Tracking, root: Path) -> int:
    """Close runs as KILLED that MLflow calls running though their process on this machine is gone.

    A run whose folder has metrics did end; copying its folder closes it as what it is. Returns how many
    were closed.
    """
    client, closed = tracking.client, 0
    for run in find_running(tracking):
        tags = run.data.tags
        machine = {"host": tags[_tags.HOST], "pid": tags[_tags.PID], "started": tags[_tags.STARTED]}
        ended = _tags.FOLDER in tags and (root / tags[_tags.FOLDER] / "metrics.json").exists()
        if ended or is_alive(machine):
            continue
        if _tags.STATE in tags:
            client.set_tag(run.info.run_id, _tags.STATE, "killed")
        _tags.close(tracking, run, "KILLED")
        closed += 1
    return closed


def find_running(tracking: Tracking) -> list[Run]:
    """What MLflow calls running, without trials, which have no process of their own."""
    every = [experiment.experiment_id for experiment in tracking.client.search_experiments()]
    found = tracking.client.search_runs(
        every, "attributes.status = 'RUNNING' and tags.`archbench.kind` != 'trial'", max_results=1000
    )
    return [run for run in found if _tags.HOST in run.data.tags]


def _sync_one(folder: Path, below: Path, tracking: Tracking, report: Report) -> None:
    try:
        changed = sync_folder(folder, below, tracking)
    except HalfWritten as error:
        report.skipped.append(str(error))
        return
    except BrokenRecord as error:
        report.damaged.append(str(error))
        return
    if kind_of(folder) == "probes":
        report.probes += 1
        report.probes_changed += changed
    elif folder == below:
        report.studies += 1
        report.trials_changed += changed
    else:
        report.runs += 1
        report.runs_changed += changed
