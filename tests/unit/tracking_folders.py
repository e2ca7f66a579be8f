"""Run and study folders written as the record prescribes, without training, for the tests of tracking."""

import csv
import json
import os
import platform
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from archbench.records import run_folder
from archbench.tracking import store

EPOCH = {
    "step": 10,
    "learning_rate": 0.1,
    "train_loss": 1.5,
    "validation_loss": 1.25,
    "validation_accuracy": 0.5,
    "gradient_norm": 2.0,
    "weight_norm": 3.0,
    "compile_seconds": 0.0,
    "input_seconds": 0.25,
    "step_seconds": 0.5,
    "evaluation_seconds": 0.25,
}
DEAD = 2**22 - 7
"""A process id above what the kernel gives out by default."""


_fresh: list[Path] = []


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """A fresh MLflow database, made once for all test files: its migrations take seconds."""
    if not _fresh:
        root = tmp_path_factory.mktemp("empty")
        project(root)
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            store.connect(store.locate(root))
        _fresh.append(root / "mlflow.db")
    return _fresh[0]


@pytest.fixture(name="project")
def tracked_project(tmp_path, monkeypatch, empty_database):
    """A project with an empty store; the working folder is in it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    project(tmp_path)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(name="tracking")
def open_tracking(project):
    return store.connect(store.locate())


def project(folder: Path) -> None:
    """Make `folder` the root of a project."""
    (folder / "pipelines").mkdir()
    (folder / "params.yaml").touch()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def settings(benchmark="lenet5-digits", seed=0, trial="t0", **changes):
    return {
        "id": trial,
        "pipeline": "tour",
        "benchmark": benchmark,
        "seed": seed,
        "architecture": {"name": "lenet5", "widths": [6, 16]},
        "scale": "paper",
        "dataset": "digits",
        "task": {"name": "classification"},
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "schedule": {"name": "constant"},
        "epochs": 3,
        "batch_size": 32,
        "augmentation": [],
        "preprocessing": {"name": "none"},
        "clip": None,
        "early_stopping": None,
        "precision": "float32",
        "parts": {},
        "dataset_sha256": "ab" * 32,
        "code_sha256": "cd" * 32,
    } | changes


def machine(**changes):
    return {
        "backend": "tensorflow",
        "backend_version": "2.21.0",
        "keras_version": "3.15.1",
        "archbench_version": "0.1.0",
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": "a cpu",
        "cpu_extensions": ["avx2", "fma"],
        "cores": 2,
        "memory_bytes": 8_000_000_000,
        "device": "a cpu",
        "device_kind": "cpu",
        "xla": True,
        "xla_rule": "auto",
        "precision": "float32",
        "git_commit": "0123456789abcdef",
        "git_dirty": False,
        "dvc_stage": "train@lenet5-digits",
        "pid": os.getpid(),
        "host": platform.node(),
        "started": now(),
    } | changes


def rows(epochs, **changes):
    return [{"epoch": n, **EPOCH, "step": 10 * n, "train_loss": 1.5 / n, **changes} for n in range(1, epochs + 1)]


def begin(folder: Path, chosen, history=(), **machine_changes) -> Path:
    """A run that is going on (or was killed)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").unlink(missing_ok=True)
    (folder / "settings.yaml").write_text(yaml.safe_dump(chosen, sort_keys=False))
    (folder / "machine.json").write_text(json.dumps(machine(**machine_changes)))
    extend(folder, history)
    return folder


def extend(folder: Path, history) -> None:
    """Replace the history by these rows."""
    path = folder / "history.csv"
    if not history:
        path.unlink(missing_ok=True)
        return
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def end(folder: Path, test=None, state="finished", model: Path | None = None, **changes) -> Path:
    """The end of a run: model, timings, metrics."""
    if model is not None:
        (folder / "model.keras").write_bytes(model.read_bytes())
    timings = {
        "compile_seconds": 0.0,
        "input_seconds": 0.75,
        "step_seconds": 1.5,
        "evaluation_seconds": 0.75,
        "train_seconds": 2.25,
        "total_seconds": 4.0,
        "examples_per_second": 640.0,
        "step_milliseconds": 50.0,
        "peak_memory_bytes": 1_000_000,
    }
    result = {
        "state": state,
        "message": None,
        "diverged_at_step": None,
        "epochs_run": 3,
        "best_epoch": 2,
        "monitor": "accuracy",
        "maximize": True,
        "scores": {
            "validation": {"loss": 0.5, "accuracy": 0.75},
            "test": {"loss": 0.625, "accuracy": 0.5} if test is None else test,
        },
        "parameters": 61_706,
        "parameters_total": 61_706,
        "multiply_adds": 416_520,
    } | changes
    (folder / "timings.json").write_text(json.dumps(timings))
    run_folder.seal(folder, result)
    return folder


def finished(folder: Path, chosen=None, test=None, model: Path | None = None) -> Path:
    begin(folder, settings() if chosen is None else chosen, rows(3))
    return end(folder, test, model=model)


def study(folder: Path, trials, folds=()) -> Path:
    """A study with `trials`: (arm, number, state, value, {tuned number: value}, [curve]).

    `folds`: (arm, number, [score]).
    """
    folder.mkdir(parents=True, exist_ok=True)
    resolved = {
        "study": folder.name,
        "base": {"architecture": {"name": "lenet5"}, "scale": "paper", "dataset": "digits"},
        "arms": {arm: {"sampler": None} for arm in ("sgd", "adam")},
        "cross": {},
        "trials": 4,
        "epochs": 4,
        "folds": None,
        "sampler": "tpe",
        "pruner": "median",
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(resolved))
    (folder / "machine.json").write_text(json.dumps(machine()))
    (folder / "arms.csv").write_text(
        "arm,trials,epochs,folds,seeds,sampler,pruner\nsgd,4,4,,1,tpe,median\nadam,4,4,,1,tpe,median\n"
    )
    names = sorted({f"param_{name}" for trial in trials for name in trial[4]})
    header = ["study", "arm", "number", "state", "value", "epochs_run", "seconds", "worker", "enqueued", *names]
    with open(folder / "trials.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        for arm, number, state, value, tuned, curve in trials:
            row = dict(
                zip(header, [folder.name, arm, number, state, value, len(curve), 2.5, 0, number == 0], strict=False)
            )
            writer.writerow(row | {f"param_{name}": number for name, number in tuned.items()})
    with open(folder / "trials_history.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arm", "number", "epoch", "value"])
        for arm, number, _, _, _, curve in trials:
            writer.writerows([arm, number, epoch, value] for epoch, value in enumerate(curve, start=1))
    if folds:
        with open(folder / "trials_folds.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["arm", "number", "fold", "value"])
            for arm, number, scores in folds:
                writer.writerows([arm, number, fold, value] for fold, value in enumerate(scores))
    return folder


def wait_until(condition, seconds=30.0):
    """Poll until `condition()` is true; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
