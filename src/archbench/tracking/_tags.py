"""The tags by which runs in MLflow are found again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import Run

    from archbench.tracking.store import Store, Tracking

KIND = "archbench.kind"
"""`benchmark` and `study` are parents; `seed` and `trial` are their children, and `fold` those of a trial."""
TRIAL = "archbench.trial"
OF_TRIAL = "archbench.of_trial"
FOLD = "archbench.fold"
BENCHMARK = "archbench.benchmark"
FOLDER = "archbench.folder"
RECIPE = "archbench.recipe"
STATE = "archbench.state"
STALE = "archbench.stale"
"""`true` on runs of settings, code or data that are no longer the current ones."""
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


def is_stale(run: Run) -> bool:
    """Whether a run is set aside."""
    return STALE in run.data.tags


def retire(tracking: Tracking, run: Run) -> None:
    """Set a run aside: it stays, and comparisons leave it out."""
    if not is_stale(run):
        tracking.client.set_tag(run.info.run_id, STALE, "true")
    if run.info.status == "RUNNING":
        close(tracking, run, "KILLED")


def revive(tracking: Tracking, run: Run) -> None:
    """Take a run back that was set aside."""
    if is_stale(run):
        tracking.client.delete_tag(run.info.run_id, STALE)


def close(tracking: Tracking, run: Run, status: str) -> None:
    """End a run at the time of its last epoch."""
    seen = run.data.tags.get(SEEN, run.info.start_time)
    tracking.client.set_terminated(run.info.run_id, status, end_time=int(seen))
