"""Run folders, read as they are: finished, diverged, failed, killed or missing, never dropped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from archbench.errors import UserError
from archbench.tracking import run_folder

STATES = ("finished", "diverged", "failed", "killed", "stale", "missing")
"""What can have become of a run, best first; the first three are written in metrics.json, the others are inferred."""


class BrokenRecord(UserError):
    """A file of a run or study folder that is not what its writer writes."""


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
        return pd.DataFrame(run_folder.read_history(self.folder / "history.csv"))

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """The arrays of predictions.npz by name; empty where the run wrote none."""
        path = self.folder / "predictions.npz"
        return run_folder.read_arrays(path) if path.is_file() else {}


def number(value: float | None) -> float:
    """A JSON number, where the record writes null for what is not finite."""
    return math.nan if value is None else float(value)


def read_run(folder: Path, benchmark: str, seed: int) -> Run:
    """The run in `folder`: `missing` without settings, `killed` with settings but without metrics.json."""
    if not (folder / "settings.yaml").is_file():
        return Run(benchmark, seed, folder, "missing")
    settings, machine = read_yaml(folder / "settings.yaml"), read_json(folder / "machine.json")
    metrics, timings = read_json(folder / "metrics.json"), read_json(folder / "timings.json")
    state = metrics["state"] if metrics else "killed"
    if state not in STATES:
        raise BrokenRecord(
            f"{folder / 'metrics.json'} gives the state {state!r}; a run is {', '.join(STATES[:3])}. "
            'Delete that folder and run "dvc repro".'
        )
    return Run(benchmark, seed, folder, state, settings, machine, metrics, timings)


def read_seeds(folder: Path, benchmark: str, seeds: Iterable[int]) -> list[Run]:
    """The runs in `folder`/seed-<n>: every expected seed, and any other that lies there."""
    found = {int(path.name.removeprefix("seed-")) for path in folder.glob("seed-[0-9]*") if path.is_dir()}
    return [read_run(folder / f"seed-{seed}", benchmark, seed) for seed in sorted(found | set(seeds))]


def read_runs(folder: Path, seeds: Mapping[str, Iterable[int]]) -> list[Run]:
    """Every seed of every benchmark of `seeds`, in the order given, from `folder`/<benchmark>; gaps are `missing`."""
    return [run for benchmark in seeds for run in read_seeds(folder / benchmark, benchmark, seeds[benchmark])]


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file; empty where there is no such file."""
    return _read(path, json.loads, json.JSONDecodeError)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty where there is no such file."""
    return _read(path, yaml.safe_load, yaml.YAMLError)


def _read(path: Path, parse: Any, error: type[Exception]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    advice = 'Delete its folder and run "dvc repro".'
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except (error, UnicodeDecodeError) as problem:
        raise BrokenRecord(f"{path} cannot be read: {problem}. {advice}") from problem
    if not isinstance(content, dict):
        raise BrokenRecord(f"{path} holds {type(content).__name__}, a mapping was expected. {advice}")
    return content
