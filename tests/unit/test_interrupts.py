"""Ctrl-C and SIGTERM, sent to real processes at every stage of their work."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import tracking_folders as make
from mlflow import MlflowClient

PARAMS = """\
pipeline: small
seeds: [0]
datasets:
  digits: {size: 32}
benchmarks:
  long: {architecture: lenet5, dataset: digits, epochs: 5000}
studies:
  rates:
    base: {architecture: lenet5, dataset: digits}
    arms:
      sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}
      adam: {optimizer: adam, space: {learning_rate: {low: 0.001, high: 0.1, log: true}}}
    trials: 50
    epochs: 50
    workers: 2
"""
PAGES = Path(__file__).parents[2] / "pipelines"
SAID = {signal.SIGINT: "archbench: interrupted\n", signal.SIGTERM: "archbench: terminated\n"}
END_SECONDS = 10
"""For a busy machine; the promise is two."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in a folder of its own, with the pages of the pipeline."""
    for name in ("MLFLOW_TRACKING_URI", "DVC_STAGE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pipelines").symlink_to(PAGES)
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


STARTED: list[subprocess.Popen] = []


@pytest.fixture(autouse=True)
def _nothing_is_left_running():
    """A test that fails leaves no training behind, which would go on beside all tests after it."""
    yield
    while STARTED:
        process = STARTED.pop()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def start(project: Path, *words: str, **environment: str) -> subprocess.Popen:
    """A process in a group of its own, as a terminal starts it, which heeds interrupts whatever this one does."""
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    STARTED.append(process)
    return process


def family(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def heeds(process: subprocess.Popen) -> bool:
    """Whether a handler for SIGTERM is in place."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def await_(process: subprocess.Popen, condition) -> None:
    def there() -> bool:
        assert process.poll() is None, process.communicate()
        return condition()

    assert make.wait_until(there, seconds=120)


def end(process: subprocess.Popen, number: signal.Signals, *, group: bool = False) -> float:
    """Send the signal; the process must end with its line and its code. Returns the seconds that this took."""
    sent = time.monotonic()
    (os.killpg if group else os.kill)(process.pid, number)
    _, stderr = process.communicate(timeout=END_SECONDS)
    took = time.monotonic() - sent
    assert stderr == SAID[number]
    assert process.returncode == 128 + number
    return took


def gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


IN_C = """
import hashlib
from archbench.interrupts import heeded
with heeded():
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""
SWALLOWED = """
import time
from archbench.interrupts import heeded
class Noisy:
    def __del__(self):
        raise ValueError
with heeded():
    print("begun", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            Noisy()
"""


@pytest.mark.parametrize("number", SAID)
@pytest.mark.parametrize("code", [IN_C, SWALLOWED])
def test_a_process_ends_in_the_middle_of_one_long_call_and_whatever_a_library_makes_of_it(tmp_path, code, number):
    """A compilation is such a call: no handler in Python runs before it returns."""
    process = start(tmp_path, "-c", code)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.2)
    end(process, number)


def test_an_interrupt_that_the_caller_ignores_stays_ignored(tmp_path):
    """As that of `nohup archbench train ... &`."""
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    process = start(tmp_path, "-c", code + IN_C)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    end(process, signal.SIGTERM)


def test_train_ends_while_it_imports(project):
    process = start(project, "-m", "archbench", "train", "long")
    await_(process, lambda: heeds(process))
    time.sleep(0.3)
    end(process, signal.SIGINT, group=True)


@pytest.mark.slow
def test_train_ends_in_the_middle_of_an_epoch_and_mlflow_knows(project):
    process = start(project, "-m", "archbench", "train", "long")
    await_(process, lambda: any(project.glob("runs/small/long/seed-0/history.csv")))

    def statuses() -> list[str]:
        if not (project / "mlflow.db").is_file():  # which a client would make, beside the follower
            return []
        client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
        experiments = [one.experiment_id for one in client.search_experiments()]
        return [run.info.status for run in client.search_runs(experiments)]

    await_(process, lambda: "RUNNING" in statuses())
    others = family(process)
    assert any("archbench.tracking.follow" in other.cmdline() for other in others)
    end(process, signal.SIGTERM)
    assert make.wait_until(lambda: gone(others), seconds=60)
    assert set(statuses()) == {"KILLED"}


@pytest.mark.slow
def test_a_sweep_ends_with_its_workers_in_one_line(project):
    """The terminal sends the interrupt to all that belong to it: only one of them may speak."""
    process = start(project, "-m", "archbench", "sweep", "rates")
    working = "archbench.sweep_worker"
    await_(process, lambda: sum(working in one.cmdline() for one in family(process) if one.is_running()) == 2)
    time.sleep(3)
    others = family(process)
    end(process, signal.SIGINT, group=True)
    assert make.wait_until(lambda: gone(others), seconds=60)


@pytest.mark.slow
@pytest.mark.parametrize(("shell", "number"), [("dash", signal.SIGINT), ("bash", signal.SIGTERM)])
def test_a_stage_ends_with_dvc(project, shell, number):
    """DVC passes an interrupt's exit code on in a line of its own, and dies at once of SIGTERM: its stage notices.

    It does so whether the shell that DVC uses runs the stage in its own place (bash) or waits for it (dash).
    """
    if (shell := shutil.which(shell)) is None:
        pytest.skip("needs this shell")
    programs = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": programs, "DVC_NO_ANALYTICS": "true", "SHELL": shell}
    subprocess.run([sys.executable, "-m", "archbench", "plan", "--write"], cwd=project, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=project, check=True)
    process = start(project, "-m", "dvc", "repro", "train@long", **environment)
    await_(process, lambda: any(project.glob("runs/small/long/seed-0/machine.json")))
    others = family(process)
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, stderr = process.communicate(timeout=END_SECONDS)
    assert stderr.startswith(SAID[number])
    assert "Traceback" not in stderr
    assert process.returncode == (255 if number == signal.SIGINT else -signal.SIGTERM)
    assert make.wait_until(lambda: gone(others), seconds=60)
