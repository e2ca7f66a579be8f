"""dvc.yaml: written from params, read by DVC, and no stage hangs on what it does not read."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from archbench import code, dvcfile
from archbench.config import check_config
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
    assert stages["train"]["do"]["params"] == ["benchmarks.${key}", "training", "seeds", "pipeline"]
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
