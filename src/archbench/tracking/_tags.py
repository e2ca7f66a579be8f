"""The tags by which runs in MLflow are found again, and what tells a reader where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Run

    from archbench.tracking.store import Store, Tracking

KIND = "archbench.kind"
"""`benchmark` and `study` are parents; `seed` and `trial` are their children, and `fold` those of a trial; `probe` has
none."""
TRIAL = "archbench.trial"
OF_TRIAL = "archbench.of_trial"
FOLD = "archbench.fold"
BENCHMARK = "archbench.benchmark"
FOLDER = "archbench.folder"
RECIPE = "archbench.recipe"
STATE = "archbench.state"
SUPERSEDED = "archbench.superseded"
"""`true` on runs of settings, code or data that are no longer the current ones, else `false`: a table filters by it."""
NAMED_SUPERSEDED = " (superseded)"
"""What the names of such runs end with."""
EXPERIMENT = "archbench.dvc_experiment"
"""The experiment of DVC (`dvc exp run`) that made a run."""
HISTORY = "archbench.history"
"""`<epochs> <digest>`: how far the curves are copied."""
ENDED = "archbench.ended"
"""Digest of the metrics that the copy was completed with."""
SEEN = "archbench.seen"
"""Time of the last epoch copied, in milliseconds: when a killed run is said to have ended."""
HOST, PID, STARTED = "archbench.host", "archbench.pid", "archbench.started"
PARENT = "mlflow.parentRunId"


def label(folder: Path, store: Store) -> str:
    """A folder's name in tags: the same in every clone of the project."""
    folder = folder.resolve()
    inside = store.root is not None and folder.is_relative_to(store.root)
    name = folder.relative_to(store.root).as_posix() if inside else folder.as_posix()
    return name.replace("'", "_")  # a filter has no escape for it


def find(tracking: Tracking, experiment: str, **tags: str) -> list[Run]:
    """Every run of an experiment with these tags (`kind="seed"` stands for `archbench.kind`), newest first."""
    from mlflow.entities import ViewType

    conditions = " and ".join(f"tags.`archbench.{name}` = '{value}'" for name, value in tags.items())
    runs: list[Run] = []
    token = None
    while True:
        page = tracking.client.search_runs(
            [experiment], conditions, ViewType.ACTIVE_ONLY, max_results=1000, page_token=token
        )
        runs += page
        token = page.token
        if not token:
            return runs


def source(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Where a run comes from, as MLflow's column `Source` shows it, and the experiment of DVC if there was one."""
    experiment = machine.get("dvc_experiment")
    return {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": machine["dvc_stage"],
        "mlflow.source.git.commit": machine["git_commit"],
        **({EXPERIMENT: experiment} if experiment else {}),
    }


def log_dataset(tracking: Tracking, run: Run, pipeline: str, name: str, sha256: str) -> None:
    """Say once which prepared data set a run is of, as MLflow's column `Dataset` shows it."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    digest = sha256[:16]
    if any(known.dataset.digest == digest for known in run.inputs.dataset_inputs):
        return
    location = json.dumps({"uri": f"data/prepared/{pipeline}/{name}"})
    dataset = Dataset(name, digest, source_type="local", source=location)
    tag = InputTag("mlflow.data.context", "training, validation and test")
    tracking.client.log_inputs(run.info.run_id, [DatasetInput(dataset, [tag])])


def is_superseded(run: Run) -> bool:
    """Whether a run is set aside."""
    return run.data.tags.get(SUPERSEDED) == "true"


def retire(tracking: Tracking, run: Run) -> None:
    """Set a run aside: it stays, by its name and tag for what it is, and comparisons leave it out."""
    if not is_superseded(run):
        name = run.info.run_name.removesuffix(NAMED_SUPERSEDED)
        tracking.client.update_run(run.info.run_id, name=f"{name}{NAMED_SUPERSEDED}")
        tracking.client.set_tag(run.info.run_id, SUPERSEDED, "true")
    if run.info.status == "RUNNING":
        close(tracking, run, "KILLED")


def revive(tracking: Tracking, run: Run) -> None:
    """Take a run back that was set aside."""
    if is_superseded(run):
        tracking.client.update_run(run.info.run_id, name=run.info.run_name.removesuffix(NAMED_SUPERSEDED))
        tracking.client.set_tag(run.info.run_id, SUPERSEDED, "false")


def close(tracking: Tracking, run: Run, status: str) -> None:
    """End a run at the time of its last epoch."""
    seen = run.data.tags.get(SEEN, run.info.start_time)
    tracking.client.set_terminated(run.info.run_id, status, end_time=int(seen))
