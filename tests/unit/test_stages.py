"""Stages as functions: what they tell the runs that they make."""

import os
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

from archbench import closing, kept, locks, scm, stages
from archbench.mistakes import Mistakes

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
probes:
  checked: {probe: {name: gradient_check, checks: 4}, base: {architecture: lenet5, dataset: digits}, arms: {plain: {}}}
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
    monkeypatch.setattr(kept, "keep_benchmark", lambda *_: None)
    monkeypatch.setattr(kept, "keep_study", lambda *_: None)
    monkeypatch.setattr(closing, "closing_line", lambda name, folders: f"{name}: result")
    monkeypatch.setattr(closing, "closing_lines", lambda arms: [f"{slug}: result"])
    getattr(stages, stage)(slug)
    assert told == [f"{stage}@{slug}"]
    assert capsys.readouterr().out == f"tracked\n{slug}: result\n"


@pytest.mark.parametrize(("stage", "slug"), [("train", "lenet5-digits"), ("sweep", "rates"), ("probe", "checked")])
def test_what_is_edited_while_stages_before_it_run_is_in_the_list_that_dvc_notes_at_the_end(
    stage, slug, tmp_path, monkeypatch
):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "train.py").touch()
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "live", lambda *_: nullcontext(SimpleNamespace(message="")))
    monkeypatch.setattr(stages, f"_{stage}", lambda *_: None, raising=False)
    monkeypatch.setattr(stages, "open_data", lambda *_: SimpleNamespace(card=SimpleNamespace(sha256="")))
    monkeypatch.setattr("archbench.resolve.ProbePlan.trials", lambda *_: [])
    monkeypatch.setattr("archbench.probes.run.run_probe", lambda *_: None)
    monkeypatch.setattr(kept, "keep_benchmark", lambda *_: None)
    monkeypatch.setattr(kept, "keep_study", lambda *_: None)
    monkeypatch.setattr(closing, "closing_line", lambda *_: "")
    monkeypatch.setattr(closing, "closing_lines", lambda *_: [])
    getattr(stages, stage)(slug)
    lists = tmp_path / "data" / "sources" / "small"
    assert not lists.exists()  # which `sources` alone makes
    stages.sources()
    before = {path: path.read_text() for path in lists.rglob("*.txt")}
    own = lists / stage / f"{slug}.txt"
    getattr(stages, stage)(slug)
    assert {path: path.read_text() for path in lists.rglob("*.txt")} == before
    (tmp_path / "params.yaml").write_text(PARAMS + "training: {batch_size: 7}\n")
    getattr(stages, stage)(slug)
    after = {path: path.read_text() for path in lists.rglob("*.txt")}
    assert [path for path in after if after[path] != before[path]] == [own]
    assert "batch_size: 7" in after[own]


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
    monkeypatch.setattr(kept, "keep_benchmark", lambda *_: None)
    monkeypatch.setattr(kept, "keep_study", lambda *_: None)
    stage()
    assert order == ["waits", "first ends", "second"]


@pytest.mark.parametrize("going_on", [False, True])
def test_a_wrong_name_stops_all_before_any_work_but_where_dvc_keeps_going(going_on, tmp_path, monkeypatch, capsys):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "train.py").touch()
    wrong = "  wrong: {architecture: lenet5, dataset: digits, optimizer: adan}\nstudies:"
    (tmp_path / "params.yaml").write_text(PARAMS.replace("studies:", wrong))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scm, "dvc_keeps_going", lambda: going_on)
    lists = tmp_path / "data" / "sources" / "small"
    if not going_on:
        with pytest.raises(Mistakes, match=r"benchmarks\.wrong\.optimizer: No optimizer is called 'adan'"):
            stages.sources()
        assert not lists.exists()
        return
    stages.sources()
    said = capsys.readouterr().err
    assert said.startswith("benchmarks.wrong.optimizer: No optimizer is called 'adan'. Did you mean")
    assert said.endswith("Their own stages will fail of it; the others go on.\n")
    assert (lists / "train" / "wrong.txt").read_text() in said
    assert "vision/lenet5.py" in (lists / "train" / "lenet5-digits.txt").read_text()


PYTHON, DVC = "/usr/bin/python3", "/home/me/.venv/bin/dvc"


@pytest.mark.parametrize(
    ("parents", "going_on"),
    [
        ([["sh", "-c", "python pipelines/sources.py"], [PYTHON, DVC, "repro"], ["make", "-k", "repro"]], False),
        ([[PYTHON, DVC, "repro", "--keep-going"]], True),
        ([[PYTHON, "-m", "dvc", "repro", "-fk", "train@a"]], True),
        ([[PYTHON, DVC, "exp", "run", "--ignore-errors"]], True),
        ([[PYTHON, DVC, "exp", "run", "-n", "kept", "-S", "benchmarks.a.k=3"]], False),
        ([[PYTHON, DVC, "repro"], ["bash", "-c", "dvc repro -k"]], False),
        ([[PYTHON, DVC, "exp", "run", "-nback"]], False),
        ([[PYTHON, DVC, "repro", "-kv"]], True),
        ([["make", "-k", "repro"]], False),
        ([], False),
    ],
)
def test_whether_dvc_keeps_going_is_told_by_its_command_line(parents, going_on, monkeypatch):
    found = [SimpleNamespace(cmdline=lambda words=words: words) for words in parents]
    monkeypatch.setattr(scm.psutil, "Process", lambda: SimpleNamespace(parents=lambda: found))
    assert scm.dvc_keeps_going() is going_on
