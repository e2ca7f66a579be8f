"""dvc.yaml: written from params, read by DVC, and no stage hangs on what it does not read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from archbench import code, dvcfile
from archbench.cli import changes
from archbench.config import check_config, read_config
from archbench.project import Folders

VALUES = {
    "pipeline": "toy",
    "seeds": [3, 4],
    "training": {"epochs": 5},
    "datasets": {"digits": {"size": 16}, "adding": None},
    "benchmarks": {
        "lenet": {"architecture": "lenet5", "dataset": "digits"},
        "vgg": {"architecture": "vgg11", "dataset": "digits", "parts": {"activation": "gelu"}},
        "lstm": {"architecture": "lstm", "dataset": "adding", "preprocessing": "none", "optimizer": "sgd"},
    },
    "studies": {
        "rates": {
            "base": {"architecture": "lenet5", "dataset": "digits"},
            "trials": 3,
            "epochs": 2,
            "arms": {"sgd": {"optimizer": "sgd", "space": {"learning_rate": {"low": 0.1, "high": 1}}}},
        }
    },
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(VALUES))
    return tmp_path


def _render(here: Path, **changes) -> dict:
    root = here if (here / "pipelines").is_dir() else here.parent.parent
    config = check_config({**VALUES, **changes})
    return yaml.safe_load(dvcfile.render(config, Folders(root, config.pipeline), here))


def _names(stages: dict, kind: str, here: Path, **item: str) -> set[str]:
    """What a stage depends on below the package: with the item's words filled in, and over the list of sources."""
    deps, sources = [], stages[f"sources-{kind}"]
    assert sources["outs"] == [f"data/sources/toy/{kind}.txt"]
    assert sources["outs"][0] in stages[kind]["do"]["deps"]
    for dep in [*stages[kind]["do"]["deps"], *sources["deps"]]:
        for word, value in item.items():
            dep = dep.replace(f"${{item.{word}}}", value)
        deps.append((here / dep).resolve())
    assert len(deps) == len(set(deps)), "DVC refuses a dependency that stands twice"
    return {str(path.relative_to(code.PACKAGE)) for path in deps if path.is_relative_to(code.PACKAGE)}


def test_every_benchmark_hangs_on_its_own_architecture_and_on_no_other(project):
    stages = _render(project)["stages"]
    train = stages["train"]
    own = {"lenet": "vision/lenet5.py", "vgg": "vision/vgg.py", "lstm": "sequences/lstm.py"}
    for slug, file in own.items():
        names = _names(stages, "train", project, **train["foreach"][slug])
        assert {name for name in names if name.startswith("architectures/") and name.count("/") == 2} == {
            f"architectures/{file}"
        }
        assert {"training/fit.py", "training/_tensorflow.py", "parts.py", "datasets/store.py"} <= names
        strangers = ("page/", "figures/", "cli/", "sweeps/", "results/", "tracking/mlflow_sink.py")
        assert not [name for name in names if name.startswith(strangers)]
    tasks = {slug: item["task"].rpartition("/")[2] for slug, item in train["foreach"].items()}
    assert tasks == {"lenet": "classification.py", "vgg": "classification.py", "lstm": "sequence_regression.py"}


def test_every_stage_names_the_params_and_data_that_it_reads(project):
    stages = _render(project)["stages"]
    assert stages["prepare"]["do"]["params"] == ["datasets.${key}", "pipeline"]
    assert stages["train"]["do"]["params"] == ["benchmarks.${key}", "training", "seeds", "pipeline"]  # no recipe
    assert stages["sweep"]["do"]["params"] == ["studies.${key}", "training", "seeds", "pipeline"]
    assert stages["train"]["do"]["outs"] == [{"runs/toy/${key}": {"persist": True}}]
    assert stages["train"]["do"]["deps"][0] == "data/prepared/toy/${item.dataset}"
    assert stages["train"]["foreach"]["lstm"]["dataset"] == "adding"
    assert {"runs/toy/lenet", "runs/toy/vgg", "runs/toy/lstm", "studies/toy/rates"} <= set(stages["report"]["deps"])
    files = [path for stage in stages.values() for path in str(stage).split("'") if path.endswith(".py")]
    assert all((project / path).resolve().is_file() for path in files if not path.startswith("python "))


def test_a_study_hangs_on_its_own_architecture_and_on_no_other(project):
    names = _names(_render(project)["stages"], "sweep", project, dataset="digits")
    assert {"architectures/vision/lenet5.py", "sweeps/study.py", "optimizers/gradient_descent.py"} <= names
    assert not {"architectures/vision/vgg.py", "architectures/sequences/lstm.py"} & names


def test_figures_make_only_the_report_stale(project):
    stages = _render(project)["stages"]
    for name, stage in stages.items():
        deps = stage["do"]["deps"] if "do" in stage else stage["deps"]
        assert any("/figures/" in dep for dep in deps) == (name == "report"), name


def test_the_report_hangs_on_all_that_it_is_made_of(project):
    """Its code, page, style and tables of published numbers; what every task draws; the runs; its keys of params."""
    report = _render(project)["stages"]["report"]
    deps = {(project / dep).resolve() for dep in report["deps"]}
    for pattern in ("page/*", "results/*.csv", "results/*.py", "figures/*.py", "figures/pictures/*.py"):
        files = {path for path in code.PACKAGE.glob(pattern) if path.is_file() and path.name != "__init__.py"}
        assert files <= deps, pattern
    assert {path.suffix for path in deps if path.parent == code.PACKAGE / "page"} == {".py", ".html", ".css"}
    assert report["params"] == ["pipeline", "seeds", "benchmarks", "studies"]
    assert _render(project, report={"title": "toy"})["stages"]["report"]["params"][0] == "report"
    outs = [path for out in report["outs"] for path in out]
    assert outs == [f"reports/toy/{part}" for part in ("index.html", "README.md", "tables", "figures")]


def test_changing_numbers_leaves_the_file_as_it_is(project):
    changed = {"seeds": [1, 2], "training": {"epochs": 3, "batch_size": 8}}
    stages = ("train", "sweep", "prepare")
    assert {s: _render(project)["stages"][s] for s in stages} == {
        s: _render(project, **changed)["stages"][s] for s in stages
    }


def test_a_pipeline_in_a_folder_of_its_own_points_to_the_projects_data(project):
    here = project / "pipelines" / "full"
    here.mkdir()
    stages = _render(here)["stages"]
    assert stages["train"]["do"]["cmd"] == "python ../train.py ${key}"
    assert stages["train"]["do"]["outs"] == [{"../../runs/toy/${key}": {"cache": False, "persist": True}}]


def test_a_file_that_does_not_fit_its_params_is_told(project):
    config, folders = check_config(VALUES), Folders(project, "toy")
    with pytest.raises(dvcfile.StaleDvcFile, match=r"dvc.yaml does not fit params.yaml. Run: archbench plan --write"):
        dvcfile.check(config, folders, project)
    (project / "dvc.yaml").write_text(dvcfile.render(config, folders, project))
    dvcfile.check(config, folders, project)
    more = check_config({**VALUES, "benchmarks": {**VALUES["benchmarks"], "new": VALUES["benchmarks"]["lenet"]}})
    with pytest.raises(dvcfile.StaleDvcFile):
        dvcfile.check(more, folders, project)


def test_dvc_reads_what_is_written(project):
    (project / "dvc.yaml").write_text(dvcfile.render(check_config(VALUES), Folders(project, "toy"), project))
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=project, check=True)
    listed = subprocess.run([*dvc, "stage", "list", "--name-only"], cwd=project, capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    trained = {f"train@{slug}" for slug in VALUES["benchmarks"]}
    others = {"prepare@digits", "prepare@adding", "sweep@rates", "report"}
    sources = {"sources-prepare", "sources-train", "sources-sweep"}
    assert set(listed.stdout.split()) == trained | others | sources


# Recipes

RECIPES = {
    **VALUES,
    "recipes": {
        "small": {"dataset": "digits"},
        "quick": {"optimizer": {"name": "adam", "learning_rate": 0.001}},
        "unused": {"epochs": 3},
    },
    "benchmarks": {
        **VALUES["benchmarks"],
        "vgg": {"architecture": "vgg11", "recipe": ["small", "quick"]},
        "lenet": {"architecture": "lenet5", "recipe": "small"},
    },
    "studies": {
        "rates": {
            **VALUES["studies"]["rates"],
            "base": {"architecture": "lenet5", "recipe": "small"},
            "arms": {"adam": {"recipe": "quick", "space": {"learning_rate": {"low": 0.1, "high": 1}}}},
        }
    },
}


def _params(stages: dict, group: str, key: str) -> set[str]:
    """What a stage of a group reads of params.yaml."""
    stage = stages[group]
    item = {"key": key} | {f"item.{word}": value for word, value in stage["foreach"][key].items()}
    params = stage["do"]["params"]
    for word, value in item.items():
        params = [one.replace(f"${{{word}}}", value) for one in params]
    return set(params)


def test_a_stage_hangs_on_just_the_recipes_that_it_uses(project):
    stages = _render(project, **RECIPES, speed={"xla": ["vgg"]})["stages"]
    common = {"training", "seeds", "pipeline"}
    quick, small = "recipes.quick", "recipes.small"
    assert _params(stages, "train", "vgg") == {"benchmarks.vgg", small, quick} | common
    assert _params(stages, "train", "lenet") == {"benchmarks.lenet", small} | common
    assert _params(stages, "train", "lstm") == {"benchmarks.lstm"} | common
    assert _params(stages, "sweep", "rates") == {"studies.rates", small, quick} | common
    assert set(stages["speed"]["params"]) == {"speed", "pipeline", "benchmarks.vgg", small, quick, "training"}
    assert {quick, small} <= set(stages["report"]["params"])
    assert not any("recipes.unused" in str(stage) for stage in stages.values())


STAGE = """
import sys
from pathlib import Path
stage, name = Path(sys.argv[0]).stem, sys.argv[1] if len(sys.argv) > 1 else ""
with Path(LOG).open("a") as log:
    log.write(f"{stage}@{name} ".replace("@ ", " "))
outs = {"sources": [f"data/sources/toy/{name}.txt"], "prepare": [f"data/prepared/toy/{name}/x"],
        "train": [f"runs/toy/{name}/x"], "sweep": [f"studies/toy/{name}/x"],
        "report": [f"reports/toy/{part}" for part in ("index.html", "README.md", "tables/x", "figures/x")]}
for out in map(Path, outs[stage]):
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"{stage} {name}")
"""
"""A page of the pipeline that only writes that it ran, and the files that are its outputs."""


class _Pipeline:
    """A small project with git and DVC, whose stages take no time."""

    def __init__(self, here: Path, log: Path) -> None:
        self.here, self.log = here, log
        for name in ("sources", "prepare", "train", "sweep", "report"):
            (here / "pipelines" / f"{name}.py").write_text(f"LOG = {str(log)!r}\n{STAGE}")
        self.write(RECIPES)
        self.config = read_config(here / "params.yaml")
        (here / "dvc.yaml").write_text(dvcfile.render(self.config, Folders(here, "toy"), here))
        self.run("git", "init", "-q")
        self.run(sys.executable, "-m", "dvc", "init", "-q")

    def write(self, values: dict) -> None:
        (self.here / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))

    def run(self, *command: str) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        who = {f"GIT_{who}_{what}": "test@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **who, "PATH": path, "DVC_NO_ANALYTICS": "true"}
        done = subprocess.run(command, cwd=self.here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def ran(self, *command: str) -> set[str]:
        """The stages that a command of DVC runs."""
        self.log.write_text("")
        self.run(sys.executable, "-m", "dvc", *command)
        return set(self.log.read_text().split())

    def moving(self) -> dict[str, tuple[str, ...]]:
        """The stages that `archbench plan` says are to run, and why."""
        return {one.name: one.why for one in changes.stages_of(self.config, self.here, self.here) if one.state == "run"}


@pytest.mark.slow
def test_a_changed_recipe_makes_stale_just_what_uses_it(project, tmp_path_factory):
    pipeline = _Pipeline(project, tmp_path_factory.mktemp("log") / "ran.txt")
    assert {"train@vgg", "train@lenet", "train@lstm", "sweep@rates", "report"} <= pipeline.ran("repro")
    pipeline.run("git", "add", ".")
    pipeline.run("git", "commit", "-qm", "start")
    uses = {"train@vgg", "sweep@rates", "report"}

    pipeline.write({**RECIPES, "recipes": {**RECIPES["recipes"], "quick": {"optimizer": "sgd"}}})
    moving = pipeline.moving()
    assert set(moving) == uses
    assert moving["train@vgg"] == ("modified params.yaml: recipes.quick",)

    pipeline.write({**RECIPES, "recipes": {**RECIPES["recipes"], "unused": {"epochs": 4}}})
    assert pipeline.ran("exp", "run", "-S", "recipes.quick.optimizer.learning_rate=0.5") == uses
    assert pipeline.ran("repro") == set()
    settled = read_config(project / "params.yaml").benchmarks["vgg"].optimizer
    assert settled.spec == {"name": "adam", "learning_rate": 0.5}
