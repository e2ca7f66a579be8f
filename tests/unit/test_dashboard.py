"""`archbench ui --optuna` and `--report`: which storage, which address, and what is said where there is nothing."""

import os
import sys
import time
import types
import urllib.request

import pytest
from typer.testing import CliRunner

from archbench.cli.app import app
from archbench.stages import open_pipeline
from archbench.sweeps import storage
from archbench.tracking import beside, ui

PARAMS = """\
pipeline: toy
datasets: {digits: {}}
benchmarks: {}
studies:
  first: &study
    base: {architecture: lenet5, dataset: digits}
    trials: 1
    epochs: 1
    space: {learning_rate: {low: 0.1, high: 1}}
    arms: {a: {optimizer: sgd}}
  second: *study
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    return tmp_path


@pytest.fixture
def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refuse(*words):
    done = CliRunner().invoke(app, ["ui", *words])
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


def sweep(project, slug, when):
    journal = project / "studies" / "toy" / f"{slug}.journal"
    storage.open_study(storage.open_storage(journal), f"toy/{slug}/a", True, "none").ask()
    os.utime(journal, (when, when))


@pytest.fixture
def shown(monkeypatch):
    """Stands for optuna-dashboard: answers with the names of the studies in the storage that it was given."""
    import optuna

    def wsgi(shared):
        def answer(environ, start):
            start("200 OK", [("Content-Type", "text/plain")])
            return ["\n".join(optuna.get_all_study_names(shared)).encode()]

        return answer

    monkeypatch.setitem(sys.modules, "optuna_dashboard", types.ModuleType("optuna_dashboard"))
    sys.modules["optuna_dashboard"].wsgi = wsgi
    told = []

    def read(wait, show):
        address = told[-1].rpartition(" ")[2]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=10) as answer:
            told.append(answer.read().decode())

    monkeypatch.setattr(beside, "until_interrupted", read)

    def open_dashboard(study, port):
        told.clear()
        beside.dashboard(*open_pipeline(), study, port, show=told.append)
        return told

    return open_dashboard


def test_the_dashboard_shows_the_study_that_was_swept_last_or_the_one_named(project, shown, free_port):
    sweep(project, "second", time.time())
    sweep(project, "first", time.time() - 100)
    assert shown(None, free_port) == [
        f"Optuna, trials of the study second: http://127.0.0.1:{free_port}/dashboard",
        "toy/second/a",
    ]
    assert shown("first", free_port)[1] == "toy/first/a"


def test_the_dashboard_shows_the_database_that_is_named(project, shown, free_port, monkeypatch):
    monkeypatch.setenv("OPTUNA_STORAGE", f"sqlite:///{project}/optuna.db")
    storage.open_study(storage.open_storage(project / "x"), "toy/all/a", True, "none")
    assert shown(None, free_port) == [
        f"Optuna, trials of OPTUNA_STORAGE: http://127.0.0.1:{free_port}/dashboard",
        "toy/all/a",
    ]


def test_without_the_extra_one_line_says_how_to_install_it(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert refuse("--optuna") == ("error: optuna-dashboard is not installed. Run: pip install 'archbench[dashboard]'")


def test_what_cannot_be_served_is_refused_in_a_line(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", types.ModuleType("optuna_dashboard"))
    sys.modules["optuna_dashboard"].wsgi = None
    assert "There are no trials yet (studies: first, second). Run: archbench sweep NAME" in refuse("--optuna")
    assert "Run: archbench sweep first" in refuse("--optuna", "--study", "first")
    assert "has no study 'frist'. Did you mean first?" in refuse("--optuna", "--study", "frist")
    assert "Add --optuna" in refuse("--study", "first")
    assert "Give one of them" in refuse("--optuna", "--report")
    assert refuse("--report").endswith("holds no report. Run: archbench report")


def test_the_site_is_served_from_its_folder_alone_until_the_end(project, free_port):
    out = project / "reports" / "toy"
    (out / "pages").mkdir(parents=True)
    (out / "index.html").write_text("the report")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with beside.site(out, free_port) as address:
        assert address == f"http://127.0.0.1:{free_port}"
        assert opener.open(f"{address}/", timeout=10).read() == b"the report"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            opener.open(f"{address}/../../params.yaml", timeout=10)
        with pytest.raises(ui.PortInUse, match="archbench ui --port"), beside.site(out, free_port):
            pass
    with pytest.raises(OSError, match="refused"):
        opener.open(f"{address}/", timeout=10)


@pytest.mark.slow
def test_the_real_dashboard_opens_our_storage(project, free_port):
    dashboard = pytest.importorskip("optuna_dashboard", reason="not installed: pip install 'archbench[dashboard]'")
    sweep(project, "first", time.time())
    from wsgiref.util import setup_testing_defaults

    answers = []
    environ = {"PATH_INFO": "/api/studies", "REQUEST_METHOD": "GET"}
    setup_testing_defaults(environ)
    application = dashboard.wsgi(storage.open_storage(project / "studies" / "toy" / "first.journal"))
    body = b"".join(application(environ, lambda status, headers, failed=None: answers.append(status)))
    assert answers == ["200 OK"]
    assert b"toy/first/a" in body
