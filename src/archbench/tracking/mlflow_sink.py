"""The copy in MLflow of one run folder: made and remade any number of times, also while training goes on.

No point is written twice: the run says in a tag how far its curves are copied, and a point's time follows from
the run's start and the seconds in its history, so that a copy cut off half way writes the same points again.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbench.records.read import RunFolder, digest, milliseconds, read_whole
from archbench.tracking import _tags
from archbench.tracking._model import log_model, servable
from archbench.tracking._parent import SIZES, Family, open_parent, read_family, settle_parent
from archbench.tracking._pictures import drawn
from archbench.tracking._values import as_params, as_tags, grouped, log, points
from archbench.tracking._views import NOTE, describe_experiment, note_of_benchmark

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

    from archbench.tracking.store import Tracking

STATUS = {
    "finished": "FINISHED",
    "diverged": "FAILED",
    "failed": "FAILED",
    "running": "RUNNING",
    "killed": "KILLED",
}
TIMED = ("compile_seconds", "input_seconds", "step_seconds", "evaluation_seconds")
UNDRAWN = ("epoch", "step", *TIMED)
"""Columns of a history that are no curve: the axis, and where an epoch's seconds went (the file is an artifact)."""
TIMINGS = (
    "train_seconds", "total_seconds", "examples_per_second", "step_milliseconds", "predicted_per_second",
    "peak_memory_bytes",
)  # fmt: skip
UPLOADED = ("settings.yaml", "machine.json", "metrics.json", "timings.json", "history.csv")


def sync_run(folder: Path, tracking: Tracking) -> bool:
    """Bring MLflow up to date with one run folder; returns whether there was anything to do.

    Raises `HalfWritten` for a folder that holds no run yet, and `BrokenRecord` for one that is damaged.
    """
    run = read_whole(folder)
    experiment = tracking.experiment(run.experiment)
    with tracking.lock(f"{experiment} {run.benchmark}"):
        family = read_family(run)
        parent = open_parent(tracking, experiment, family)
        copy = _find_copy(tracking, experiment, run)
        created = copy is None
        if created:
            copy = _create_copy(tracking, experiment, run, parent)
        changed = _bring_up_to_date(tracking, copy, family)
        settle_parent(tracking, parent, family)
        if run.metrics is not None and run.state == "finished":
            describe_experiment(tracking, experiment, run)
    return created or changed


def _find_copy(tracking: Tracking, experiment: str, run: RunFolder) -> Run | None:
    """The MLflow run of this trial; those of earlier settings of the same folder, or of seeds gone, are set aside."""
    there = {_tags.label(path, tracking.store) for path in run.path.parent.glob("seed-*")}
    own, beside = _tags.label(run.path, tracking.store), _tags.label(run.path.parent, tracking.store)
    found = []
    for copy in _tags.find(tracking, experiment, benchmark=run.benchmark, kind="seed"):
        folder = copy.data.tags[_tags.FOLDER]
        if folder == own:
            found.append(copy)
        elif folder not in there and folder.rpartition("/")[0] == beside:
            _tags.retire(tracking, copy)
    mine = [copy for copy in found if copy.data.tags[_tags.TRIAL] == run.settings["id"] and _goes_on(copy, run)]
    for copy in found:
        if copy not in mine[:1]:
            _tags.retire(tracking, copy)
    return mine[0] if mine else None


def _goes_on(copy: Run, run: RunFolder) -> bool:
    """Whether the folder's history continues the one copied: the same trial trained again may go another way."""
    epochs, seen = _copied(copy)
    if epochs > len(run.history):  # a resumed run stands at its checkpoint, before what it had reached
        return run.metrics is None
    return seen == run.progress(epochs)


def _copied(copy: Run) -> tuple[int, str]:
    if _tags.HISTORY not in copy.data.tags:
        return 0, digest([])
    epochs, seen = copy.data.tags[_tags.HISTORY].split()
    return int(epochs), seen


def _create_copy(tracking: Tracking, experiment: str, run: RunFolder, parent: Run) -> Run:
    client, settings = tracking.client, run.settings
    copy = client.create_run(
        experiment,
        start_time=milliseconds(run.machine["started"]),
        tags=as_tags(
            {
                _tags.KIND: "seed",
                _tags.SUPERSEDED: "false",
                _tags.TRIAL: settings["id"],
                _tags.BENCHMARK: run.benchmark,
                _tags.FOLDER: _tags.label(run.path, tracking.store),
                _tags.PARENT: parent.info.run_id,
                NOTE: note_of_benchmark(run, _tags.label(run.path, tracking.store)),
            }
        ),
        run_name=f"{run.benchmark.partition('/')[2]} seed {settings['seed']}",
    )
    for name in ("settings.yaml", "machine.json"):
        client.log_artifact(copy.info.run_id, str(run.path / name))
    return copy


def _bring_up_to_date(tracking: Tracking, copy: Run, family: Family) -> bool:
    client, run, run_id = tracking.client, family.run, copy.info.run_id
    known = copy.data.tags
    tags = as_tags(_facts(run))
    metrics, progress = _new_points(copy, run)
    changed = {name: value for name, value in {**tags, **progress}.items() if known.get(name) != value}
    params = as_params({**run.recipe, "seed": run.settings["seed"]})
    params = {name: value for name, value in params.items() if name not in copy.data.params}
    log(client, run_id, metrics, params, changed)
    settings = run.settings
    _tags.log_dataset(tracking, copy, settings["pipeline"], settings["dataset"], settings["dataset_sha256"])
    ending = run.metrics is not None and known.get(_tags.ENDED) != run.ended
    if ending:
        _log_end(tracking, copy, run)
    (_tags.revive if family.run_is_current else _tags.retire)(tracking, copy)
    status = STATUS[run.state]
    if status != copy.info.status or ending:
        _set_status(tracking, copy, run, status)
    return bool(metrics or params or changed or ending or status != copy.info.status)


def _facts(run: RunFolder) -> dict[str, Any]:
    """The tags that describe a run, but for what a parameter, the data set or MLflow's own tags tell already."""
    settings, machine = run.settings, run.machine
    facts = {
        _tags.BENCHMARK: run.benchmark,
        "archbench.pipeline": settings["pipeline"],
        "archbench.scale": settings["scale"],
        "archbench.dataset_digest": settings["dataset_sha256"],
        "archbench.code_digest": settings["code_sha256"],
        _tags.STATE: run.state,
        _tags.HOST: machine["host"],
        _tags.PID: machine["pid"],
        _tags.STARTED: machine["started"],
        **_tags.source(machine),
    }
    for name in ("git_dirty", "backend", "device", "xla"):
        facts[f"archbench.{name}"] = machine[name]
    if run.study is not None:
        facts["archbench.study"] = run.study
    if run.metrics is not None and run.metrics["message"]:
        facts["archbench.message"] = run.metrics["message"]
    return facts


def _new_points(copy: Run, run: RunFolder) -> tuple[list[Metric], dict[str, str]]:
    """The points of the epochs not copied yet, and the tags that say so."""
    copied, _ = _copied(copy)
    metrics: list[Metric] = []
    time = copy.info.start_time
    for row in run.history[copied:]:
        time = _time_of(copy, run, int(row["epoch"]))
        values = {grouped(name): value for name, value in row.items() if name not in UNDRAWN}
        metrics += points(values, time, int(row["epoch"]))
    epochs = len(run.history)
    if epochs <= copied:
        return [], {}
    return metrics, {_tags.HISTORY: f"{epochs} {run.progress(epochs)}", _tags.SEEN: str(time)}


def _time_of(copy: Run, run: RunFolder, epoch: int) -> int:
    """When an epoch ended, in milliseconds: the run's start and all seconds until then."""
    rows = run.history[:epoch]
    seconds = math.fsum(row[part] for row in rows for part in TIMED if math.isfinite(row[part]))
    return copy.info.start_time + int(1000 * seconds)


def _end_of(copy: Run, run: RunFolder) -> int:
    trained = _time_of(copy, run, len(run.history))
    total = run.timings["total_seconds"] if run.timings is not None else None
    return trained if total is None else max(trained, copy.info.start_time + int(1000 * total))


def _log_end(tracking: Tracking, copy: Run, run: RunFolder) -> None:
    """Results, artifacts and model; the tag that marks the copy complete goes last."""
    client, run_id, result = tracking.client, copy.info.run_id, run.metrics
    for name in UPLOADED:
        if (run.path / name).exists():
            client.log_artifact(run_id, str(run.path / name))
    if run.study is None:  # drawing takes ten times as long as all else: a study's many final runs would come too late
        with drawn(run) as pictures:
            client.log_artifacts(run_id, str(pictures), artifact_path="figures")
    if (run.path / "model.keras").exists():
        if servable(run.path):
            log_model(tracking, copy, run)
        else:
            client.log_artifact(run_id, str(run.path / "model.keras"), artifact_path="model")
    scores, monitor = result["scores"], result["monitor"]
    values: dict[str, Any] = {
        f"{split}/{name}": value
        for split, found in scores.items()
        if split != "validation"  # a curve already
        for name, value in found.items()
    }
    values[f"best/validation_{monitor}"] = scores["validation"].get(monitor)
    values["best/epoch"] = result["best_epoch"]
    values |= {f"model/{name}": result[name] for name in SIZES}
    values |= {f"system/{name}": (run.timings or {}).get(name) for name in TIMINGS}
    # At step 0 MLflow draws a bar with its number, at any other a curve of one point.
    log(client, run_id, points(values, _end_of(copy, run), step=0), tags={_tags.ENDED: run.ended})


def _set_status(tracking: Tracking, copy: Run, run: RunFolder, status: str) -> None:
    if status == "RUNNING":
        tracking.client.update_run(copy.info.run_id, status=status)
    else:
        tracking.client.set_terminated(copy.info.run_id, status, end_time=_end_of(copy, run))
