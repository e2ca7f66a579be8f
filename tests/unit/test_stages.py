"""Stages as functions: what they tell the runs that they make."""

import os
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

from archbench import closing, locks, stages

PARAMS = """\
pipeline: small
datasets: {digits: {size: 16}}
benchmarks:
  lenet5-digits: {architecture: lenet5, dataset: digits}
studies:
  rates:
    base: {architecture: lenet5, dataset: digits}
    arms: {sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}}
    trials: 2
    epochs: 1
"""


@pytest.mark.parametrize(("stage", "slug"), [("train", "lenet5-digits"), ("sweep", "rates")])
def test_a_run_is_told_which_stage_makes_it(stage, slug, tmp_path, monkeypatch, capsys):
    """Before any process is started that inherits it: the workers of a study and the one that tracks."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHBENCH_STAGE", "none")
    told = []

    @contextmanager
    def live(folder, seconds):
        told.append(os.environ["ARCHBENCH_STAGE"])
        yield SimpleNamespace(message="tracked")

    monkeypatch.setattr(stages, "live", live)
    monkeypatch.setattr(stages, f"_{stage}", lambda *_: None)
    monkeypatch.setattr(stages, "_keep_scores", lambda *_: None)
    monkeypatch.setattr(closing, "closing_line", lambda name, folders: f"{name}: result")
    monkeypatch.setattr(closing, "closing_lines", lambda arms: [f"{slug}: result"])
    getattr(stages, stage)(slug)
    assert told == [f"{stage}@{slug}"]
    assert capsys.readouterr().out == f"tracked\n{slug}: result\n"


HOLD = """
import sys
from pathlib import Path
from archbench.locks import only_writer
with only_writer(Path(sys.argv[1]), "the first"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("stage", "folder"),
    [
        (lambda: stages.train("lenet5-digits"), "runs/small/lenet5-digits"),
        (stages.report, "reports/small"),
        (stages.speed, "runs/small/speed.csv"),
        (stages.sources, "data/sources/small"),
    ],
    ids=["train", "report", "speed", "sources"],
)
def test_a_stage_waits_for_the_one_that_writes_its_folder(stage, folder, tmp_path, monkeypatch, capsys):
    """It writes only after the process that holds the lock has ended, which that one does once the wait has begun."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path / folder)]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "held\n"
    order = []

    def write(*_, **__):
        order.append("second")
        return tmp_path

    def wait(line):
        order.append("waits")
        assert "(the first)" in line
        first.communicate("")
        order.append("first ends")

    monkeypatch.setattr(locks.only_writer.__wrapped__, "__defaults__", (wait,))
    monkeypatch.setattr(stages, "live", lambda *_: nullcontext(SimpleNamespace(message="")))
    monkeypatch.setattr(stages, "_train", write)
    monkeypatch.setattr(closing, "closing_line", lambda name, folders: "")
    monkeypatch.setattr("archbench.page.report.write_report", write)
    monkeypatch.setitem(sys.modules, "archbench.speed.run", SimpleNamespace(measure=write))
    monkeypatch.setattr("archbench.records.run_folder.write_text", write)
    monkeypatch.setattr("archbench.sources.lists", lambda *_: {"report.txt": ""})
    monkeypatch.setattr(stages, "_keep_scores", lambda *_: None)
    stage()
    assert order == ["waits", "first ends", "second"]
