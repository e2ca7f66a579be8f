"""The files of scores, and what git is told of the files that every run writes."""

import json
import subprocess
from pathlib import Path

import fake_runs as fake
import pytest
from dvc.compare import metrics_table
from typer.testing import CliRunner

from archbench import scm
from archbench.cli.app import app
from archbench.config import read_config
from archbench.records import scores

PROJECT = Path(__file__).parents[2]
SEED = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}


def train(folder, scores_of_seeds, **changes):
    for seed, score in enumerate(scores_of_seeds):
        fake.write_run(folder / f"seed-{seed}", fake.settings(folder.name, seed, **SEED), score, **changes)


def test_a_summary_is_of_the_finished_seeds_and_the_score_that_judges(tmp_path):
    """0.5, 0.6, 0.7: deviation 0.1; half 4.302653 * 0.1 / sqrt(3) = 0.248414, by Student's table at 2 degrees."""
    train(tmp_path / "a", (0.5, 0.6, 0.7), monitor="mean_iou")
    expected = {"metric": "mean_iou", "mean": 0.6, "half": 0.248414, "n": 3, "parameters": 61_706}
    assert scores.summary(tmp_path / "a") == pytest.approx(expected)
    fake.diverge(tmp_path / "a" / "seed-0")
    fake.diverge(tmp_path / "a" / "seed-1")
    assert scores.summary(tmp_path / "a") == {"metric": "mean_iou", "mean": 0.7, "n": 1, "parameters": 61_706}
    fake.diverge(tmp_path / "a" / "seed-2")
    assert scores.summary(tmp_path / "a") == scores.summary(tmp_path / "none") == {}
    train(tmp_path / "b", (1 / 3,))
    assert scores.summary(tmp_path / "b")["mean"] == 0.333333


def test_scores_leave_with_their_benchmark_arm_or_study(tmp_path):
    for name in ("a", "b"):
        scores.keep(tmp_path, name, {"mean": 1.0}, ["a", "b"])
    for study in ("a", "s"):
        scores.keep_study(tmp_path, study, {"sgd": {"mean": 3.0}, "adam": {}}, ["a", "s"])
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")}
    assert there == {"a.json", "b.json", "a/sgd.json", "a/adam.json", "s/sgd.json", "s/adam.json"}
    scores.keep(tmp_path, "a", {"mean": 2.0}, ["a"])
    scores.keep_study(tmp_path, "s", {"sgd": {"mean": 4.0}}, ["s"])
    there = {path.relative_to(tmp_path).as_posix(): json.loads(path.read_text()) for path in tmp_path.rglob("*.json")}
    assert there == {"a.json": {"mean": 2.0}, "s/sgd.json": {"mean": 4.0}}


@pytest.mark.parametrize("folder", [".", "pipelines/full", "pipelines/real", "pipelines/paper"])
def test_what_dvc_shows_of_a_pipeline_fits_120_columns(folder):
    """The table of `dvc metrics show`, by DVC's own code, with the longest name of a score that any task has."""
    config = read_config(PROJECT / folder / "params.yaml")
    arms = [f"{slug}/{arm}" for slug, study in config.studies.items() for arm in study.arms]
    own = {"metric": "map_50_to_95", "mean": -12.345678, "half": 0.123456, "n": 10, "parameters": 138_357_544}
    shown = {f"{scores.FOLDER}/{name}.json": {"data": own} for name in [*config.benchmarks, *arms]}
    table = metrics_table({"": {"data": shown}}, precision=5, round_digits=True)
    widths = [max(len(str(cell)) for cell in (head, *column)) for head, column in table.items()]
    assert len(table) == len(shown)
    assert sum(widths) + 4 * (len(widths) - 1) <= 120


def _git(here, *words):
    who = ["-c", "user.name=toy", "-c", "user.email=toy@localhost"]
    return subprocess.run(["git", *who, *words], cwd=here, capture_output=True, text=True, check=True).stdout


PARAMS = """\
pipeline: toy
datasets: {digits: {}}
benchmarks: {a: {architecture: lenet5, dataset: digits}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "scores").mkdir()
    (tmp_path / ".gitignore").write_text("/scores/\n")
    for name in ("scores/a.json", "dvc.lock"):
        (tmp_path / name).write_text("committed")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", "--force", "--all")
    _git(tmp_path, "commit", "--quiet", "--message", "start")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_git_leaves_out_what_runs_write_and_shows_it_when_asked(project):
    written = [project / "scores", project / "dvc.lock", project / "missing.lock"]
    for path in (project / "scores" / "a.json", project / "scores" / "new.json", project / "dvc.lock"):
        path.write_text("of a run")
    scm.keep_apart(project, written)
    scm.keep_apart(project, written)
    assert _git(project, "status", "--porcelain") == ""
    assert _git(project, "show", "HEAD:scores/a.json") == "committed"
    scm.keep_apart(project, written[:1], apart=False)
    assert _git(project, "status", "--porcelain") == " M scores/a.json\n"


def test_an_index_that_is_locked_is_told(project):
    (project / ".git" / "index.lock").touch()
    with pytest.raises(scm.GitNotTold, match=r"git update-index --skip-worktree scores/a\.json.*index\.lock"):
        scm.keep_apart(project, [project / "scores"])


def test_without_git_there_is_nothing_to_tell(tmp_path, monkeypatch):
    scm.keep_apart(tmp_path, [tmp_path / "scores"])
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    scm.keep_apart(tmp_path, [tmp_path / "scores"])


def test_a_report_becomes_the_reference_whole_and_its_scores_can_be_committed(project):
    done = CliRunner().invoke(app, ["report", "--reference"])
    assert done.exit_code == 2
    assert "archbench report" in done.stderr
    out, old = project / "reports/toy", project / "reports/reference/toy/tables/of-a-benchmark-that-is-gone.csv"
    (out / "tables").mkdir(parents=True)
    (out / "index.html").write_text("now")
    (out / "tables" / "results.csv").write_text("a\n")
    (out / "pages").mkdir()
    links = (
        '<a href="../index.html">home</a> <a href="b.html#x">b</a> <a href="#y">y</a> '
        '<a href="../../../src/nets/a%20b.py">a b.py</a> <a href="../../../runs/toy/a/seed-0">its folder</a> '
        '<a href="http://127.0.0.1:5000/#/runs/1">seed 0</a> <a href="https://arxiv.org/abs/1">paper</a>'
    )
    (out / "pages" / "a.html").write_text(links)
    old.parent.mkdir(parents=True)
    old.touch()
    (project / "scores" / "a.json").write_text("of a run")
    scm.keep_apart(project, [project / "scores"])
    done = CliRunner().invoke(app, ["report", "--reference"])
    assert done.exit_code == 0, done.output
    assert not old.exists()
    assert (project / "reports/reference/toy/index.html").read_text() == "now"
    assert (project / "reports/reference/toy/pages/a.html").read_text() == (
        '<a href="../index.html">home</a> <a href="b.html#x">b</a> <a href="#y">y</a> '
        '<a href="../../../../src/nets/a%20b.py">a b.py</a> its folder seed 0 '
        '<a href="https://arxiv.org/abs/1">paper</a>'
    )
    assert (out / "pages" / "a.html").read_text() == links
    assert (project / "reports/reference/toy/tables/results.csv").read_text() == "a\n"
    assert (out / "index.html").exists()
    assert f"git add --force {project / 'reports/reference/toy'} {project / 'scores'}" in done.stdout
    assert " M scores/a.json" in _git(project, "status", "--porcelain")
