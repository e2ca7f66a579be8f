"""The whole story on tiny settings: prepare, train, sweep and report through a real `dvc repro` in a project copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
PARAMS = {
    "pipeline": "tour",
    "seeds": [0, 1],
    "training": {"epochs": 2, "batch_size": 64, "checkpoint_seconds": 0.001},
    "datasets": {"digits": {"size": 16}},
    "benchmarks": {
        "lenet5-digits": {"architecture": "lenet5", "dataset": "digits", "scale": "16 <pixels>"},
        "vae-digits": {
            "architecture": {"name": "vae", "hidden": 8, "latent": 2},
            "dataset": "digits",
            "preprocessing": "rescale",
            "epochs": 2,
            "seeds": [0],
        },
    },
    "studies": {
        "optimizers": {
            "base": {"architecture": {"name": "lenet5"}, "dataset": "digits"},
            "trials": 2,
            "epochs": 1,
            "workers": 1,
            "arms": {
                name: {"optimizer": name, "space": {"learning_rate": {"low": 1e-4, "high": 0.1, "log": True}}}
                for name in ("sgd", "adam")
            },
        }
    },
    "probes": {"signals": {"probe": {"name": "signal_propagation", "examples": 8}, "runs": ["vae-digits"]}},
}

pytestmark = pytest.mark.slow


class Story:
    """A copy of the project in a folder of its own, with its own git, DVC and MLflow store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(PROJECT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        (folder / "pipelines").mkdir()
        for page in (PROJECT / "pipelines").glob("*.py"):
            shutil.copy(page, folder / "pipelines")
        shutil.copy(PROJECT / "pyproject.toml", folder)
        shutil.copy(PROJECT / ".gitignore", folder)
        (folder / "dvc.lock").write_text("schema: '2.0'\n")
        self.write_params(PARAMS)
        self.run("git", "init", "--quiet")
        self.run("dvc", "init", "--quiet")
        self.run("archbench", "plan", "--write")
        self.commit("start")
        self.run("archbench", "plan", "--write")  # marks dvc.lock, which is committed now

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=500, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    @property
    def environment(self) -> dict[str, str]:
        bin_folder = str(Path(sys.executable).parent)
        names = {"GIT_AUTHOR_NAME": "story", "GIT_COMMITTER_NAME": "story"}
        mails = {"GIT_AUTHOR_EMAIL": "story@localhost", "GIT_COMMITTER_EMAIL": "story@localhost"}
        return {
            **os.environ,
            **names,
            **mails,
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
            "DVC_NO_ANALYTICS": "1",
            "MLFLOW_TRACKING_URI": "",
        }

    def write_params(self, params: dict) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        if (self.folder / "scores").is_dir():  # which git ignores until it is told: docs/tracking.md
            self.run("git", "add", "--force", "scores")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def changed(self) -> set[str]:
        """The stages that `dvc status` says a reproduction would run for what it reads, not for what it lacks."""
        status = json.loads(self.run("dvc", "status", "--json").stdout)
        stale = set()
        for stage, reasons in status.items():
            for reason in reasons:
                if isinstance(reason, dict) and ("changed deps" in reason or "changed outs" in reason):
                    stale.add(stage)
        return stale

    def record(self, benchmark: str, seed: int, name: str) -> str:
        return (self.folder / "runs/tour" / benchmark / f"seed-{seed}" / name).read_text()

    def started(self, benchmark: str) -> str:
        return json.loads(self.record(benchmark, 0, "machine.json"))["started"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    story = Story(tmp_path_factory.mktemp("story"))
    story.run("dvc", "repro")
    story.commit("first run")
    return story


def test_the_first_run_leaves_runs_study_and_report(story: Story) -> None:
    for seed in (0, 1):
        metrics = json.loads(story.record("lenet5-digits", seed, "metrics.json"))
        assert metrics["state"] == "finished"
        assert metrics["epochs_run"] == 2
    best = yaml.safe_load((story.folder / "studies/tour/optimizers/best.yaml").read_text())
    assert set(best) == {"sgd", "adam"}
    page = "".join(path.read_text() for path in (story.folder / "reports/tour").rglob("*.html"))
    assert "16 &lt;pixels&gt;" in page
    assert "16 <pixels>" not in page
    assert "Signals by layer: signals" in page
    assert (story.folder / "reports/tour/tables/results.csv").is_file()


def test_a_second_run_does_nothing(story: Story) -> None:
    before = story.started("lenet5-digits")
    assert story.changed() == set()
    assert "up to date" in story.run("dvc", "repro").stdout
    assert story.started("lenet5-digits") == before


def test_what_doctor_names_mends_damaged_files(story: Story) -> None:
    mends = {
        "runs/tour/vae-digits/seed-0/model.keras": "dvc repro train@vae-digits",
        "studies/tour/optimizers/trials.csv": "dvc repro sweep@optimizers",
        "probes/tour/signals/layers.csv": "dvc repro probe@signals",
    }
    for path in mends:
        file = story.folder / path
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-7] + b"another")
    assert _to_mend(story) == set(mends.values())
    story.run("dvc", "repro", *(mend.split()[-1] for mend in dict.fromkeys(mends.values())))
    assert _to_mend(story) == set()
    story.run("dvc", "repro")


def _to_mend(story: Story) -> set[str]:
    """The commands that doctor names for runs, studies and probes."""
    findings = json.loads(story.run("archbench", "doctor", "--json", check=False).stdout)["findings"]
    kinds = ("runs/", "studies/", "probes/")
    return {one["mend"] for one in findings if one["check"].startswith(kinds) and one["mend"]}


def test_metrics_show_every_benchmark_and_study(story: Story) -> None:
    shown = story.run("dvc", "metrics", "show", "--json").stdout
    scores = {path: found["data"] for path, found in json.loads(shown)[""]["data"].items()}
    arms = {f"scores/optimizers/{arm}.json" for arm in ("sgd", "adam")}
    assert set(scores) == {"scores/lenet5-digits.json", "scores/vae-digits.json"} | arms
    for path in ("scores/lenet5-digits.json", "scores/optimizers/adam.json"):
        assert scores[path]["metric"] == "accuracy"
        assert 0 < scores[path]["mean"] <= 1
    lines = story.run("dvc", "metrics", "show").stdout.splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 120


def test_plots_show_the_curves(story: Story) -> None:
    story.run("dvc", "plots", "show", "--out", "plots")
    assert "lenet5-digits" in (story.folder / "plots/index.html").read_text()


def test_a_changed_parameter_runs_one_benchmark(story: Story) -> None:
    others = story.started("vae-digits")
    params = yaml.safe_load((story.folder / "params.yaml").read_text())
    params["benchmarks"]["lenet5-digits"]["epochs"] = 3
    story.write_params(params)
    planned = json.loads(story.run("archbench", "plan", "--json").stdout)["stages"]
    assert {one["stage"]: one["why"][0] for one in planned if one["state"] == "run"} == {
        "sources": "modified params.yaml: benchmarks",
        "train@lenet5-digits": "epochs: 2 -> 3",
        "report": "benchmarks.lenet5-digits.epochs: not given -> 3",
    }
    story.run("dvc", "repro", "train@lenet5-digits")
    assert json.loads(story.record("lenet5-digits", 0, "metrics.json"))["epochs_run"] == 3
    assert story.started("vae-digits") == others
    changed = json.loads(story.run("dvc", "metrics", "diff", "--json").stdout)
    assert set(changed) == {"scores/lenet5-digits.json"}
    assert isinstance(changed["scores/lenet5-digits.json"]["mean"]["diff"], float)
