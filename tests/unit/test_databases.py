"""Stores that are damaged, locked or never answer, and folders of any name."""

import contextlib
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
import sqlalchemy
import tracking_folders as make
from test_live_tracking import server, trickle

from archbench import databases
from archbench.cli import checks
from archbench.sweeps import storage
from archbench.tracking import live, store, ui
from archbench.tracking.sync import sync_all

empty_database = make.empty_database

ODD_NAMES = [
    "q%20x", "100%", "%2F", "a b", "trail ", "new\nline", "ü", "日本", "a#b", "a?b", "a;b", "a&b", "a=b", "a@b", "a:b",
    "a+b", "it's", 'a"b', "[x]", "{x}", "*", "~", "$HOME", "-x", "back\\slash", "file:",
]  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE", store.ARTIFACT_ROOT):
        monkeypatch.delenv(name, raising=False)
    make.project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    import keras

    path = tmp_path_factory.mktemp("model") / "model.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    return path


@pytest.mark.parametrize("name", ODD_NAMES)
def test_sqlalchemy_reads_every_path_out_of_its_url(tmp_path, name):
    path = tmp_path / name / "mlflow.db"
    url = databases.sqlite_url(path)
    assert sqlalchemy.make_url(url).database == str(path)
    assert databases.sqlite_path(url) == path
    assert databases.sqlite_path(f"{url}?timeout=5") == path


def test_a_project_in_a_folder_of_any_name_is_copied(tmp_path, monkeypatch, empty_database, saved_model):
    """The database, the files, the model, and no folder beside them that a name was misread as."""
    for variable in ("MLFLOW_TRACKING_URI", store.ARTIFACT_ROOT):
        monkeypatch.delenv(variable, raising=False)
    for name in ODD_NAMES[::3]:
        root = tmp_path / name
        root.mkdir()
        make.project(root)
        shutil.copy(empty_database, root / "mlflow.db")
        make.finished(root / "runs/tour/lenet5-digits/seed-0", model=saved_model)
        tracking = store.connect(store.locate(root))
        assert sync_all(root, tracking).runs_changed == 1
        experiment = tracking.client.get_experiment_by_name("tour/classification").experiment_id
        (run,) = tracking.client.search_runs([experiment], "tags.`archbench.kind` = 'seed'")
        assert "settings.yaml" in [file.path for file in tracking.client.list_artifacts(run.info.run_id)]
        (model,) = tracking.client.search_logged_models([experiment])
        assert "MLmodel" in [file.path for file in tracking.client.list_logged_model_artifacts(model.model_id)]
        assert list(root.glob("mlartifacts/tour/classification/models/*/artifacts/MLmodel"))
        addresses = ui._addresses(tracking)
        assert sqlalchemy.make_url(addresses["MLFLOW_BACKEND_STORE_URI"]).database == str(root / "mlflow.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(ODD_NAMES[::3])


@pytest.mark.skipif(sys.platform == "darwin", reason="every name is UTF-8 there")
def test_a_folder_that_mlflow_cannot_name_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = tmp_path / "caf\udce9"
    root.mkdir()
    make.project(root)
    monkeypatch.chdir(root)
    with pytest.raises(store.UnfitFolder, match=r"caf\\xe9' is no UTF-8") as refused, live.live(root / "a/b", 1):
        pytest.fail("it trains")
    assert "\n" not in str(refused.value)


def test_relative_and_encoded_addresses_of_a_user(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other%20place/mlflow.db?timeout=3")
    assert store.locate().database == project / "other place/mlflow.db"
    assert store.locate().artifacts == (project / "other place/mlartifacts").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host")
    assert (store.locate().database, store.locate().artifacts) == (None, None)


def _garbage(path, _):
    path.write_text("no database at all" * 100)


def _truncate(path, empty):
    path.write_bytes(empty.read_bytes()[: empty.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_garbage, "file is not a database"),
        (_truncate, "malformed"),
        (lambda path, _: path.mkdir(), "is a folder"),
    ],
)
def test_a_damaged_database_is_refused_at_once(project, monkeypatch, empty_database, spoil, says):
    spoil(project / "mlflow.db", empty_database)
    monkeypatch.setattr(store, "_upgrade", lambda store: pytest.fail("it is taken for an old one"))
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"it waits {seconds} s to try again"))
    with pytest.raises(store.TrackingRefused, match=says) as refused:
        store.connect(store.locate())
    assert str(project / "mlflow.db") in str(refused.value)
    monkeypatch.setenv("OPTUNA_STORAGE", f"sqlite:///{project}/mlflow.db")
    if spoil is not _truncate:  # the tables that Optuna makes are no part of what is lost
        with pytest.raises(storage.StorageUnreachable, match=says):
            storage.open_storage(project / "a.journal")
    found = {finding.check: finding for finding in checks.check_stores()}
    assert says in found["MLflow"].text
    assert found["MLflow"].mend.endswith(" && archbench sync")
    subprocess.run(found["MLflow"].mend.removesuffix(" && archbench sync"), shell=True, check=True)
    assert not (project / "mlflow.db").exists()
    assert spoil is _truncate or says in found["Optuna"].text


def test_a_database_that_another_process_holds_is_waited_for_a_little(project, monkeypatch, empty_database):
    shutil.copy(empty_database, project / "mlflow.db")
    monkeypatch.setattr(databases, "CONNECT_SECONDS", 0.1)
    with closing(sqlite3.connect(project / "mlflow.db")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(store.TrackingUnavailable, match=r"mlflow\.db: database is locked") as refused:
            store.connect(store.locate())
        assert databases.find_damage(project / "mlflow.db") is None
    assert not isinstance(refused.value, store.TrackingRefused)  # it may be free again at the next look
    store.connect(store.locate())


def test_a_missing_driver_is_one_line_that_names_its_package(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not installed
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ann:hunter2@127.0.0.1:1/db")
    monkeypatch.setenv("OPTUNA_STORAGE", "postgresql://ann:hunter2@127.0.0.1:1/db")
    with pytest.raises(store.TrackingRefused) as refused:
        store.connect(store.locate())
    with pytest.raises(storage.StorageUnreachable) as unreachable:
        storage.open_storage(project / "a.journal")
    found = {finding.check: finding.text for finding in checks.check_stores()}
    for text in (str(refused.value), str(unreachable.value), found["MLflow"], found["Optuna"]):
        assert "psycopg is not installed. Run: pip install 'psycopg[binary]'." in text
        assert "hunter2" not in text
        assert "\n" not in text


def test_training_says_why_its_runs_were_not_taken(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+nodriver://ann:hunter2@127.0.0.1:1/db")
    folder = project / "runs/tour/lenet5-digits/seed-0"
    with live.live(folder.parent, limit_seconds=100) as tracker:
        make.finished(folder)
    assert "did not take all runs" in tracker.message
    assert "nodriver" in tracker.message
    assert live.log_of(folder.parent) == project / "runs/tour/.lenet5-digits.tracking.log"  # not in the output of DVC
    assert live.log_of(project / "studies/tour/rates") == project / "studies/tour/.rates.tracking.log"
    log = live.log_of(folder.parent).read_text()
    assert log.count("cannot be opened") == 1  # one try: another one would be refused as well
    assert "hunter2" not in log + tracker.message


def _drip_after_the_first(handler):
    """A whole answer to the question after experiments, and a byte a moment to every other."""
    if not handler.path.endswith("experiments/search"):
        trickle(handler)
        return
    content = json.dumps({"experiments": []}).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.mark.parametrize("answer", [trickle, _drip_after_the_first])
def test_a_server_that_drips_is_given_up(project, monkeypatch, answer):
    """Every byte comes within the limit of a read; the whole answer would take a minute."""
    monkeypatch.setattr(store, "ANSWER_SECONDS", 1.0)
    make.finished(project / "runs/tour/lenet5-digits/seed-0")
    with server(answer) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(store.TrackingUnavailable, match="no answer within 1 s"):
            sync_all(project, store.connect(store.locate()))


def test_a_database_server_that_drips_is_given_up(monkeypatch):
    pytest.importorskip("psycopg", reason="the driver is not installed: pip install 'psycopg[binary]'")
    monkeypatch.setattr(databases, "ANSWER_SECONDS", 1.0)

    def drip(listener):
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            for byte in b"E\x00\x00\x75\x30" + b"x" * 100:
                connection.send(bytes([byte]))
                time.sleep(0.2)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        with pytest.raises(TimeoutError, match="no answer within 1 s"):
            databases.check(f"postgresql://ann:pw@127.0.0.1:{listener.getsockname()[1]}/db?sslmode=disable")
