"""Tracking beside training: it follows, it never holds training up, and it never outlives it."""

import contextlib
import http.server
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest
import tracking_folders as make
from mlflow import MlflowClient

from archbench.tracking import store, ui
from archbench.tracking._system import Sampler
from archbench.tracking.live import live, log_of
from archbench.tracking.mlflow_sink import sync_run
from archbench.tracking.sync import find_running, sync_all

empty_database, project = make.empty_database, make.tracked_project


@contextlib.contextmanager
def server(answer):
    """A server on loopback whose every request is handled by `answer(handler)`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self):
            with contextlib.suppress(OSError):
                answer(self)

        do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815

        def log_message(self, *args):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()


def hang(handler):
    time.sleep(60)


def trickle(handler):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def fail(handler):
    handler.send_error(500)


def children():
    """The followers that this process started and that live; other tests may have left dead ones of other kinds."""
    living = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
    return [p for p in living if "archbench.tracking.follow" in " ".join(p.cmdline())]


def test_a_run_is_tracked_while_it_trains(project):
    folder = project / "runs/tour/lenet5-digits/seed-0"
    address = f"sqlite:///{project / 'mlflow.db'}"

    def status():
        if not (project / "mlflow.db").exists():
            return []
        client = MlflowClient(address)
        experiment = client.get_experiment_by_name("tour/classification")
        runs = client.search_runs([experiment.experiment_id], "tags.`archbench.kind` = 'seed'") if experiment else []
        return [(run.info.status, run.data.metrics.get("train/loss")) for run in runs]

    with live(folder.parent, limit_seconds=60) as tracker:
        make.begin(folder, make.settings(), make.rows(2))
        assert make.wait_until(lambda: status() == [("RUNNING", 0.75)], seconds=60)
        make.extend(folder, make.rows(3))
        make.end(folder)
    assert tracker.message == f"tracked in MLflow: {address}"
    assert status() == [("FINISHED", 0.5)]
    assert children() == []


def test_final_runs_of_a_study_are_tracked_when_it_ends_and_sync_finds_nothing_to_do(project):
    """They come into being while the follower looks, two seeds of an arm that nobody named to it."""
    study = project / "studies/tour/optimizers"
    with live(study, limit_seconds=60) as tracker:
        make.wait_until(lambda: "connected" in log_of(study).read_text(), seconds=60)
        for seed in (0, 1):
            chosen = make.settings("optimizers", seed=seed, trial=f"t{seed}")
            make.finished(study / f"final/sgd/seed-{seed}", chosen, {"accuracy": 0.5 + seed / 4})
        make.study(study, [("sgd", 0, "complete", 0.75, {"learning_rate": 0.1}, [0.75])])
        (study / "best.yaml").write_text("sgd: {value: 0.75}")
        (study / "metrics.json").write_text('{"sgd": {"accuracy": {"mean": 0.625}}}')
    assert tracker.message.startswith("tracked in MLflow")

    def shown():
        client = MlflowClient(store.locate().uri)
        experiment = client.get_experiment_by_name("tour/studies/optimizers").experiment_id
        return [(run.info.run_name, run.info.status, run.data.metrics) for run in client.search_runs([experiment])]

    there = shown()
    finals = {name: numbers["test/accuracy"] for name, _, numbers in there if "test/accuracy" in numbers}
    assert finals == {"optimizers/sgd seed 0": 0.5, "optimizers/sgd seed 1": 0.75}
    assert {name: numbers["final_test/sgd"] for name, _, numbers in there if "final_test/sgd" in numbers} == {
        "optimizers": 0.625
    }
    report = sync_all(project, store.connect(store.locate()))
    assert (report.runs, report.runs_changed, report.trials_changed) == (2, 0, 0)
    assert shown() == there


def test_what_training_takes_of_the_machine_is_a_curve(project):
    tracking = store.connect(store.locate())
    worker = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    trainer = subprocess.Popen([sys.executable, "-c", worker], start_new_session=True)
    try:
        for place, host in enumerate([platform.node(), "another"]):
            chosen = make.settings(f"b{place}", trial=f"t{place}")
            sync_run(make.begin(project / f"runs/tour/b{place}/seed-0", chosen, host=host, pid=trainer.pid), tracking)
        sampler = Sampler(trainer.pid)
        memory = psutil.Process(trainer.pid).memory_info().rss / 1e6
        for _ in range(3):
            sampler.log(tracking, find_running(tracking))
            time.sleep(1.0)
    finally:
        os.killpg(trainer.pid, signal.SIGKILL)
        trainer.wait()
    running = {run.info.run_name: run for run in find_running(tracking) if run.data.tags["archbench.kind"] == "seed"}
    numbers = running["b0 seed 0"].data.metrics
    assert numbers["system/cpu_percent"] > 2  # the trainer itself waits; what a full machine leaves to its worker
    assert numbers["system/memory_megabytes"] > memory  # that of the worker as well
    points = tracking.client.get_metric_history(running["b0 seed 0"].info.run_id, "system/memory_megabytes")
    assert len(points) == 3
    assert len({point.timestamp for point in points}) == 3
    assert running["b1 seed 0"].data.metrics == {}  # another machine's is not ours to measure


@pytest.mark.parametrize("answer", [hang, trickle])
def test_a_server_that_does_not_answer_costs_its_limit_and_no_more(project, monkeypatch, answer):
    with server(answer) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        start = time.monotonic()
        with live(project / "runs/tour/lenet5-digits", limit_seconds=2) as tracker:
            entered = time.monotonic() - start
            make.finished(project / "runs/tour/lenet5-digits/seed-0")
        assert time.monotonic() - start < 3.5
    assert entered < 0.5
    assert tracker.message == (
        f"MLflow at {address} did not answer within 2 s; the run folders are complete; "
        "`archbench sync` will bring it up to date"
    )
    assert children() == []


@pytest.mark.parametrize("how", ["fails", "refuses"])
def test_a_server_that_fails_is_told_in_one_line_and_sync_makes_up_for_it(project, monkeypatch, how):
    folder = project / "runs/tour/lenet5-digits/seed-0"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with server(fail) as address:
        if how == "refuses":
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                address = f"http://127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with live(folder.parent, limit_seconds=60) as tracker:
            make.finished(folder)
    assert tracker.message.startswith(f"MLflow at {address} did not take all runs (see ")
    assert "\n" not in tracker.message
    assert log_of(folder.parent).read_text().strip()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    report = sync_all(project, store.connect(store.locate()))
    assert (report.runs, report.runs_changed) == (1, 1)


def test_a_body_that_raises_is_still_copied_and_its_error_passed_on(project):
    folder = project / "runs/tour/lenet5-digits/seed-0"
    trackers = []

    def train():
        with live(folder.parent, limit_seconds=60) as tracker:
            trackers.append(tracker)
            make.begin(folder, make.settings(), make.rows(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert trackers[0].message.startswith("tracked in MLflow")


@pytest.mark.parametrize("dead", [False, True])
def test_an_error_before_anything_is_written_waits_for_no_copy(project, monkeypatch, dead):
    """A server that hangs would be waited for; a tracker that has died must not put its own error in the place."""
    started, before = [], children()

    def refused():
        with live(project / "runs/tour/one", 600):
            assert make.wait_until(lambda: [one for one in children() if one not in before])
            (tracker,) = [one for one in children() if one not in before]
            started.append(tracker)
            if dead:
                tracker.kill()
                make.wait_until(lambda: tracker.status() == psutil.STATUS_ZOMBIE)
            raise KeyError("refused")

    with server(hang) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(KeyError, match="refused"):
            refused()
        if not dead:
            assert started[0].status() != psutil.STATUS_ZOMBIE  # nobody waited for its end
            started[0].kill()


def test_the_training_process_imports_no_mlflow(project):
    code = (
        "import sys; from pathlib import Path; from archbench.tracking.live import live\n"
        "with live(Path('runs/tour/a'), 60): pass\n"
        "sys.exit('mlflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=project)


TRAINING = """
import sys, time
from pathlib import Path
import tracking_folders as make
from archbench.tracking.live import live
folder = Path(sys.argv[1])
with live(folder.parent, 60) as tracker:
    make.begin(folder, make.settings(), make.rows(2))
    print(tracker._process.pid, flush=True)
    time.sleep(600)
"""


def test_a_killed_training_process_takes_its_tracker_along_and_the_run_is_closed(project):
    folder = project / "runs/tour/lenet5-digits/seed-0"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(folder)], stdout=subprocess.PIPE, env=environment, cwd=project
    )
    follower = int(training.stdout.readline())
    log = log_of(folder.parent)
    assert make.wait_until(lambda: "connected" in log.read_text(), seconds=60)
    training.send_signal(signal.SIGKILL)
    training.wait()
    assert make.wait_until(lambda: not psutil.pid_exists(follower), seconds=60)
    client = MlflowClient(store.locate().uri)
    experiment = client.get_experiment_by_name("tour/classification").experiment_id
    assert {run.info.status for run in client.search_runs([experiment])} == {"KILLED"}


WHERE = """
import json, sys
from archbench.tracking.store import locate
from archbench.training.machine import describe
experiment = describe(xla=False, xla_rule="", precision="")["dvc_experiment"]
open(sys.argv[1], "w").write(json.dumps([str(locate().root), experiment]))
"""


@pytest.mark.slow
def test_a_real_experiment_of_dvc_finds_the_store_of_its_project(project, tmp_path_factory):
    """`dvc exp run --temp` works in a folder that is gone afterwards."""
    told = tmp_path_factory.mktemp("told") / "where.json"
    (project / "where.py").write_text(WHERE)
    (project / "pipelines/empty.py").touch()
    (project / ".gitignore").write_text("mlflow.db*")
    (project / "dvc.yaml").write_text(f"stages: {{where: {{cmd: {sys.executable} where.py {told}, deps: [where.py]}}}}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "DVC_NO_ANALYTICS": "1"}
    for name in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{name}_NAME": "test", f"GIT_{name}_EMAIL": "test@localhost"}
    dvc = [sys.executable, "-m", "dvc"]
    for command in (
        ["git", "init", "--quiet"],
        [*dvc, "init", "--quiet"],
        ["git", "add", "."],
        ["git", "commit", "--quiet", "-m", "start"],
        [*dvc, "exp", "run", "--temp", "--name", "wild"],
    ):
        subprocess.run(command, check=True, cwd=project, env=environment, capture_output=True)
    assert json.loads(told.read_text()) == [str(project), "wild"]


@pytest.mark.slow
def test_a_real_server_takes_the_runs_and_shows_them(project, monkeypatch):
    """MLflow's own server on loopback: started by the `ui` command, which says its address alone, and written to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from archbench.tracking.ui import serve; serve({port}, show=lambda line: print(line, flush=True))"
    (project / "mlflow.db").unlink()  # a fresh one is made without a word too
    said = (project / "said").open("w+")
    serving = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=said, cwd=project)
    try:
        line = serving.stdout.readline().decode().strip()
        assert line == f"MLflow: http://127.0.0.1:{port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        make.finished(project / "runs/tour/lenet5-digits/seed-0")
        tracking = store.connect(store.locate())
        assert [sync_all(project, tracking).runs_changed for _ in range(2)] == [1, 0]
        shown = []
        ui.serve(1, show=shown.append)  # a server has pages of its own: nothing is started
        assert shown == [line]
    finally:
        serving.send_signal(signal.SIGINT)
        serving.wait(30)
    assert make.wait_until(lambda: not _listens(port))
    said.seek(0)
    assert said.read() == ""


def test_what_the_server_says_of_errors_is_shown_in_full_without_secrets(capsys):
    said = [
        "[MLflow] Security middleware enabled with default settings (localhost-only). To allow ...\n",
        "2026/11/26 07:53:38 ERROR mlflow.cli: Error initializing backend store\n",
        "Traceback (most recent call last):\n",
        "  of postgresql://me:secret@localhost/runs\n",
    ]
    ui._pass_on(said)
    shown = capsys.readouterr().err.splitlines(keepends=True)
    assert shown[:2] == said[1:3]
    assert len(shown) == 3
    assert "secret" not in shown[2]


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
