"""Finished runs from Python: one run, the table of many, and two held against each other seed by seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from archbench.errors import UserError
from archbench.notebook import html
from archbench.records.run_folder import WITHOUT_WEIGHTS
from archbench.results import runs as reading
from archbench.results.statistics import Comparison, compare_pairs
from archbench.results.table import results_table

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure


class NoRun(UserError):
    """A folder that holds no run of a network."""


@dataclass(frozen=True)
class Run:
    """One trained seed: what its folder holds, read as it is asked for."""

    read: reading.Run

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.read.folder

    @property
    def state(self) -> str:
        """`finished`, `diverged`, `running`, `killed`, `damaged` or `missing`."""
        return self.read.state

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decided its result."""
        return self.read.settings

    @property
    def scores(self) -> Mapping[str, Mapping[str, Any]]:
        """Split -> score -> value, of the weights of the best epoch."""
        return self.read.scores

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch."""
        return self.read.history

    @property
    def predictions(self) -> dict[str, np.ndarray]:
        """What it answers to some test examples, with what these are, by name."""
        return self.read.predictions

    @cached_property
    def model(self) -> keras.Model:
        """The network with the weights of the best epoch, loaded in safe mode; it reads raw inputs."""
        from archbench.architectures.network import load_network

        if not (self.folder / "model.keras").is_file():
            why = WITHOUT_WEIGHTS if self.state == "finished" else f"the run is {self.state}"
            raise NoRun(f"{self.folder} holds no model: {why}.")
        return load_network(self.folder / "model.keras")

    def figures(self) -> dict[str, Figure]:
        """Name -> figure: the learning curve, and the pictures of its task, as the report draws them."""
        from archbench.figures.curves import learning_curves
        from archbench.figures.pictures import PICTURES

        found: dict[str, Figure] = {}
        if self.read.rows and self.read.metrics:
            monitor, name = self.read.metrics["monitor"], self.read.benchmark
            table = results_table([self.read])
            found["curve"] = learning_curves(
                table, monitor=monitor, metric=monitor.replace("_", " "), labels={name: name}
            )
        task = self.settings.get("task", {}).get("name")
        if self.predictions and task in {entry.name for entry in PICTURES}:
            found |= {picture.name: picture.figure for picture in PICTURES[task](self.predictions)}
        return found

    def _fields(self) -> dict[str, Any]:
        settings, test = self.settings, self.scores.get("test", {})
        fields = {"state": self.state, **{f"test {name}": value for name, value in test.items()}}
        for name in ("architecture", "task", "dataset", "optimizer", "schedule", "epochs", "batch_size", "seed"):
            if name in settings:
                fields[name] = settings[name]
        return {**fields, "folder": self.folder}

    def __repr__(self) -> str:
        lines = (f"  {name}: {value}" for name, value in self._fields().items())
        return "\n".join([f"run {self.read.benchmark}, seed {self.read.seed}", *lines])

    def _repr_html_(self) -> str:
        return html.table(f"run {self.read.benchmark}, seed {self.read.seed}", self._fields())


@dataclass(frozen=True)
class Compared:
    """Two benchmarks, or runs, over the seeds that both have."""

    first: str
    second: str
    metric: str
    difference: float
    """First minus second, mean over the seeds."""
    low: float
    high: float
    """The ends of its 95 % interval; NaN for a single seed."""
    p: float
    """Of the paired t test; NaN for a single seed."""
    n: int

    @property
    def sure(self) -> bool:
        """Whether the difference is one: p < 0.05."""
        return self.p < 0.05

    def _fields(self) -> dict[str, Any]:
        return {
            "difference": self.difference,
            "95 % interval": f"{self.low:.4g} to {self.high:.4g}",
            "p": self.p,
            "seeds": self.n,
            "verdict": "a difference" if self.sure else "no sure difference",
        }

    def __repr__(self) -> str:
        lines = (f"  {name}: {value}" for name, value in self._fields().items())
        return "\n".join([f"test {self.metric}: {self.first} less {self.second}", *lines])

    def _repr_html_(self) -> str:
        return html.table(f"test {self.metric}: {self.first} less {self.second}", self._fields())


def load_run(folder: str | Path) -> Run:
    """The run in a folder as `runs/tour/lenet5-digits/seed-0`; raises `NoRun`."""
    path = Path(folder)
    if not (path / "settings.yaml").is_file():
        near = sorted(str(one) for one in path.glob("seed-*"))
        hint = f" It holds {', '.join(near[:5])}: name one of these." if near else ""
        raise NoRun(f"{path} is no folder of a run: it has no settings.yaml.{hint}")
    digits = path.name.removeprefix("seed-")
    return Run(reading.read_run(path, path.resolve().parent.name, int(digits) if digits.isdigit() else 0))


def results(folder: str | Path) -> pd.DataFrame:
    """Every number of every run below a folder, tidy: a row has benchmark, seed, split, metric, epoch and value.

    The folder is one of a pipeline, as `runs/tour`, or of one benchmark. Raises `NoRun`.
    """
    return results_table([run for one in _benchmarks(Path(folder)) for run in reading.read_seeds(one, one.name, ())])


def _benchmarks(folder: Path) -> list[Path]:
    """The folders with seeds: this one, or those in it."""
    found = [one for one in (folder, *sorted(folder.glob("*"))) if any(one.glob("seed-*"))]
    if not found:
        raise NoRun(f"{folder} holds no runs: there is no folder seed-0 in it, nor in one that it holds.")
    return found[:1] if found[0] == folder else found


Side = str | Path | Run | Iterable[Run]
"""A benchmark's folder, a run, or several of them."""


def compare(first: Side, second: Side, metric: str | None = None) -> Compared:
    """Two sides seed by seed: the difference of their test scores.

    By the score that they are judged by, or another `metric`. The seeds that both have count. Raises `NoRun`.
    """
    sides = [_side(one) for one in (first, second)]
    judged = [run.metrics["monitor"] for _, runs in sides for run in runs if run.finished]
    if metric is None and len(set(judged)) != 1:
        told = ", ".join(sorted(set(judged))) or "nothing, for none has ended"
        raise NoRun(f"The two sides are judged by {told}. Name a `metric` of both.")
    metric = metric or judged[0]
    scores = [{run.seed: run.test_score(metric) for run in runs if run.finished} for _, runs in sides]
    scores = [{seed: score for seed, score in one.items() if not math.isnan(score)} for one in scores]
    if not set(scores[0]) & set(scores[1]):
        raise NoRun(f"The two sides have no seed in common with a test {metric}: train both with the same seeds.")
    found: Comparison = compare_pairs(*scores)
    interval = found.difference
    return Compared(sides[0][0], sides[1][0], metric, interval.mean, interval.low, interval.high, found.p, interval.n)


def _side(given: Side) -> tuple[str, list[reading.Run]]:
    """What one side is called, and its runs."""
    if isinstance(given, Run):
        given = [given]
    if isinstance(given, str | Path):
        (folder, *more) = _benchmarks(Path(given))
        if more:
            raise NoRun(f"{given} holds several benchmarks. Name the folder of one: {folder}.")
        return folder.name, reading.read_seeds(folder, folder.name, ())
    runs = [run.read for run in given]
    return ", ".join(dict.fromkeys(run.benchmark for run in runs)), runs
