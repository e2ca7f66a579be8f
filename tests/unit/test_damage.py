"""One damaged record blocks only itself: each is named by all that read runs and studies, and the others go on."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import fake_runs as fake
import numpy as np
import pytest
import tracking_folders
import yaml
from site_text import site_text
from tracking_folders import empty_database  # noqa: F401 -- a fixture

from archbench.cli import record_checks
from archbench.config import read_config
from archbench.page.report import Options, write_report
from archbench.project import Folders
from archbench.records import run_folder
from archbench.results.durations import durations
from archbench.results.runs import read_runs
from archbench.results.studies import read_study
from archbench.tracking import store
from archbench.tracking.follow import Follower
from archbench.tracking.sync import sync_all

PARAMS = """\
pipeline: small
seeds: [0, 1]
datasets: {digits: {size: 16}}
benchmarks:
  lenet5-digits: {architecture: lenet5, dataset: digits}
  other: {architecture: lenet5, dataset: digits}
studies:
  rates: &study
    base: {architecture: lenet5, dataset: digits}
    arms: {sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}}
    trials: 2
    epochs: 1
  more: *study
"""
DESCRIBED = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification", "parts": {}}


def _random(path: Path) -> None:
    path.write_bytes(bytes(range(255, 0, -1)) * (1 + path.stat().st_size // 255))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "random bytes": _random,
    "of another shape": lambda path: path.write_text('{"name": [1, 2]}\n'),
    "a list": lambda path: path.write_text("[]\n"),
    "deeply nested": lambda path: path.write_text("[" * 100_000),
    "deleted": lambda path: path.unlink(),
    "a folder in its place": _folder,
}
RUN_FILES = (*run_folder.FILES, "metrics.json")
STUDY_FILES = (
    "settings.yaml",
    "machine.json",
    "trials.csv",
    "trials_history.csv",
    "arms.csv",
    "best.yaml",
    "metrics.json",
)


@pytest.fixture
def project(whole, tmp_path, monkeypatch):
    """A project whose runs and studies have all ended, to be damaged."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(record_checks, "_run_stale", lambda *_: None)  # all of these are, and it takes long to say so
    folder = tmp_path / "project"
    shutil.copytree(whole, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two benchmarks of two finished seeds each, and two studies of one arm."""
    tmp_path = tmp_path_factory.mktemp("whole")
    tracking_folders.project(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    for benchmark in ("lenet5-digits", "other"):
        for seed in (0, 1):
            folder = tmp_path / "runs" / "small" / benchmark / f"seed-{seed}"
            folder.mkdir(parents=True)
            for name in ("model.keras", "signature.json"):
                (folder / name).write_text('{"inputs": {}}')
            np.savez(folder / "snapshots.npz", epoch=np.arange(3))
            own = fake.settings(benchmark, seed, **DESCRIBED) | {"pipeline": "small"}
            fake.write_run(folder, own, 0.9, predictions=fake.digit_predictions())
            gone = fake.machine(host=platform.node(), pid=tracking_folders.DEAD)
            fake.write_json(folder / "machine.json", gone)
        fake.write_json(folder.parent / "metrics.json", {"states": {"finished": 2}})
    for study in ("rates", "more"):
        folder = tmp_path / "studies" / "small" / study
        fake.write_study(folder, arms=("sgd",), name=study, trials=4)
        fake.write_rows(folder / "arms.csv", [{"arm": "sgd", "trials": 4}])
        (folder / "best.yaml").write_text("sgd: {params: {}}\n")
        (folder / "metrics.json").write_text('{"sgd": {}}')
        (folder / "machine.json").write_text(json.dumps(gone))
    return tmp_path


def _report(root: Path) -> str:
    seeds = dict.fromkeys(("lenet5-digits", "other"), (0, 1))
    options = Options(title="x", seeds=seeds, study_seeds=dict.fromkeys(("rates", "more"), fake.SEEDS))
    folders = root / "runs" / "small", root / "studies" / "small", root / "reports" / "small"
    return site_text(write_report("small", list(seeds), ["rates", "more"], *folders, options))


def _findings(root: Path) -> dict[str, tuple[str, str | None]]:
    """What doctor says of runs and studies."""
    config, folders = read_config(root / "params.yaml"), Folders(root, "small")
    plans = {slug: SimpleNamespace(settings={"dataset": "digits"}) for slug in config.benchmarks}
    found = [*record_checks._runs(config, folders, plans), *record_checks._studies(config, folders)]
    return {one.check: (one.text, one.mend) for one in found}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", RUN_FILES)
def test_a_damaged_run_is_named_by_doctor_plan_and_train_and_its_siblings_are_whole(project, name, damage):
    folder = project / "runs" / "small" / "lenet5-digits"
    assert _findings(project) == {}
    DAMAGES[damage](folder / "seed-0" / name)

    gone = name == "metrics.json" and damage == "deleted"  # then it has not ended, as far as anybody can tell
    ((where, (text, mend)),) = _findings(project).items()
    assert (where, mend) == ("runs/small/lenet5-digits/seed-0", "dvc repro train@lenet5-digits")
    assert ("was killed" if gone else name) in text

    told: list[str] = []
    (measured,) = durations(folder.parent, ["lenet5-digits"], project / "studies" / "small", [], told)
    assert measured.seconds / measured.work == 1.0  # by the other seed
    if not gone and name not in ("predictions.npz", "model.keras", "signature.json", "history.csv"):
        assert told or damage == "random bytes"

    lines: list[str] = []
    ids = [fake.settings("lenet5-digits", seed, **DESCRIBED)["id"] for seed in (0, 1)]
    assert run_folder.finished_metrics(folder / "seed-0", ids[0], lines.append) is None
    assert len(lines) == (0 if gone else 1)
    assert all(name in line for line in lines)
    assert run_folder.finished_metrics(folder / "seed-1", ids[1], pytest.fail)["state"] == "finished"


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_damaged_run_has_a_state_of_its_own(project, name):
    """One byte is another, so that nothing but the digest tells."""
    runs = project / "runs" / "small"
    _flip(runs / "lenet5-digits" / "seed-0" / name)
    damaged, whole = read_runs(runs, {"lenet5-digits": (0, 1)})
    assert (damaged.state, damaged.finished, whole.state) == ("damaged", False, "finished")
    assert damaged.damage.startswith(f"{name} ")


def test_the_report_shows_what_is_damaged_as_damaged_and_all_else(project):
    _flip(project / "runs" / "small" / "lenet5-digits" / "seed-0" / "model.keras")
    _flip(project / "runs" / "small" / "other" / "seed-1" / "history.csv")
    (project / "studies" / "small" / "rates" / "trials.csv").write_text("arm")
    page = _report(project)
    board = page.split('<section id="board-digits-classification">')[1].split("</section>")[0]
    assert board.count("n=1, no interval: 1 finished, 1 damaged") == 2
    for told in ("model.keras is not what the run wrote", "history.csv is not what", "trials.csv cannot be read"):
        assert told in page
    assert "Study: more" in page
    assert "Study: rates" not in page


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", STUDY_FILES)
def test_a_damaged_study_is_named_by_doctor_and_plan(project, name, damage):
    if name == "trials_history.csv" and damage == "deleted":
        pytest.skip("a study with folds has none")
    folder = project / "studies" / "small" / "rates"
    DAMAGES[damage](folder / name)
    ((where, (text, mend)),) = _findings(project).items()
    assert (where, mend) == ("studies/small/rates", "dvc repro sweep@rates")
    assert name in text or "was stopped before its end" in text
    told: list[str] = []
    (other,) = durations(project / "runs" / "small", [], folder.parent, ["rates", "more"], told)
    assert (other.stage, other.seconds > 0) == ("sweep@more", True)
    assert [name in line for line in told] == ([] if (name, damage) == ("metrics.json", "deleted") else [True])


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [*STUDY_FILES, "trials_folds.csv"])
def test_a_damaged_study_is_refused_by_the_report_with_its_file(project, name, damage):
    """Also where it is a file that the report makes nothing of: whoever reads a study calls it the same."""
    if name in ("trials.csv", "trials_history.csv", "trials_folds.csv", "metrics.json") and damage == "deleted":
        pytest.skip("one that left no trials, or did not end, is not damaged; only one of them has folds")
    folder = project / "studies" / "small" / "rates"
    if name == "trials_folds.csv":
        fake.write_rows(folder / name, [{"arm": "sgd", "number": 0, "fold": 0, "value": 0.5}])
    DAMAGES[damage](folder / name)
    with pytest.raises(run_folder.BrokenRecord) as told:
        read_study(folder, "rates", fake.SEEDS)
    assert told.value.path == folder / name


def test_sync_leaves_out_what_is_damaged_and_copies_the_rest(project, empty_database):  # noqa: F811
    """Every run file damaged in turn before its copy was made, then all made whole: nothing is missing."""
    shutil.copy(empty_database, project / "mlflow.db")
    for path in (project / "studies" / "small").glob("*/final"):
        shutil.rmtree(path)
    folder = project / "runs" / "small" / "lenet5-digits" / "seed-0"
    shutil.rmtree(project / "runs" / "small" / "other")
    for run in folder.parent.glob("seed-*"):  # no Keras here
        (run / "model.keras").unlink()
        tracking_folders.extend(run, tracking_folders.rows(3))
        run_folder.seal(run, json.loads((run / "metrics.json").read_text()))
    whole = project / "whole"
    shutil.copytree(folder, whole)
    tracking = store.connect(store.locate())
    for name in set(RUN_FILES) - {"model.keras"}:
        _flip(folder / name)
        report = sync_all(project, tracking)
        (line,) = report.damaged
        assert name in line
        assert line.endswith("Run: dvc repro train@lenet5-digits")
        assert line in str(report)
        assert (report.runs, report.studies) == (1, 2)
        assert not Follower([folder.parent], os.getpid()).look()  # live copying does not claim to have taken it
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
    (project / "studies" / "small" / "rates" / "trials.csv").write_text("arm,number\nsgd,0\n")
    report = sync_all(project, tracking)
    assert ([*report.damaged[0].split("/")[-2:]], report.runs, report.studies) == (
        ["rates", "trials.csv cannot be read (it has no column state). Run: dvc repro sweep@rates"], 2, 1,
    )  # fmt: skip


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] = 0
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["settings.yaml", "machine.json", "history.csv"])
@pytest.mark.parametrize("damage", ["random bytes", "of another shape", "a list", "a folder in its place"])
def test_a_damaged_file_of_a_run_that_was_killed_is_named_as_well(project, name, damage):
    """Nothing has its digest yet: it is read, and must be what its writer writes."""
    folder = project / "runs" / "small" / "lenet5-digits" / "seed-0"
    fake.kill(folder)
    DAMAGES[damage](folder / name)
    os.utime(folder)
    ((where, (text, mend)),) = _findings(project).items()
    assert (where, mend) == ("runs/small/lenet5-digits/seed-0", "dvc repro train@lenet5-digits")
    assert name in text
    assert [run.state for run in read_runs(folder.parents[1], {"lenet5-digits": (0, 1)})] == ["damaged", "finished"]


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "classification"},
        {"seed": "0"},
        {"architecture": {"width": 3}},
        {"augmentation": "none"},
        {"epochs": None},
    ],
)
def test_settings_of_wrong_types_are_damage(project, changes):
    folder = project / "runs" / "small" / "lenet5-digits" / "seed-0"
    own = yaml.safe_load((folder / "settings.yaml").read_text())
    (folder / "settings.yaml").write_text(yaml.safe_dump(own | changes))
    (folder / "metrics.json").unlink()
    assert [run.state for run in read_runs(folder.parents[1], {"lenet5-digits": (0, 1)})] == ["damaged", "finished"]
    ((text, _),) = _findings(project).values()
    assert "settings.yaml is not what its writer writes" in text


STAGE = """\
stages:
  train:
    foreach: {x: {}}
    do:
      cmd: python train.py
      deps: [train.py]
      outs: [{runs/small/x: {persist: true%s}}]
"""
TRAIN = """\
import json
from pathlib import Path
import fake_runs as fake
from archbench.records import run_folder
folder, own = Path("runs/small/x/seed-0"), json.loads(Path("own.json").read_text())
if run_folder.finished_metrics(folder, own["id"]) is None:
    fake.write_run(folder, own, 0.9)
    Path("trained").open("a").write("once ")
"""


@pytest.mark.parametrize("cached", [True, False])
def test_the_command_that_doctor_names_makes_dvc_run_the_stage_again(tmp_path, monkeypatch, cached):
    """Nothing that the stage reads has changed: DVC goes by the digest of what it wrote, in its cache or not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (tmp_path / "dvc.yaml").write_text(STAGE % ("" if cached else ", cache: false"))
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "own.json").write_text(json.dumps(fake.settings("x", 0, **DESCRIBED)))
    path = tmp_path / "runs/small/x/seed-0/history.csv"
    error = run_folder.BrokenRecord(path, "is damaged")
    for words in (["dvc", "init", "--no-scm", "-q"], error.mend.split(), error.mend.split()):
        subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    assert (tmp_path / "trained").read_text() == "once "
    path.chmod(0o644)
    _flip(path)
    subprocess.run([sys.executable, "-m", *error.mend.split()], check=True, capture_output=True)
    assert (tmp_path / "trained").read_text() == "once once "
    assert run_folder.check(path.parent)["state"] == "finished"
