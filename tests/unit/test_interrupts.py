"""Ctrl-C and SIGTERM, sent to real processes at every stage of their work."""

import os
import signal
import subprocess
import sys
import time
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
  compiled:
    architecture: {name: densenet121, growth: 8, stem_width: 16}
    dataset: digits
    epochs: 2
    xla: "on"
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


def start(project: Path, *words: str, **environment: str) -> subprocess.Popen:
    """A process in a group of its own, as a terminal starts it, which heeds interrupts whatever this one does."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


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


def at_import(project: Path, process: subprocess.Popen) -> bool:
    return heeds(process)


def at_compilation(project: Path, process: subprocess.Popen) -> bool:
    """Its machine.json is written just before the program is compiled."""
    return any(project.glob("runs/small/*/seed-0/machine.json"))


def mid_epoch(project: Path, process: subprocess.Popen) -> bool:
    return any(project.glob("runs/small/*/seed-0/history.csv"))


@pytest.mark.slow
@pytest.mark.parametrize("number", SAID)
@pytest.mark.parametrize(
    ("benchmark", "moment"), [("long", at_import), ("compiled", at_compilation), ("long", mid_epoch)]
)
def test_train_ends_with_one_line_at_any_moment(project, benchmark, moment, number):
    process = start(project, "-m", "archbench", "train", benchmark)
    await_(process, lambda: moment(project, process))
    if moment is at_compilation:
        time.sleep(3)
    others = family(process)
    took = end(process, number, group=number == signal.SIGINT)
    print(f"{benchmark} {moment.__name__} {number.name}: {took:.2f} s")
    assert make.wait_until(lambda: not any(other.is_running() for other in others), seconds=30)
