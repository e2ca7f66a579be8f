"""Where MLflow keeps its copy of the run folders, and a client of it that is safe to open in parallel."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archbench import databases
from archbench.databases import ANSWER_SECONDS, LOCK_SECONDS, Unusable, first_line, within
from archbench.errors import UserError
from archbench.project import NotAProject, owning_project, project_root
from archbench.secrets import scrub

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET_AND_QUICK = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""Environment of processes that speak to MLflow, where the user has not set it: seconds, not minutes."""

UPLOAD_SECONDS = 600.0
"""The longest wait for one upload to a server."""
ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"
"""MLflow's own variable for the place of new experiments' files."""


class NoProject(UserError):
    """A command run outside any project, with no tracking server named."""


class TrackingUnavailable(UserError):
    """A tracking store that cannot be opened."""


class TrackingRefused(TrackingUnavailable):
    """A tracking store that no later try would open either: see `Unusable`."""


class UnfitFolder(UserError):
    """A project in a folder whose name MLflow cannot hold."""


@dataclass(frozen=True)
class Store:
    """Addresses of the copy: `uri` for MLflow; the rest is set where archbench itself writes the database."""

    uri: str
    root: Path | None
    """The project, which folder names in tags are relative to; none outside a project."""
    database: Path | None
    """The SQLite file; none for a server and for other databases."""
    artifacts: str | None
    """URI of the folder of new experiments' files; none for a server, which has its own."""

    @property
    def shown(self) -> str:
        """The address without user and password, and without percents where it is a file."""
        if self.database is not None:
            return f"{databases.SQLITE}{self.database}"
        return scrub(re.sub(r"(?<=://)[^/]*@", "", self.uri))


@dataclass
class Tracking:
    """An open store."""

    client: MlflowClient
    store: Store
    artifacts: str | None = None
    """URI of the folder of new experiments' files; none where the server knows."""
    _experiments: dict[str, str] = field(default_factory=dict)
    described: dict[str, dict[str, str]] = field(default_factory=dict)
    """Experiment -> what this connection told of it."""

    def experiment(self, name: str) -> str:
        """The id of an experiment, which is created if need be."""
        if name not in self._experiments:
            with self.lock(f"experiment {name}"):
                self._experiments[name] = self._find_experiment(name)
        return self._experiments[name]

    def _find_experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            # MLflow's own default is relative to the working folder, so each stage would have its own.
            location = f"{self.artifacts}/{name}" if self.artifacts else None
            return self.client.create_experiment(name, artifact_location=location)
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return found.experiment_id

    def lock(self, what: str) -> AbstractContextManager[None]:
        """Keep other processes of this machine from copying `what` into the same store meanwhile."""
        return databases.machine_lock(f"{self.store.uri} {what}")


def locate(start: Path | None = None) -> Store:
    """The store: `MLFLOW_TRACKING_URI` if set, else SQLite beside the project; of an experiment, that of its owner.

    Raises `NoProject` where there is neither, and `UnfitFolder` where a path is not UTF-8.
    """
    try:
        root = owning_project(project_root(start))
    except NotAProject:
        root = None
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri and root is None:
        raise NoProject(
            f"{(start or Path.cwd()).resolve()} is in no project: neither it nor a folder above holds params.yaml "
            "and pipelines/. Change into one, or set MLFLOW_TRACKING_URI."
        )
    try:
        return _locate(uri or databases.sqlite_url(root / "mlflow.db"), root)
    except UnicodeEncodeError:
        raise UnfitFolder(
            f"{os.fsencode(root or Path.cwd())!r} is no UTF-8, which MLflow needs. Rename the folder, or set "
            "MLFLOW_TRACKING_URI to a server's address."
        ) from None


def _locate(uri: str, root: Path | None) -> Store:
    if not databases.is_database(uri):
        return Store(uri, root, None, None)
    database = databases.sqlite_path(uri)
    if database is not None:
        database = database.resolve()
        uri, beside = databases.sqlite_url(database), database.parent
    else:
        beside = root or Path.cwd()
    str(beside).encode("utf-8")
    folder = os.environ.get(ARTIFACT_ROOT) or "mlartifacts"
    return Store(uri, root, database, folder if urlsplit(folder).scheme else (beside / folder).as_uri())


def failures() -> tuple[type[Exception], ...]:
    """What a store that is down, slow, locked or damaged raises."""
    from mlflow.exceptions import MlflowException

    return MlflowException, *databases.failures()


def connect(store: Store) -> Tracking:
    """Open the store, creating or migrating a database of our own first.

    Raises `TrackingUnavailable`, saying why, if it cannot be opened; `TrackingRefused` if it never will.
    """
    for name, value in QUIET_AND_QUICK.items():
        os.environ.setdefault(name, value)
    try:
        if store.artifacts is None:
            client = _open_server(store)
            return Tracking(client, store)
        databases.check(store.uri)
        if store.database is not None:
            return Tracking(_open_file(store), store, store.artifacts)
        return within(LOCK_SECONDS, _open_shared, store)
    except failures() as error:
        kind = TrackingRefused if isinstance(error, Unusable) else TrackingUnavailable
        mend = "Check MLFLOW_TRACKING_URI, then run"
        if kind is TrackingRefused and store.database is not None:
            mend = "Move the file away, then make it anew from them"
        raise kind(
            f"The MLflow store {store.shown} cannot be opened: {first_line(error)} The run folders are not "
            f"affected. {mend}: archbench sync"
        ) from error


class _Limited:
    """A client whose every call ends: with its answer, or with `TimeoutError`."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        seconds = UPLOAD_SECONDS if name.endswith(("artifact", "artifacts")) else ANSWER_SECONDS
        return partial(within, seconds, getattr(self._client, name))


def _open_server(store: Store) -> MlflowClient:
    from mlflow import MlflowClient

    client = _Limited(MlflowClient(store.uri))
    client.search_experiments(max_results=1)
    return client


def _open_shared(store: Store) -> Tracking:
    """A database on a server: files go where its first experiment's do, if that is no folder of some machine."""
    from mlflow import MlflowClient
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with databases.only_creator(store.uri):
        SqlAlchemyStore(store.uri, store.artifacts)  # makes the tables of a fresh one
    client = _Limited(MlflowClient(store.uri))
    first = client.get_experiment(SqlAlchemyStore.DEFAULT_EXPERIMENT_ID).artifact_location
    in_folder = urlsplit(first).scheme in ("", "file", "mlflow-artifacts") or os.environ.get(ARTIFACT_ROOT)
    return Tracking(client, store, store.artifacts if in_folder else first.rpartition("/")[0])


def _open_file(store: Store) -> MlflowClient:
    """Open under a lock: two processes that create MLflow's tables at once leave a database of no use."""
    from mlflow import MlflowClient
    from sqlalchemy import Engine, event

    if not event.contains(Engine, "connect", _relax):
        event.listen(Engine, "connect", _relax)
    with databases.only_creator(store.uri):
        if not store.database.exists():
            _create_database(store)
        try:
            client = MlflowClient(store.uri)
            client.search_experiments(max_results=1)
        except failures():  # an older MLflow wrote it
            damage = databases.find_damage(store.database)
            if damage is not None:
                raise Unusable(f"{store.database}: {damage}") from None
            _upgrade(store)
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
    SqlAlchemyStore(databases.sqlite_url(fresh), store.artifacts).engine.dispose()
    with closing(sqlite3.connect(fresh)) as database:
        # Readers (MLflow's pages) and writers do not wait for each other, and a commit does not wait for the disk.
        database.execute("PRAGMA journal_mode=WAL")
    for ending in ("-journal", "-wal", "-shm"):  # of a damaged one that was moved away
        store.database.with_name(f"{store.database.name}{ending}").unlink(missing_ok=True)
    os.replace(fresh, store.database)


def _upgrade(store: Store) -> None:
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", store.uri]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise TrackingUnavailable(
            f"The MLflow database {store.database} cannot be brought to the version of the installed MLflow: {reason} "
            "Move it away and run: archbench sync"
        )
