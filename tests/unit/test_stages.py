"""Stages as functions: what they tell the runs that they make."""

import os
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from archbench import stages
from archbench.results import closing

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
    monkeypatch.setattr(closing, "closing_line", lambda name, folders: f"{name}: result")
    monkeypatch.setattr(closing, "closing_lines", lambda arms: [f"{slug}: result"])
    getattr(stages, stage)(slug)
    assert told == [f"{stage}@{slug}"]
    assert capsys.readouterr().out == f"tracked\n{slug}: result\n"
