"""Where MLflow keeps its copy of the run folders, and a client of it that is safe to open in parallel."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock

from archbench.errors import UserError
from archbench.project import NotAProject, owning_project, project_root

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET_AND_QUICK = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""Environment of processes that speak to MLflow, where the user has not set it: seconds, not minutes."""

LOCK_SECONDS = 120.0
"""The longest wait for another process that writes the same; creating a database takes one or two."""


class NoProject(UserError):
    """A command run outside any project, with no tracking server named."""


class TrackingUnavailable(UserError):
    """A tracking store that cannot be opened."""


@dataclass(frozen=True)
class Store:
    """Addresses of the copy: `uri` for MLflow; the rest is set where the project itself holds the files."""

    uri: str
    root: Path | None
    """The project, which folder names in tags are relative to; none outside a project."""
    database: Path | None
    artifacts: Path | None

    @property
    def shown(self) -> str:
        """The address without a password."""
        parts = urlsplit(self.uri)
        if "@" not in parts.netloc:
            return self.uri
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


@dataclass
class Tracking:
    """An open store."""

    client: MlflowClient
    store: Store
    _experiments: dict[str, str] = field(default_factory=dict)

    def experiment(self, name: str) -> str:
        """The id of an experiment, which is created if need be."""
        if name not in self._experiments:
            with self.lock(f"experiment {name}"):
                self._experiments[name] = self._find_experiment(name)
        return self._experiments[name]

    def _find_experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            artifacts = self.store.artifacts
            # MLflow's own default is relative to the working folder, so each stage would have its own.
            location = (artifacts / name).as_uri() if artifacts else None
            return self.client.create_experiment(name, artifact_location=location)
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return found.experiment_id

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        """Keep other processes of this machine from copying `what` into the same store meanwhile."""
        name = hashlib.sha256(f"{self.store.uri} {what}".encode()).hexdigest()[:24]
        folder = Path(tempfile.gettempdir()) / f"archbench-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        with FileLock(folder / f"{name}.lock", timeout=LOCK_SECONDS):
            yield


def locate(start: Path | None = None) -> Store:
    """The store: `MLFLOW_TRACKING_URI` if set, else SQLite beside the project; of an experiment, that of its owner.

    Raises `NoProject` where there is neither.
    """
    try:
        root = owning_project(project_root(start))
    except NotAProject:
        root = None
    uri = os.environ["MLFLOW_TRACKING_URI"] if os.environ.get("MLFLOW_TRACKING_URI") else ""
    if not uri:
        if root is None:
            raise NoProject(
                f"{(start or Path.cwd()).resolve()} is in no project: neither it nor a folder above holds params.yaml "
                "and pipelines/. Change into one, or set MLFLOW_TRACKING_URI."
            )
        uri = f"sqlite:///{root / 'mlflow.db'}"
    if not uri.startswith("sqlite:///"):
        return Store(uri, root, None, None)
    database = Path(uri.removeprefix("sqlite:///")).resolve()
    return Store(f"sqlite:///{database}", root, database, database.parent / "mlartifacts")


def failures() -> tuple[type[Exception], ...]:
    """What a store that is down, slow, locked or damaged raises."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, sqlite3.Error, OSError


def connect(store: Store) -> Tracking:
    """Open the store, creating or migrating a database of our own first.

    Raises `TrackingUnavailable`, saying why, if it cannot be opened.
    """
    for name, value in QUIET_AND_QUICK.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    try:
        if store.database is None:
            client = MlflowClient(store.uri)
            client.search_experiments(max_results=1)
        else:
            client = _open_database(store)
    except failures() as error:
        raise TrackingUnavailable(
            f"The MLflow store {store.shown} cannot be opened: {_first_line(error)} The run folders are not "
            "affected. Check MLFLOW_TRACKING_URI, then run: archbench sync"
        ) from error
    return Tracking(client, store)


def _open_database(store: Store) -> MlflowClient:
    """Open under a lock: two processes that create MLflow's tables at once leave a database of no use."""
    from mlflow import MlflowClient
    from sqlalchemy import Engine, event

    if not event.contains(Engine, "connect", _relax):
        event.listen(Engine, "connect", _relax)
    store.database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{store.database}.lock", timeout=LOCK_SECONDS):
        if not store.database.exists():
            _create_database(store)
        with closing(sqlite3.connect(store.database)) as database:
            database.execute("PRAGMA schema_version")  # no database at all: MLflow would try for minutes
        try:
            client = MlflowClient(store.uri)
            client.search_experiments(max_results=1)
        except failures():  # an older MLflow wrote it
            _upgrade(store.database)
            client = MlflowClient(store.uri)
            client.search_experiments(max_results=1)
    return client


def _relax(connection: Any, record: Any) -> None:
    """Leave it to SQLite when to flush: a power cut may cost the last commits, which the run folders still hold."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=NORMAL")


def _create_database(store: Store) -> None:
    """Create under another name and rename, so that a kill half way leaves nothing."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    fresh = store.database.with_name(f"{store.database.name}.new")
    for ending in ("", "-journal", "-wal", "-shm"):
        fresh.with_name(f"{fresh.name}{ending}").unlink(missing_ok=True)
    SqlAlchemyStore(f"sqlite:///{fresh}", store.artifacts.as_uri()).engine.dispose()
    with closing(sqlite3.connect(fresh)) as database:
        # Readers (MLflow's pages) and writers do not wait for each other, and a commit does not wait for the disk.
        database.execute("PRAGMA journal_mode=WAL")
    os.replace(fresh, store.database)


def _upgrade(path: Path) -> None:
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise TrackingUnavailable(
            f"The MLflow database {path} cannot be brought to the version of the installed MLflow: {reason} "
            "Move it away and run: archbench sync"
        )


def _first_line(error: Exception) -> str:
    line = (str(error).splitlines() or [""])[0].strip()[:300]
    return f"{line or type(error).__name__}{'' if line.endswith('.') else '.'}"
