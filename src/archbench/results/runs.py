"""Run folders as the places of a report: whatever became of a run, it is dropped nowhere."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from archbench.records import read
from archbench.records.run_folder import read_json, read_shown


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
    rows: Sequence[Mapping[str, float]] = ()
    """Its epochs, as far as it came."""
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
        return self.score_on("test", metric)

    def score_on(self, split: str, metric: str) -> float:
        """The score `metric` of the chosen model on a split; NaN where the run has none."""
        return number(self.scores.get(split, {}).get(metric)) if self.finished else math.nan

    @property
    def scores(self) -> Mapping[str, Mapping[str, Any]]:
        """The scores of the chosen model by split: validation, test, and any other that the data have."""
        return self.metrics.get("scores", {})

    def is_of(self, data: Mapping[str, str | None]) -> bool:
        """Whether the run was made on these data: data set -> the digest of its content; one left out is not known."""
        dataset = self.settings.get("dataset")
        return dataset not in data or self.settings["dataset_sha256"] == data[dataset]

    @cached_property
    def answers(self) -> frozenset[str]:
        """The names of what its network, or any part of it, answers; empty where the run left no network."""
        path = self.folder / "signature.json"
        signature = {} if self.damage or not path.is_file() else read_json(path)
        parts = signature.get("parts", {"": signature}).values()
        return frozenset(name for part in parts for name in part.get("outputs", ()))

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row an epoch; empty where training wrote none."""
        return pd.DataFrame(list(self.rows))

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """The arrays of predictions.npz by name, with its snapshots; empty where the run wrote none."""
        return {} if self.damage else read_shown(self.folder)


def number(value: float | None) -> float:
    """A JSON number, where the record writes null for what is not finite."""
    return math.nan if value is None else float(value)


def read_run(folder: Path, benchmark: str, seed: int) -> Run:
    """The run in `folder`, or the place where it should be."""
    found = read.read_run(folder)
    return Run(
        benchmark,
        seed,
        folder,
        found.state,
        settings=found.settings,
        machine=found.machine,
        metrics=found.metrics or {},
        timings=found.timings or {},
        rows=found.history,
        damage=f"{found.fault.path.name} {found.fault.fault}" if found.fault else None,
    )


def read_seeds(folder: Path, benchmark: str, seeds: Iterable[int]) -> list[Run]:
    """The runs in `folder`/seed-<n>: every expected seed, and any other that lies there."""
    names = [path.name for path in folder.glob("seed-*") if path.is_dir()]
    found = {int(name.removeprefix("seed-")) for name in names if re.fullmatch(r"seed-\d+", name, re.ASCII)}
    return [read_run(folder / f"seed-{seed}", benchmark, seed) for seed in sorted(found | set(seeds))]


def read_runs(folder: Path, seeds: Mapping[str, Iterable[int]]) -> list[Run]:
    """Every seed of every benchmark of `seeds`, in the order given, from `folder`/<benchmark>; gaps are `missing`."""
    return [run for benchmark in seeds for run in read_seeds(folder / benchmark, benchmark, seeds[benchmark])]
