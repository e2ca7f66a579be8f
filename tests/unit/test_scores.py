"""scores.json, and what git is told of the files that every run writes."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from archbench import scm
from archbench.cli.app import app
from archbench.records import run_folder, scores


def test_a_summary_becomes_its_means(tmp_path):
    """The two forms of it, of a benchmark and of a study, as the training and the sweep write them."""
    own = {
        "states": {"finished": 2, "diverged": 1},
        "accuracy": {"mean": 0.123456789, "deviation": None, "n": 2},
        "loss": {"mean": None, "n": 2},
        "train_seconds": {"mean": 12.5, "n": 2},
    }
    run_folder.write_json(tmp_path / "benchmark.json", own)
    assert scores.read(tmp_path / "benchmark.json") == {"accuracy": 0.123457}
    run_folder.write_json(tmp_path / "study.json", {"sgd": {"trials": {"complete": 3}, **own}, "adam": {"trials": {}}})
    assert scores.read(tmp_path / "study.json") == {"sgd": {"accuracy": 0.123457}, "adam": {}}


def test_scores_stand_in_the_order_of_params_and_leave_with_their_benchmark(tmp_path):
    path = tmp_path / "scores.json"
    scores.keep(path, "benchmarks", "b", {"loss": 1.0}, ["a", "b"])
    scores.keep(path, "studies", "s", {"sgd": {"loss": 3.0}}, ["s"])
    scores.keep(path, "benchmarks", "a", {"loss": 2.0}, ["a", "b"])
    table = json.loads(path.read_text())
    assert list(table["benchmarks"].items()) == [("a", {"loss": 2.0}), ("b", {"loss": 1.0})]
    scores.keep(path, "benchmarks", "a", {"loss": 4.0}, ["a"])
    assert json.loads(path.read_text()) == {
        "benchmarks": {"a": {"loss": 4.0}},
        "studies": {"s": {"sgd": {"loss": 3.0}}},
    }


@pytest.mark.parametrize("content", ["<<<<<<< ours\n", "[]", '{"benchmarks": 3}'])
def test_scores_that_a_merge_spoiled_are_named_with_the_way_back(tmp_path, content):
    (tmp_path / "scores.json").write_text(content)
    with pytest.raises(run_folder.BrokenRecord, match=r"Run: git checkout .*scores\.json"):
        scores.keep(tmp_path / "scores.json", "benchmarks", "a", {}, ["a"])
    assert (tmp_path / "scores.json").read_text() == content


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
    for name in ("scores.json", "dvc.lock"):
        (tmp_path / name).write_text("committed")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", "--all")
    _git(tmp_path, "commit", "--quiet", "--message", "start")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_git_leaves_out_what_runs_write_and_shows_it_when_asked(project):
    written = [project / "scores.json", project / "dvc.lock", project / "missing.lock"]
    for path in written[:2]:
        path.write_text("of a run")
    scm.keep_apart(project, written)
    scm.keep_apart(project, written)
    assert _git(project, "status", "--porcelain") == ""
    assert _git(project, "show", "HEAD:scores.json") == "committed"
    scm.keep_apart(project, written[:1], apart=False)
    assert _git(project, "status", "--porcelain") == " M scores.json\n"


def test_an_index_that_is_locked_is_told(project):
    (project / ".git" / "index.lock").touch()
    with pytest.raises(scm.GitNotTold, match=r"git update-index --skip-worktree scores\.json.*index\.lock"):
        scm.keep_apart(project, [project / "scores.json"])


def test_without_git_there_is_nothing_to_tell(tmp_path, monkeypatch):
    scm.keep_apart(tmp_path, [tmp_path / "scores.json"])
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    scm.keep_apart(tmp_path, [tmp_path / "scores.json"])


def test_a_report_becomes_the_reference_whole_and_its_scores_can_be_committed(project):
    done = CliRunner().invoke(app, ["report", "--reference"])
    assert done.exit_code == 2
    assert "archbench report" in done.stderr
    out, old = project / "reports/toy", project / "reports/reference/toy/tables/of-a-benchmark-that-is-gone.csv"
    (out / "tables").mkdir(parents=True)
    (out / "index.html").write_text("now")
    (out / "tables" / "results.csv").write_text("a\n")
    old.parent.mkdir(parents=True)
    old.touch()
    (project / "scores.json").write_text("of a run")
    scm.keep_apart(project, [project / "scores.json"])
    done = CliRunner().invoke(app, ["report", "--reference"])
    assert done.exit_code == 0, done.output
    assert not old.exists()
    assert (project / "reports/reference/toy/index.html").read_text() == "now"
    assert (project / "reports/reference/toy/tables/results.csv").read_text() == "a\n"
    assert (out / "index.html").exists()
    assert " M scores.json" in _git(project, "status", "--porcelain")
