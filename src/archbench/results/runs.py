"""Run folders, read as they are: finished, diverged, failed, killed, damaged or missing, never dropped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from archbench.records import run_folder
from archbench.records.run_folder import BrokenRecord
from archbench.records.shapes import MACHINE, SETTINGS

STATES = ("finished", "diverged", "failed", "killed", "damaged", "stale", "missing")
"""What can have become of a run, best first; the first three are written in metrics.json, the others are inferred."""


@dataclass(frozen=True)
class Run:
    """One trained seed of one benchmark, or the place where it should be."""

    benchmark: str
    seed: int
    folder: Path
    state: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, Any] = field(default_factory=dict)
    damage: str | None = None
    """Which file is not as the run wrote it, and in what; such a run has no metrics, no curve and no predictions."""

    @property
    def finished(self) -> bool:
        """Whether the run has test scores to compare."""
        return self.state == "finished"

    @property
    def score(self) -> float:
        """The test score that the benchmark is judged by; NaN where the run has none."""
        return self.test_score(self.metrics["monitor"]) if self.finished else math.nan

    def test_score(self, metric: str) -> float:
        """The test score `metric`; NaN where the run has none."""
        return number(self.metrics["test"].get(metric)) if self.finished else math.nan

    def is_of(self, data: Mapping[str, str | None]) -> bool:
        """Whether the run was made on these data: data set -> the digest of its content; one left out is not known."""
        dataset = self.settings.get("dataset")
        return dataset not in data or self.settings["dataset_sha256"] == data[dataset]

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row an epoch; empty where training wrote none."""
        return pd.DataFrame([] if self.damage else run_folder.read_history(self.folder / "history.csv"))

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """The arrays of predictions.npz by name, with its snapshots; empty where the run wrote none."""
        return {} if self.damage else run_folder.read_shown(self.folder)


def number(value: float | None) -> float:
    """A JSON number, where the record writes null for what is not finite."""
    return math.nan if value is None else float(value)


def read_run(folder: Path, benchmark: str, seed: int) -> Run:
    """The run in `folder`: `missing` without settings, `killed` with settings but without metrics.json.

    `damaged` where a file is not as the run wrote it: what can still be read of settings and machine is kept.
    """
    there = {name: (folder / name).exists() for name in ("settings.yaml", "machine.json", "metrics.json")}
    if not there["settings.yaml"] and not there["metrics.json"]:
        return Run(benchmark, seed, folder, "missing")
    read: dict[str, Any] = {}
    try:
        if there["settings.yaml"]:
            read["settings"] = run_folder.read_record(folder / "settings.yaml", SETTINGS)
        if there["machine.json"]:
            read["machine"] = run_folder.read_record(folder / "machine.json", MACHINE)
        if not there["metrics.json"]:
            run_folder.read_history(folder / "history.csv")
            return Run(benchmark, seed, folder, "killed", **read)
        metrics = run_folder.check(folder)
        if metrics["state"] not in STATES[:3]:
            states = ", ".join(STATES[:3])
            raise BrokenRecord(folder / "metrics.json", f"gives the state {metrics['state']!r}; a run is {states}")
        timings = run_folder.read_json(folder / "timings.json")
        return Run(benchmark, seed, folder, metrics["state"], metrics=metrics, timings=timings, **read)
    except BrokenRecord as error:
        return Run(benchmark, seed, folder, "damaged", damage=f"{error.path.name} {error.fault}", **read)


def read_seeds(folder: Path, benchmark: str, seeds: Iterable[int]) -> list[Run]:
    """The runs in `folder`/seed-<n>: every expected seed, and any other that lies there."""
    names = [path.name for path in folder.glob("seed-*") if path.is_dir()]
    found = {int(name.removeprefix("seed-")) for name in names if re.fullmatch(r"seed-\d+", name, re.ASCII)}
    return [read_run(folder / f"seed-{seed}", benchmark, seed) for seed in sorted(found | set(seeds))]


def read_runs(folder: Path, seeds: Mapping[str, Iterable[int]]) -> list[Run]:
    """Every seed of every benchmark of `seeds`, in the order given, from `folder`/<benchmark>; gaps are `missing`."""
    return [run for benchmark in seeds for run in read_seeds(folder / benchmark, benchmark, seeds[benchmark])]
