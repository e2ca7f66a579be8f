"""What a real DVC runs again, and what a real git and `dvc metrics diff` then say, in a copy of the code to edit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
VALUES = {
    "pipeline": "toy",
    "datasets": {"digits": {"size": 16}},
    "benchmarks": {
        "lenet": {"architecture": "lenet5", "dataset": "digits"},
        "vgg": {"architecture": "vgg11", "dataset": "digits"},
    },
}
PAGE = """
import sys
from pathlib import Path
from archbench.records import scores
from archbench.records.run_folder import write_json
kind, slug = Path(__file__).stem, sys.argv[1] if len(sys.argv) > 1 else ""
if kind == "train" and ": No " in Path("data/sources/toy/train", f"{slug}.txt").read_text():
    sys.exit("params.yaml is wrong")
folder = {"prepare": Path("data/prepared/toy", slug), "train": Path("runs/toy", slug), "report": Path("reports/toy")}
for name in ("pages", "tables", "figures") if kind == "report" else ("",):
    Path(folder[kind], name).mkdir(parents=True, exist_ok=True)
for name in ("index.html", "README.md"):
    Path(folder[kind], name).write_text("")
if kind == "train":
    number = float(Path("luck").read_text())
    write_json(folder[kind] / "metrics.json", {"states": {}, "accuracy": {"mean": number, "n": 3}})
    scores.keep(Path("scores"), slug, {"metric": "accuracy", "mean": number, "n": 3}, ["lenet", "vgg"])
with open("ran", "a") as file:
    print(f"{kind}@{slug}", file=file)
"""
"""A stage that writes its outputs at once, and its name; a training fails where params.yaml names what is not there."""
FUTURE = "from __future__ import annotations\n"
EDITED = f"{FUTURE}EDITED = True\n"

pytestmark = pytest.mark.slow


class Copy:
    """A small project under git and DVC, whose data, trainings and report cost nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bin_folder = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {
            **os.environ, "PATH": bin_folder, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1",
            "DVC_NO_ANALYTICS": "1",
            **{f"GIT_{who}_{what}": "toy@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }  # fmt: skip

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def repro(self) -> list[str]:
        """The stages that `dvc repro` runs, but for `sources`."""
        (self.folder / "ran").unlink(missing_ok=True)
        self.run("dvc", "repro", "--quiet")
        return self.ran()

    def failed(self, *command: str) -> str:
        """What a command says that fails."""
        (self.folder / "ran").unlink(missing_ok=True)
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode, done.stdout
        return done.stdout + done.stderr

    def ran(self) -> list[str]:
        """The stages that the last command ran to their end, but for `sources`."""
        return sorted((self.folder / "ran").read_text().splitlines()) if (self.folder / "ran").exists() else []

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.folder / "src/archbench" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A clone of a project whose committed scores are 0.5, after its first run, which reached 0.75."""
    origin = Copy(tmp_path_factory.mktemp("origin"))
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(PROJECT / "src", origin.folder / "src", ignore=ignore)
    (origin.folder / "pipelines").mkdir()
    shutil.copy(PROJECT / "pipelines" / "sources.py", origin.folder / "pipelines")
    for name in ("prepare", "train", "report"):
        (origin.folder / "pipelines" / f"{name}.py").write_text(PAGE)
    (origin.folder / "params.yaml").write_text(yaml.safe_dump(VALUES))
    (origin.folder / "luck").write_text("0.75")
    (origin.folder / "scores").mkdir()
    for slug in VALUES["benchmarks"]:
        own = {"metric": "accuracy", "mean": 0.5, "n": 3}
        (origin.folder / "scores" / f"{slug}.json").write_text(json.dumps(own))
    shutil.copy(PROJECT / "dvc.lock", origin.folder)
    (origin.folder / ".gitignore").write_text((PROJECT / ".gitignore").read_text() + "ran\n")
    origin.run("git", "init", "--quiet")
    origin.run("dvc", "init", "--quiet")
    origin.run("archbench", "plan", "--write")
    origin.run("git", "add", "--all")
    origin.run("git", "add", "--force", "scores")
    origin.run("git", "commit", "--quiet", "--message", "start")
    clone = Copy(tmp_path_factory.mktemp("clone") / "project")
    subprocess.run(["git", "clone", "--quiet", origin.folder, clone.folder], check=True)
    clone.run("archbench", "plan", "--write")
    ran = clone.repro()
    assert ran == ["prepare@digits", "report@", "train@lenet", "train@vgg"]
    return clone


def test_the_committed_lock_says_nothing():
    """One that said something would be in the way of whoever pulls."""
    for here in (PROJECT, *(PROJECT / "pipelines" / name for name in ("full", "full/speed", "real", "paper"))):
        assert subprocess.run(
            ["git", "show", "HEAD:./dvc.lock"], cwd=here, capture_output=True, text=True, check=False
        ).stdout in ("schema: '2.0'\n", ""), here


def test_a_run_in_a_fresh_clone_leaves_git_clean_and_dvc_with_numbers(copy):
    assert copy.run("git", "status", "--porcelain") == ""
    assert "train@lenet" in (copy.folder / "dvc.lock").read_text()
    difference = json.loads(copy.run("dvc", "metrics", "diff", "--json"))
    for slug in ("lenet", "vgg"):
        assert difference[f"scores/{slug}.json"] == {"mean": {"old": 0.5, "new": 0.75, "diff": 0.25}}
    (copy.folder / "params.yaml").write_text("# mine\n" + yaml.safe_dump(VALUES))
    try:
        assert copy.run("git", "status", "--porcelain") == " M params.yaml\n"
    finally:
        (copy.folder / "params.yaml").write_text(yaml.safe_dump(VALUES))


def test_a_second_run_does_nothing(copy):
    assert copy.repro() == []
    assert json.loads(copy.run("dvc", "status", "--json")) == {}


def test_words_run_nothing_and_neither_does_code_that_nobody_reads(copy):
    copy.edit("architectures/vision/lenet5.py", '"""', '"""Edited. ')
    for path in ("tasks/classification.py", "training/fit.py", "datasets/embedded.py", "page/report.py"):
        copy.edit(path, FUTURE, f"{FUTURE}# a comment\n")
    page = copy.folder / "pipelines" / "train.py"
    page.write_text(f"# a comment\n{page.read_text()}")
    copy.edit("architectures/vision/alexnet.py", "4096", "4097")
    copy.edit("cli/app.py", FUTURE, EDITED)
    assert copy.repro() == []


@pytest.mark.parametrize(
    ("path", "old", "new", "runs"),
    [
        ("architectures/vision/lenet5.py", "120", "121", ["report@", "train@lenet"]),
        ("datasets/embedded.py", FUTURE, EDITED, ["prepare@digits"]),
    ],
    ids=["network", "loader"],
)
def test_an_edit_runs_what_reads_it(copy, path, old, new, runs):
    """Each comes on top of the others; a prepared data set that comes out the same holds up nothing behind it."""
    luck = copy.folder / "luck"
    luck.write_text(f"{float(luck.read_text()) + 0.001:.3f}")  # so that a training that runs has another result
    copy.edit(path, old, new)
    assert copy.repro() == runs


def test_a_wrong_name_stops_all_before_any_work_or_where_dvc_keeps_going_its_own_stage_alone(copy):
    luck = copy.folder / "luck"
    luck.write_text(f"{float(luck.read_text()) + 0.001:.3f}")
    values = yaml.safe_load((copy.folder / "params.yaml").read_text())
    for benchmark in values["benchmarks"].values():
        benchmark["epochs"] = 2  # which runs both trainings
    vgg = {**values["benchmarks"]["vgg"], "optimizer": "adan"}
    wrong = {**values, "benchmarks": {**values["benchmarks"], "vgg": vgg}}
    (copy.folder / "params.yaml").write_text(yaml.safe_dump(wrong))
    copy.run("git", "add", "params.yaml")
    message = "benchmarks.vgg.optimizer: No optimizer is called 'adan'. Did you mean"
    try:
        assert message in copy.failed("archbench", "plan")
        assert message in copy.failed("dvc", "repro")
        assert copy.ran() == []
        said = copy.failed("dvc", "repro", "-k")
        assert said.index(message) < said.index("params.yaml is wrong")  # which the stage itself says, later
        assert copy.ran() == ["train@lenet"]
    finally:
        (copy.folder / "params.yaml").write_text(yaml.safe_dump(values))
    assert copy.repro() == ["report@", "train@vgg"]
