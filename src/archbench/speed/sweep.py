"""Sweeping: `archbench sweep` against a plain loop of Optuna, `keras.Model.fit` and MLflow's Keras callback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import mlflow
import mlflow.keras
import numpy as np
import optuna
import yaml

from archbench.config import Arm, Range
from archbench.databases import sqlite_url
from archbench.datasets import store
from archbench.errors import UserError
from archbench.speed.pairs import Pair, interleave, row
from archbench.speed.tracking import store_at
from archbench.speed.workshop import Site, trial
from archbench.sweeps import space, storage
from archbench.training.build import build_learner, build_task

EPOCHS = 4
BATCH_SIZE = 32
WORKERS = 2
STUDY = "speed"
ARMS = {
    "adam": Arm(
        optimizer={"name": "adam"},
        space={"learning_rate": Range(low=1e-4, high=0.03, log=True)},
    ),
    "momentum": Arm(
        optimizer={"name": "momentum"},
        space={"learning_rate": Range(low=1e-4, high=0.3, log=True)},
    ),
}


class SweepFailed(UserError):
    """A sweep that was measured and did not end well."""


@dataclass(frozen=True)
class Outcome:
    """One sweep: how long the command took, how long from the first trial's start to the last one's end."""

    wall_seconds: float
    trial_seconds: float
    points: Mapping[str, Sequence[Mapping[str, float]]]
    """Arm -> the values that Optuna chose, trial by trial."""

    @property
    def trials(self) -> int:
        """How many ended, over all arms."""
        return sum(len(points) for points in self.points.values())


class OurSweep:
    """The command `archbench sweep` in a project of its own: two workers, tracking and final runs included."""

    def __init__(self, project: Path, trials: int) -> None:
        self.project = project
        (project / "pipelines").mkdir(parents=True)
        text = yaml.safe_dump(_params(trials), sort_keys=False)
        (project / "params.yaml").write_text(text, encoding="utf-8")
        self.outcomes: list[Outcome] = []

    def __call__(self) -> float:
        """Run the study from nothing; trials a minute, not counting the start of the processes."""
        shutil.rmtree(self.project / "studies", ignore_errors=True)
        command = [sys.executable, "-m", "archbench", "sweep", STUDY]
        start = time.perf_counter()
        done = subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - start
        if done.returncode:
            raise SweepFailed(f"{' '.join(command)} failed in {self.project}:\n{done.stderr.strip()}")
        self.outcomes.append(self._outcome(wall))
        return 60 * self.outcomes[-1].trials / self.outcomes[-1].trial_seconds

    def _outcome(self, wall: float) -> Outcome:
        shared = storage.open_storage(self.project / "studies" / "speed" / f"{STUDY}.journal")
        names = optuna.get_all_study_names(shared)
        studies = {name.rpartition("/")[2]: optuna.load_study(study_name=name, storage=shared).trials for name in names}
        trials = [one for several in studies.values() for one in several]
        span = max(one.datetime_complete for one in trials) - min(one.datetime_start for one in trials)
        points = {arm: [one.params for one in studies[arm]] for arm in ARMS}
        return Outcome(wall, span.total_seconds(), points)


class PlainSweep:
    """The loop that one would write: a network and a `fit` a trial, an MLflow run a trial, one process."""

    def __init__(self, ours: OurSweep) -> None:
        self._ours = ours
        self.losses: list[list[float]] = []
        """Keras's training losses, trial by trial, of the last sweep."""

    def __call__(self) -> float:
        """Run the trials that our last sweep ran; trials a minute."""
        prepared = store.load(self._ours.project / "data" / "prepared" / "speed" / "digits")
        data = {name: _arrays(prepared, name) for name in ("train", "validation")}
        outcome, self.losses = self._ours.outcomes[-1], []
        start = time.perf_counter()
        for arm, points in outcome.points.items():
            study = optuna.create_study(direction="maximize")
            for point in points:
                study.enqueue_trial(point)
            study.optimize(lambda one, arm=arm: self._objective(one, arm, prepared, data), n_trials=len(points))
        return 60 * outcome.trials / (time.perf_counter() - start)

    def _objective(self, one: optuna.Trial, arm: str, prepared: store.Prepared, data: Mapping[str, Any]) -> float:
        numbers = space.suggest(one, ARMS[arm].space)
        optimizer = {**ARMS[arm].optimizer.spec, **numbers}
        settings = trial({"architecture": "lenet5", "optimizer": optimizer}, prepared)
        learner = build_learner(settings, prepared.card, build_task(settings, prepared.card), seed=0)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        learner.model.compile(optimizer=learner.optimizer, loss=loss, metrics=["accuracy"])
        with mlflow.start_run():
            fitted = learner.model.fit(
                *data["train"],
                batch_size=BATCH_SIZE,
                epochs=EPOCHS,
                validation_data=data["validation"],
                callbacks=[mlflow.keras.MlflowCallback()],
                verbose=0,
            )
        self.losses.append(fitted.history["loss"])
        return max(fitted.history["val_accuracy"])


def trials_a_minute(site: Site) -> list[dict]:
    """Two rows: the trials alone, and with the start of our command and its two workers in the time."""
    ours = OurSweep(site.folder / "project", site.options.sweep_trials)
    database = site.folder / "plain.db"
    mlflow.set_tracking_uri(sqlite_url(database))
    mlflow.set_experiment(experiment_id=_experiment(site.folder))
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with store_at(site.folder / "ours.db"):
            pair = interleave(ours, PlainSweep(ours), site.options.repeats)
    finally:
        optuna.logging.set_verbosity(verbosity)
        mlflow.set_tracking_uri(None)
    counted = ours.outcomes[1:]  # the first one warmed up
    walls = Pair([60 * outcome.trials / outcome.wall_seconds for outcome in counted], pair.baseline)
    start = np.median([outcome.wall_seconds - outcome.trial_seconds for outcome in counted])
    what = (
        f"LeNet-5 on digits, {counted[0].trials} trials of {EPOCHS} epochs; ours: {WORKERS} workers, tracked; "
        "baseline: Optuna, model.fit and mlflow.keras.MlflowCallback in a running process"
    )
    return [
        row("sweep", "trials/min", pair, f"{what}; from the first trial's start to the last one's end"),
        row(
            "sweep-with-start",
            "trials/min",
            walls,
            f"{what}; our whole command, of which {start:.0f} s are its start, tables and final runs",
        ),
    ]


def _params(trials: int) -> dict[str, Any]:
    """The params.yaml of the project that is swept: the arms, nothing pruned, one seed."""
    arms = {
        name: {
            "optimizer": arm.optimizer.name,
            "space": {key: json.loads(r.model_dump_json()) for key, r in arm.space.items()},
        }
        for name, arm in ARMS.items()
    }
    study = {
        "base": {"architecture": "lenet5", "dataset": "digits", "batch_size": BATCH_SIZE},
        "trials": trials,
        "epochs": EPOCHS,
        "pruner": "none",
        "workers": WORKERS,
        "arms": arms,
    }
    return {
        "pipeline": "speed",
        "seeds": [0],
        "datasets": {"digits": {"size": 32}},
        "benchmarks": {},
        "studies": {STUDY: study},
    }


def _experiment(folder: Path) -> str:
    """An experiment whose artifacts stay in `folder`; MLflow's own default is the working folder."""
    return mlflow.create_experiment("plain", artifact_location=(folder / "plain-artifacts").as_uri())


def _arrays(prepared: store.Prepared, split: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = prepared.splits[split]
    return np.asarray(arrays["image"], "float32"), np.asarray(arrays["label"])
