"""The parent run of a benchmark: its settings, and statistics over its seeds, so that MLflow's table sorts by them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archbench.records.read import HalfWritten, RunFolder, digest, milliseconds, read_whole
from archbench.records.run_folder import BrokenRecord
from archbench.tracking import _tags
from archbench.tracking._values import as_numbers, as_params, as_tags, log, points
from archbench.tracking._views import NOTE, note_of_benchmark

if TYPE_CHECKING:
    from mlflow.entities import Run

    from archbench.tracking.store import Tracking


SIZES = ("parameters", "multiply_adds")
"""What metrics.json says of the network's size."""


@dataclass(frozen=True)
class Family:
    """A run folder among those of the other seeds."""

    run: RunFolder
    seeds: Sequence[RunFolder]

    @cached_property
    def newest(self) -> RunFolder:
        """The seed started last: its settings are the current ones."""
        return max(self.seeds, key=lambda seed: milliseconds(seed.machine["started"]))

    @property
    def current(self) -> list[RunFolder]:
        """The seeds that share settings, code and data with the newest."""
        return [seed for seed in self.seeds if seed.basis == self.newest.basis]

    @property
    def run_is_current(self) -> bool:
        """Whether the run itself is one of them."""
        return self.run.basis == self.newest.basis

    @property
    def recipe_is_current(self) -> bool:
        """Whether the run's parent is the current one: new code or data make new children, not a new parent."""
        return self.run.recipe == self.newest.recipe


def read_family(run: RunFolder) -> Family:
    """Read the run folders of all seeds beside this one; those that have only just begun or are broken do not count."""
    seeds = [run]
    for path in sorted(run.path.parent.glob("seed-*")):
        if path != run.path:
            try:
                seeds.append(read_whole(path, digests=False))
            except (HalfWritten, BrokenRecord):
                continue
    return Family(run, seeds)


def open_parent(tracking: Tracking, experiment: str, family: Family) -> Run:
    """The parent run of a run's settings, created if need be; parents of other settings are set aside."""
    run, recipe = family.run, digest(family.run.recipe)
    found = _tags.find(tracking, experiment, folder=_tags.label(run.path.parent, tracking.store), kind="benchmark")
    mine = [parent for parent in found if parent.data.tags[_tags.RECIPE] == recipe]
    if family.recipe_is_current:
        for parent in found:
            if parent not in mine[:1]:
                _tags.retire(tracking, parent)
    parent = mine[0] if mine else _create_parent(tracking, experiment, run, recipe)
    if family.recipe_is_current:
        _tags.revive(tracking, parent)
    else:
        _tags.retire(tracking, parent)
    params = {name: value for name, value in as_params(run.recipe).items() if name not in parent.data.params}
    log(tracking.client, parent.info.run_id, params=params)
    return parent


def settle_parent(tracking: Tracking, parent: Run, family: Family) -> None:
    """Bring statistics and status of the parent up to date with the folders of the current seeds."""
    if not family.recipe_is_current:
        return
    states = [seed.state for seed in family.current]
    machine = family.newest.machine
    tags = as_tags(
        {
            _tags.STATE: ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))),
            _tags.HOST: machine["host"],
            _tags.PID: machine["pid"],
            _tags.STARTED: machine["started"],
            **_tags.source(machine),
        }
    )
    if NOTE not in parent.data.tags:
        tags[NOTE] = note_of_benchmark(family.newest, _tags.label(family.newest.path.parent, tracking.store))
    changed = {name: value for name, value in tags.items() if parent.data.tags.get(name) != value}
    settings = family.newest.settings
    _tags.log_dataset(tracking, parent, settings["pipeline"], settings["dataset"], settings["dataset_sha256"])
    numbers = _numbers([seed for seed in family.current if seed.state == "finished"])
    fresh = {name: value for name, value in numbers.items() if parent.data.metrics.get(name) != value}
    now = int(time.time() * 1000)
    log(tracking.client, parent.info.run_id, points(fresh, now, step=0), tags=changed)
    status = _status(states)
    if status == "RUNNING" and parent.info.status != status:
        tracking.client.update_run(parent.info.run_id, status=status)
    elif parent.info.status != status:
        tracking.client.set_terminated(parent.info.run_id, status, end_time=max(seed.seen for seed in family.current))


def over_seeds(scores: Sequence[Mapping[str, Any]], split: str = "test") -> dict[str, float]:
    """Mean, sample deviation (from two seeds on) and n of every score on a split, as `test/..._mean`."""
    numbers: dict[str, float] = {}
    every = [as_numbers(one) for one in scores]
    for name in sorted({name for one in every for name in one}):
        values = [one[name] for one in every if name in one]
        numbers[f"{split}/{name}_mean"] = statistics.fmean(values)
        if len(values) > 1:
            numbers[f"{split}/{name}_deviation"] = statistics.stdev(values)
        numbers[f"{split}/{name}_n"] = float(len(values))
    return numbers


def _numbers(finished: Sequence[RunFolder]) -> dict[str, float]:
    """What a reader compares benchmarks by: scores over seeds, size, and seconds of training."""
    if not finished:
        return {}
    splits = [split for split in finished[0].metrics["scores"] if split != "validation"]
    numbers: dict[str, float] = {}
    for split in splits:
        numbers |= over_seeds([seed.metrics["scores"].get(split, {}) for seed in finished], split)
    numbers |= {f"model/{name}": finished[0].metrics[name] for name in SIZES}
    seconds = [seed.timings["train_seconds"] for seed in finished]
    return numbers | {"system/train_seconds_mean": statistics.fmean(seconds)}


def _create_parent(tracking: Tracking, experiment: str, run: RunFolder, recipe: str) -> Run:
    tags = {
        _tags.KIND: "benchmark",
        _tags.BENCHMARK: run.benchmark,
        _tags.RECIPE: recipe,
        _tags.FOLDER: _tags.label(run.path.parent, tracking.store),
        _tags.SUPERSEDED: "false",
        "archbench.pipeline": run.settings["pipeline"],
        "archbench.scale": run.settings["scale"],
    }
    return tracking.client.create_run(
        experiment,
        start_time=milliseconds(run.machine["started"]),
        tags=as_tags(tags),
        run_name=run.benchmark.partition("/")[2],
    )


def _status(states: Sequence[str]) -> str:
    for state, status in (("running", "RUNNING"), ("finished", "FINISHED"), ("killed", "KILLED")):
        if state in states:
            return status
    return "FAILED"
