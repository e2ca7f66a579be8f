"""MLflow's and Optuna's databases on a real PostgreSQL server."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import optuna
import postgres as server
import pytest
import tracking_folders as make
from mlflow import MlflowClient

from archbench.cli import checks
from archbench.sweeps import storage
from archbench.tracking import store
from archbench.tracking.sync import sync_all, sync_folder

postgres = server.postgres
PROCESSES = 6


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tmp_path / "q%20x"
    root.mkdir()
    make.project(root)
    monkeypatch.chdir(root)
    for name in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE", store.ARTIFACT_ROOT):
        monkeypatch.delenv(name, raising=False)
    return root


def at_once(code, folder, **environment):
    """Run `code` in six processes at once, each with its number as argument; their outputs."""
    paths = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(number)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES, outputs
    return outputs


COPY = """
import sys
from pathlib import Path
import tracking_folders as make
from archbench.tracking import store
from archbench.tracking.sync import sync_folder
folder = make.finished(Path(f"runs/tour/b{sys.argv[1]}/seed-0"), make.settings(f"b{sys.argv[1]}"))
tracking = store.connect(store.locate())
assert sync_folder(folder, folder.parent, tracking) == 1
"""


@pytest.mark.slow
def test_six_processes_share_a_fresh_database_of_mlflow(postgres, project):
    url = postgres.fresh("tracking")
    outputs = at_once(COPY, project, MLFLOW_TRACKING_URI=url)
    client = MlflowClient(url)
    experiment = client.get_experiment_by_name("tour/classification")
    assert len(client.search_runs([experiment.experiment_id])) == 2 * PROCESSES  # each run has a parent
    assert experiment.artifact_location == (project / "mlartifacts/tour/classification").as_uri()
    assert sorted(path.name for path in project.iterdir()) == ["mlartifacts", "params.yaml", "pipelines", "runs"]
    for form in (server.PASSWORD, server.ENCODED):
        assert not any(form in output for output in outputs)


def test_what_another_process_says_of_an_experiment_at_the_same_moment_is_no_fault(postgres, project, monkeypatch):
    psycopg = pytest.importorskip("psycopg")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres.fresh("moment"))
    tracking = store.connect(store.locate())
    number = tracking.experiment("tour/classification")
    folder = make.finished(project / "runs/tour/lenet5-digits/seed-0")
    with (
        psycopg.connect(postgres.url("moment")) as other,
        psycopg.connect(postgres.url("moment"), autocommit=True) as watch,
        ThreadPoolExecutor() as pool,
    ):
        tag = ("mlflow.experimentKind", "another", number)
        other.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (%s, %s, %s)", tag)
        ours = pool.submit(sync_folder, folder, folder.parent, tracking)
        while watch.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (0,):
            assert not ours.done()  # it waits for what the other has not yet committed
        other.commit()
        assert ours.result() == 1
    assert tracking.client.get_experiment(number).tags["mlflow.experimentKind"] == "custom_model_development"
    assert tracking.client.get_experiment(number).tags["mlflow.note.content"].startswith("[Compare")


STUDY = """
import sys
from pathlib import Path
from archbench.sweeps import storage
opened = storage.open_storage(Path(f"studies/tour/s{sys.argv[1]}.journal"))
study = storage.open_study(opened, "one for all", True, "none")
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
"""


@pytest.mark.slow
def test_six_processes_share_a_fresh_database_of_optuna(postgres, project):
    url = postgres.fresh("trials")
    at_once(STUDY, project, OPTUNA_STORAGE=url)
    trials = optuna.load_study(study_name="one for all", storage=url).trials
    assert sorted(trial.number for trial in trials) == list(range(PROCESSES))


def test_files_go_where_the_database_already_keeps_them(postgres, project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres.fresh("bucket"))
    tracking = store.connect(store.locate())
    assert tracking.artifacts == (project / "mlartifacts").as_uri()
    assert sync_all(project, tracking).runs == 0
    monkeypatch.setenv("OPTUNA_STORAGE", os.environ["MLFLOW_TRACKING_URI"])
    address = f"127.0.0.1:{postgres.port}/bucket: answers"
    found = {finding.check: finding.text for finding in checks.check_stores()}
    assert (found["MLflow"], found["Optuna"]) == (f"postgresql://{address}", f"postgresql://***@{address}")
    postgres.run("UPDATE experiments SET artifact_location = 's3://bucket/of/ours/0'", "bucket")
    assert store.connect(store.locate()).artifacts == "s3://bucket/of/ours"
    monkeypatch.setenv(store.ARTIFACT_ROOT, "elsewhere")
    assert store.connect(store.locate()).artifacts == (project / "elsewhere").as_uri()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (lambda postgres: postgres.url(password="hunter-wrong"), "password authentication failed"),
        (lambda postgres: postgres.url("nowhere"), 'database "nowhere" does not exist'),
    ],
)
def test_what_the_server_refuses_is_asked_for_once(postgres, project, monkeypatch, address, says):
    url = address(postgres)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("OPTUNA_STORAGE", url)
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"it waits {seconds} s to try again"))
    with pytest.raises(store.TrackingRefused, match=says) as refused:
        store.connect(store.locate())
    with pytest.raises(storage.StorageUnreachable, match=says) as unreachable:
        storage.open_storage(project / "a.journal")
    found = {finding.check: finding for finding in checks.check_stores()}
    for text in (str(refused.value), str(unreachable.value), found["MLflow"].text, found["Optuna"].text):
        assert says in text
        assert "hunter" not in text
        assert "\n" not in text
