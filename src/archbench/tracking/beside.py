"""What `archbench ui` serves beside MLflow's pages, or in their place: the report's site, and optuna-dashboard."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from archbench.config import Config, check_name
from archbench.errors import UserError, listed
from archbench.project import Folders
from archbench.tracking.ui import HOST, check_free, present, until_interrupted


class NoDashboard(UserError):
    """optuna-dashboard is not installed."""


class NoTrials(UserError):
    """A study without trials to show."""


class NoSite(UserError):
    """A report that has not been written."""


class _Pages(SimpleHTTPRequestHandler):
    """Files of one folder, without a line for each."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class _Threaded(ThreadingMixIn, WSGIServer):
    """A page asks for several answers at once."""

    daemon_threads = True


@contextmanager
def site(folder: Path, port: int) -> Iterator[str]:
    """Serve the report in `folder` at 127.0.0.1:`port` while the body runs; gives the address.

    Raises `NoSite` and `PortInUse`.
    """
    if not (folder / "index.html").is_file():
        raise NoSite(f"{folder} holds no report. Run: archbench report")
    check_free(port)
    with ThreadingHTTPServer((HOST, port), partial(_Pages, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{HOST}:{port}"
        finally:
            server.shutdown()


def dashboard(
    config: Config,
    folders: Folders,
    study: str | None,
    port: int,
    open_browser: bool = False,
    show: Callable[[str], None] = print,
) -> None:
    """Serve optuna-dashboard on this pipeline's trials at 127.0.0.1:`port` until interrupted.

    On the database that `OPTUNA_STORAGE` names, which has those of all studies; else on the journal of one `study`, by
    default the one that was swept last. Raises `NoDashboard`, `NoTrials`, `PortInUse` and `StorageUnreachable`.
    """
    try:
        from optuna_dashboard import wsgi
    except ImportError:
        raise NoDashboard("optuna-dashboard is not installed. Run: pip install 'archbench[dashboard]'") from None
    if study is not None:
        check_name("study", study, config.studies)
    journal = _journal(config, folders, study)
    check_free(port)
    from archbench.sweeps.storage import open_storage

    app = wsgi(open_storage(journal))
    with make_server(HOST, port, app, server_class=_Threaded, handler_class=_Quiet) as server:
        whose = "of OPTUNA_STORAGE" if os.environ.get("OPTUNA_STORAGE") else f"of the study {journal.stem}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            present(f"Optuna, trials {whose}", f"http://{HOST}:{port}/dashboard", open_browser, show)
            until_interrupted(threading.Event().wait, show)
        finally:
            server.shutdown()


def _journal(config: Config, folders: Folders, study: str | None) -> Path:
    journals = [folders.studies / f"{slug}.journal" for slug in ([study] if study else config.studies)]
    there = [path for path in journals if path.is_file()]
    if os.environ.get("OPTUNA_STORAGE"):
        return folders.studies / "none.journal"
    if not there:
        names = listed([study] if study else config.studies)
        raise NoTrials(f"There are no trials yet (studies: {names}). Run: archbench sweep {study or 'NAME'}")
    return max(there, key=lambda path: path.stat().st_mtime)
