"""The copy in MLflow of one study folder: a parent run, a child for every trial, and of it one for every fold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from archbench.records.read import RunFolder, StudyFolder, digest, is_alive, milliseconds, read_study
from archbench.records.run_folder import read_json
from archbench.records.shapes import TUNED
from archbench.tracking import _tags
from archbench.tracking._values import as_numbers, as_params, as_tags, clean_name, log, points
from archbench.tracking._views import NOTE, describe_trials, note_of_study

if TYPE_CHECKING:
    from mlflow.entities import Run

    from archbench.tracking.store import Tracking

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
ARMS = "arms_compared.csv"
UPLOADED = (
    "settings.yaml",
    "machine.json",
    "trials.csv",
    "arms.csv",
    "trials_history.csv",
    "trials_folds.csv",
    "best.yaml",
    "metrics.json",
    "figures",
)


def sync_study(folder: Path, tracking: Tracking) -> int:
    """Bring MLflow up to date with one study folder; returns how many trials were new or incomplete.

    Raises `HalfWritten` for a folder that holds no study yet, and `BrokenRecord` for one that is damaged.
    """
    study = read_study(folder)
    experiment = tracking.experiment(study.experiment)
    with tracking.lock(f"{experiment} {study.path}"):
        parent = _open_parent(tracking, experiment, study)
        copied = _sync_trials(tracking, experiment, study, parent)
        _settle_parent(tracking, parent, study)
        tuned = list(dict.fromkeys(n.removeprefix(TUNED) for row in study.trials for n in row if n.startswith(TUNED)))
        judged = next(study.finished_runs(), None)
        describe_trials(tracking, experiment, tuned, maximize=judged is None or judged.metrics["maximize"])
    return copied


def _open_parent(tracking: Tracking, experiment: str, study: StudyFolder) -> Run:
    recipe, label = digest(study.settings), _tags.label(study.path, tracking.store)
    found = _tags.find(tracking, experiment, folder=label, kind="study")
    mine = [parent for parent in found if parent.data.tags[_tags.RECIPE] == recipe]
    for parent in found:
        if parent not in mine[:1]:
            _tags.retire(tracking, parent)
    if mine:
        _tags.revive(tracking, mine[0])
        return mine[0]
    tags = {
        _tags.KIND: "study",
        _tags.FOLDER: label,
        _tags.RECIPE: recipe,
        _tags.SUPERSEDED: "false",
        "archbench.study": study.name,
        "archbench.pipeline": study.pipeline,
    }
    start = milliseconds(study.machine["started"])
    parent = tracking.client.create_run(experiment, start_time=start, tags=as_tags(tags), run_name=study.name)
    log(tracking.client, parent.info.run_id, params=_params(study.settings))
    return parent


def _params(settings: Mapping[str, Any]) -> dict[str, str]:
    """What a reader compares studies by; what every arm changes is in the artifact settings.yaml."""
    told = {name: value for name, value in settings.items() if name not in ("study", "arms", "cross", "space")}
    told["arms"] = ", ".join(settings["arms"])
    told["cross"] = {axis: ", ".join(values) for axis, values in (settings.get("cross") or {}).items()}
    space = settings.get("space") or {}
    told["space"] = {name: given.get("choices") or _as_range(given) for name, given in space.items()}
    return as_params(told)


def _as_range(number: Mapping[str, Any]) -> str:
    kinds = [name.replace("_", " ") for name, value in number.items() if value is True]
    return ", ".join([f"{number['low']:g} to {number['high']:g}", *kinds])


def _sync_trials(tracking: Tracking, experiment: str, study: StudyFolder, parent: Run) -> int:
    """Copy the trials that MLflow lacks; those of an earlier attempt at the study are set aside."""
    label = _tags.label(study.path, tracking.store)
    known: dict[str, Run] = {}
    for trial in _tags.find(tracking, experiment, folder=label, kind="trial"):
        known.setdefault(trial.data.tags[_tags.TRIAL], trial)
    rows = {_identify(study, row): row for row in study.trials}
    for name, trial in known.items():
        folds = _tags.find(tracking, experiment, of_trial=name, kind="fold") if study.folds else []
        for run in (trial, *folds):
            (_tags.revive if name in rows else _tags.retire)(tracking, run)
    open_rows = {n: row for n, row in rows.items() if n not in known or known[n].info.status == "RUNNING"}
    for name, row in open_rows.items():
        run_id = known[name].info.run_id if name in known else _create_trial(tracking, study, parent, name, row)
        _sync_folds(tracking, experiment, study, run_id, name, row)
        _fill_trial(tracking, study, run_id, row)  # last: a trial that has ended is not looked at again
    return len(open_rows)


def _identify(study: StudyFolder, row: Mapping[str, str]) -> str:
    """A trial is the same one if its study's settings, its place, its numbers and its result are."""
    told = {name: value for name, value in row.items() if name not in ("seconds", "worker")}
    return digest([study.settings, told])


def _create_trial(tracking: Tracking, study: StudyFolder, parent: Run, name: str, row: Mapping[str, str]) -> str:
    tags = {
        _tags.KIND: "trial",
        _tags.TRIAL: name,
        _tags.SUPERSEDED: "false",
        **_tags.source(study.machine),
        _tags.FOLDER: _tags.label(study.path, tracking.store),
        _tags.PARENT: parent.info.run_id,
        "archbench.study": study.name,
        "archbench.pipeline": study.pipeline,
        "archbench.arm": row["arm"],
        _tags.STATE: row["state"],
    }
    created = tracking.client.create_run(
        parent.info.experiment_id,
        start_time=milliseconds(study.machine["started"]),
        tags=as_tags(tags),
        run_name=f"{row['arm']} {row['number']}",
    )
    return created.info.run_id


def _sync_folds(
    tracking: Tracking, experiment: str, study: StudyFolder, trial: str, name: str, row: Mapping[str, str]
) -> None:
    """A child run of the trial for the score of every fold; those that an earlier try left are filled in."""
    scores = study.folds.get((row["arm"], row["number"]), [])
    known = {run.data.tags[_tags.FOLD]: run for run in _tags.find(tracking, experiment, of_trial=name, kind="fold")}
    start = milliseconds(study.machine["started"])
    for fold, value in scores:
        tags = {
            _tags.KIND: "fold",
            _tags.SUPERSEDED: "false",
            _tags.OF_TRIAL: name,
            _tags.FOLD: fold,
            _tags.PARENT: trial,
            _tags.FOLDER: _tags.label(study.path, tracking.store),
            "archbench.study": study.name,
            "archbench.arm": row["arm"],
        }
        title = f"{row['arm']} {row['number']}, fold {fold}"
        run = known.get(str(fold)) or tracking.client.create_run(
            experiment, start_time=start, tags=as_tags(tags), run_name=title
        )
        log(tracking.client, run.info.run_id, points({"value": value}, start, step=0), as_params({"fold": fold}))
        tracking.client.set_terminated(run.info.run_id, "FINISHED", end_time=start)


def _fill_trial(tracking: Tracking, study: StudyFolder, run_id: str, row: Mapping[str, str]) -> None:
    """Params, curve and result in one call; points have times that follow from the row, so twice is once."""
    start = milliseconds(study.machine["started"])
    seconds = _number(row["seconds"])
    end = start + int(1000 * (seconds if math.isfinite(seconds) else 0))
    curve = study.curves.get((row["arm"], row["number"]), [])
    metrics = []
    for place, (epoch, value) in enumerate(curve, start=1):
        metrics += points({"validation/value": value}, start + (end - start) * place // len(curve), epoch)
    result = {
        "value": _number(row["value"]),
        "epochs_run": _number(row["epochs_run"]),
        "system/seconds": seconds,
    }
    metrics += points(result, end, step=0)
    tuned = {n.removeprefix(TUNED): v for n, v in row.items() if n.startswith(TUNED) and v}
    own = study.settings["arms"].get(row["arm"], {}).get("architecture")
    architecture = own or study.settings["base"]["architecture"]
    params = as_params({"arm": row["arm"], "number": row["number"], "architecture": architecture, **tuned})
    log(tracking.client, run_id, metrics, params)
    tracking.client.set_terminated(run_id, STATUS[row["state"]], end_time=end)


def _settle_parent(tracking: Tracking, parent: Run, study: StudyFolder) -> None:
    """Counts, summary, artifacts and status of the study as a whole."""
    client, run_id = tracking.client, parent.info.run_id
    done = (study.path / "metrics.json").exists()
    final = next(study.finished_runs(), None) if done else None
    numbers = _numbers(study, final)
    fresh = {n: v for n, v in numbers.items() if parent.data.metrics.get(clean_name(n)) != v}
    machine, content = study.machine, digest([study.trials, numbers, done])
    if final is not None:
        settings = final.settings
        _tags.log_dataset(tracking, parent, settings["pipeline"], settings["dataset"], settings["dataset_sha256"])
    tags = as_tags(
        {
            _tags.HOST: machine["host"],
            _tags.PID: machine["pid"],
            _tags.STARTED: machine["started"],
            _tags.STATE: _state(study, done),
            **_tags.source(machine),
            **{f"archbench.{fact}": machine[fact] for fact in ("backend", "device")},
            **({"archbench.score": final.metrics["monitor"]} if final else {}),
        }
    )
    if NOTE not in parent.data.tags:
        tags[NOTE] = note_of_study(study, _tags.label(study.path, tracking.store))
    if parent.data.tags.get(_tags.ENDED) != content:
        if done:
            _log_arms(tracking, run_id, study)
        for name in UPLOADED:
            path = study.path / name
            if path.is_dir():
                client.log_artifacts(run_id, str(path), artifact_path=name)
            elif path.exists():
                client.log_artifact(run_id, str(path))
        tags[_tags.ENDED] = content
    last = milliseconds(machine["started"])
    log(client, run_id, points(fresh, last, step=len(study.trials)), tags=_changed(parent, tags))
    status = {"finished": "FINISHED", "running": "RUNNING", "killed": "KILLED"}[_state(study, done)]
    if status == "RUNNING" and parent.info.status != status:
        client.update_run(run_id, status=status)
    elif parent.info.status != status:
        ends = [run.seen for run in study.finished_runs()]
        client.set_terminated(run_id, status, end_time=max(ends, default=last))


def _log_arms(tracking: Tracking, run_id: str, study: StudyFolder) -> None:
    """The table of the arms as the report has it; MLflow's pages open it as a table."""
    from archbench.results.studies import read_study as read_arms

    arms = read_arms(study.path, study.name, ())
    with TemporaryDirectory() as folder:
        path = Path(folder) / ARMS
        arms.table().to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
        tracking.client.log_artifact(run_id, str(path))


def _numbers(study: StudyFolder, final: RunFolder | None) -> dict[str, Any]:
    """Trials by how they ended; and, given a final run, every arm's best validation score and mean test score."""
    numbers: dict[str, Any] = {f"trials/{state}": 0 for state in STATUS}
    for row in study.trials:
        numbers[f"trials/{row['state']}"] += 1
    if final is None:
        return numbers
    best = yaml.safe_load((study.path / "best.yaml").read_text(encoding="utf-8"))
    for arm, tests in read_json(study.path / "metrics.json").items():
        numbers[f"best_validation/{arm}"] = best.get(arm, {}).get("value")
        numbers[f"final_test/{arm}"] = tests.get(final.metrics["monitor"], {}).get("mean")
    return as_numbers(numbers)


def _changed(run: Run, tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if run.data.tags.get(name) != value}


def _state(study: StudyFolder, done: bool) -> str:
    if done:
        return "finished"
    return "running" if is_alive(study.machine) else "killed"


def _number(text: str) -> float:
    return float(text) if text else math.nan
