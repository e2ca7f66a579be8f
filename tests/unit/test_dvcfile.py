"""dvc.yaml: written from params, read by DVC, and no stage hangs on what it does not read."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from archbench import code, dvcfile, sources
from archbench.cli import changes
from archbench.config import Config, check_config, read_config
from archbench.project import Folders

PAGES = Path(__file__).parents[2] / "pipelines"
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


def _settings(name: str, **changes) -> dict[str, str]:
    """The settings in the list of a stage."""
    return sources.parts(sources.lists(check_config({**VALUES, **changes}), PAGES)[name])[0]


def _names(name: str, **changes) -> set[str]:
    """The files in the list of digests that a stage depends on."""
    _, digests = sources.parts(sources.lists(check_config({**VALUES, **changes}), PAGES)[name])
    names = [line.split("  ")[1] for line in digests.splitlines()]
    assert len(names) == len(set(names))
    return set(names)


def test_where_params_yaml_is_wrong_the_list_of_its_own_stage_says_so_and_no_other_stage_fails():
    """So that a stage that failed of it runs again when it is right."""
    sound = sources.lists(check_config(VALUES), PAGES)
    values = copy.deepcopy(VALUES)
    values["benchmarks"]["vgg"]["optimizer"] = "adan"
    values["studies"]["rates"]["arms"]["sgd"]["optimizer"] = "sdg"
    values["datasets"]["more"] = {"name": "digitz"}
    wrong = sources.lists(check_config(values), PAGES)
    assert {name for name in wrong if wrong[name] != sound.get(name)} == {
        "prepare/more.txt", "train/vgg.txt", "sweep/rates.txt", "report.txt"
    }  # fmt: skip
    assert sources.parts(wrong["report.txt"])[1] == sources.parts(sound["report.txt"])[1]
    assert wrong["train/vgg.txt"].startswith("benchmarks.vgg.optimizer: No optimizer is called 'adan'. Did you mean")
    assert "sdg" in wrong["sweep/rates.txt"]
    assert "digitz" in wrong["prepare/more.txt"]


def test_a_project_without_its_pages_is_told_so(tmp_path):
    page = tmp_path / "pipelines" / "train.py"
    with pytest.raises(sources.NoPage, match=f"There is no {page}.*archbench new project"):
        sources.lists(check_config(VALUES), page.parent)


def test_every_benchmark_hangs_on_its_own_architecture_and_on_no_other():
    own = {"lenet": "vision/lenet5.py", "vgg": "vision/vgg.py", "lstm": "sequences/recurrent.py"}
    for slug, file in own.items():
        names = _names(f"train/{slug}.txt")
        assert {name for name in names if name.startswith("architectures/") and name.count("/") == 2} == {
            f"architectures/{file}"
        }
        assert {"training/fit.py", "training/_tensorflow.py", "parts.py", "datasets/store.py"} <= names
        strangers = ("page/", "figures/", "cli/", "sweeps/", "results/", "tracking/mlflow_sink.py")
        assert not [name for name in names if name.startswith(strangers)]
        assert ("tasks/classification.py" in names) == (slug != "lstm")
        assert ("optimizers/gradient_descent.py" in names) == (slug == "lstm")


def test_a_stage_depends_on_its_list_and_the_lists_on_the_whole_package(project):
    stages = _render(project)["stages"]
    for group in ("train", "sweep"):
        assert f"data/sources/toy/{group}/${{key}}.txt" in stages[group]["do"]["deps"]
    assert stages["prepare"]["do"]["deps"] == ["data/sources/toy/prepare/${key}.txt"]
    assert "data/sources/toy/report.txt" in stages["report"]["deps"]
    assert stages["sources"]["outs"] == ["data/sources/toy"]
    read = {(project / dep).resolve() for dep in stages["sources"]["deps"]}
    assert set(code.PACKAGE.rglob("*.py")) <= read
    lists = sources.lists(check_config(VALUES), PAGES).values()
    listed = [line for lines in lists for line in sources.parts(lines)[1].splitlines()]
    assert {code.PACKAGE / line.split("  ")[1] for line in listed} <= {*read, code.PACKAGE / "train.py"}
    direct = [
        dep
        for name, stage in stages.items()
        for dep in stage.get("do", stage)["deps"]
        if dep.endswith(".py") and name != "sources"
    ]
    assert not direct, "DVC compares bytes, so that a comment would count"


def test_params_yaml_is_read_by_the_stage_of_sources_and_by_no_other(project):
    """DVC reads all of it for every stage that names a key: with as many stages as benchmarks, that is their square."""
    more = {"speed": {"xla": ["lenet"]}, "report": {"title": "toy"}, "compute": {"jobs": 2}}
    config = check_config({**VALUES, **more})
    stages = {}
    for text in dvcfile.render_all(config, Folders(project, "toy"), project).values():
        stages |= yaml.safe_load(text)["stages"]
    assert {name for name, stage in stages.items() if "params" in stage.get("do", stage)} == {"sources"}
    assert set(stages["sources"]["params"]) == {*VALUES, "speed", "report"}  # where stages run makes none of them stale


def test_every_stage_names_the_data_that_it_reads(project):
    stages = _render(project)["stages"]
    assert stages["train"]["do"]["outs"] == [{"runs/toy/${key}": {"persist": True}}]
    assert stages["train"]["do"]["deps"][0] == "data/prepared/toy/${item.dataset}"
    assert stages["train"]["foreach"]["lstm"]["dataset"] == "adding"
    assert {"runs/toy/lenet", "runs/toy/vgg", "runs/toy/lstm", "studies/toy/rates"} <= set(stages["report"]["deps"])


def test_a_list_has_the_settings_that_the_results_follow_from():
    lenet = _settings("train/lenet.txt")
    assert lenet["architecture.name"] == '"lenet5"'
    assert (lenet["epochs"], lenet["seeds"]) == ("5", "[3, 4]")  # those of training, and of the pipeline
    assert lenet["optimizer.name"] == '"adam"'  # what stands nowhere in params.yaml
    assert _settings("train/vgg.txt")["parts.activation.name"] == '"gelu"'
    assert _settings("prepare/digits.txt") == {"name": '"digits"', "size": "16"}
    rates = _settings("sweep/rates.txt")
    assert (rates["trials"], rates["epochs"], rates["arms.sgd.seeds"]) == ("3", "2", "[3, 4]")
    assert rates["arms.sgd.optimizer.name"] == '"sgd"'
    assert (rates["arms.sgd.space.learning_rate.low"], rates["arms.sgd.sampler"]) == ("0.1", '"tpe"')
    speed = _settings("speed.txt", speed={"xla": ["lstm"], "repeats": 7})
    assert (speed["speed.repeats"], speed["networks.lstm.optimizer.name"]) == ("7", '"sgd"')
    probe = {"look": {"probe": {"name": "signal_propagation", "examples": 8}, "runs": ["vgg"]}}
    probe = _settings("probe/look.txt", probes=probe)
    assert (probe["probe.examples"], probe["networks.vgg.epochs"]) == ("8", "5")


@pytest.mark.parametrize(
    ("changes", "stale"),
    [
        ({"seeds": [3]}, {"train/lenet", "train/vgg", "train/lstm", "sweep/rates", "report"}),
        ({"training": {"epochs": 6}}, {"train/lenet", "train/vgg", "train/lstm"}),
        ({"training": {"epochs": 5, "batch_size": 9}}, {"train/lenet", "train/vgg", "train/lstm", "sweep/rates"}),
        ({"training": {"epochs": 5, "checkpoint_seconds": 7}}, set()),
        ({"datasets": {"digits": {"size": 8}, "adding": None}}, {"prepare/digits"}),
        ({"report": {"title": "another"}}, {"report"}),
        ({"compute": {"jobs": 3}}, set()),
        ({"recipes": {"nobodys": {"epochs": 9}}}, set()),
    ],
)
def test_a_number_changes_the_lists_of_what_it_is_for(changes, stale):
    before, after = (sources.lists(check_config({**VALUES, **one}), PAGES) for one in ({}, changes))
    assert {name.removesuffix(".txt") for name in after if after[name] != before[name]} == stale


@pytest.mark.parametrize(
    ("changes", "stale"),
    [
        ({"optimizer": "sgd"}, {"train/lenet", "report"}),
        ({"epochs": 5}, {"report"}),  # what training says already; the report tells what stands in params.yaml
        ({"expect": {"accuracy": 0.9}}, {"report"}),
        ({"seeds": [3]}, {"train/lenet", "report"}),
    ],
)
def test_a_change_of_a_benchmark_changes_its_own_list(changes, stale):
    values = copy.deepcopy(VALUES)
    values["benchmarks"]["lenet"] |= changes
    before, after = (sources.lists(check_config(one), PAGES) for one in (VALUES, values))
    assert {name.removesuffix(".txt") for name in after if after[name] != before[name]} == stale


def test_a_study_hangs_on_its_own_architecture_and_on_no_other():
    names = _names("sweep/rates.txt")
    assert {"architectures/vision/lenet5.py", "sweeps/study.py", "optimizers/gradient_descent.py"} <= names
    assert not {"architectures/vision/vgg.py", "architectures/sequences/recurrent.py"} & names


def test_a_data_set_hangs_on_its_own_loader_and_on_no_other():
    digits, adding = _names("prepare/digits.txt"), _names("prepare/adding.txt")
    assert {"datasets/embedded.py", "datasets/prepare.py"} <= digits
    assert "datasets/embedded.py" not in adding


def test_figures_make_only_the_report_stale():
    for name in sources.lists(check_config(VALUES), PAGES):
        assert any(file.startswith("figures/") for file in _names(name)) == (name == "report.txt"), name


def test_the_report_hangs_on_all_that_it_is_made_of(project):
    """Its code, page, style and tables of published numbers; what every task draws; the runs; its keys of params."""
    report, names = _render(project)["stages"]["report"], _names("report.txt")
    for pattern in ("page/*", "results/*.csv", "results/*.py", "figures/*.py", "figures/pictures/*.py"):
        files = {path for path in code.PACKAGE.glob(pattern) if path.is_file() and path.name != "__init__.py"}
        assert {path.relative_to(code.PACKAGE).as_posix() for path in files} <= names, pattern
    assert {"data/prepared/toy/digits", "data/prepared/toy/adding"} <= set(report["deps"])
    outs = [path for out in report["outs"] for path in out]
    assert outs == [f"reports/toy/{part}" for part in ("index.html", "README.md", "pages", "tables", "figures")]
    reference = "reports/reference/toy/tables"
    assert reference not in report["deps"]
    (project / reference).mkdir(parents=True)
    assert reference in _render(project)["stages"]["report"]["deps"]


def test_speed_is_measured_apart_from_all_that_dvc_repro_runs(project):
    config = check_config({**VALUES, "speed": {"xla": ["lenet", "lstm"]}})
    files = dvcfile.render_all(config, Folders(project, "toy"), project)
    assert set(files) == {project / "dvc.yaml", project / "speed" / "dvc.yaml"}
    main, apart = (yaml.safe_load(text)["stages"] for text in files.values())
    assert set(main) == {"sources", "prepare", "train", "sweep", "report"}
    assert not [dep for dep in main["report"]["deps"] if "speed" in dep], "which would run it"
    assert apart == {
        "speed": {
            "wdir": "..",
            "cmd": "python pipelines/speed.py",
            "deps": ["data/prepared/toy/adding", "data/prepared/toy/digits", "data/sources/toy/speed.txt"],
            "outs": [{"runs/toy/speed.csv": {"persist": True}}],
        }
    }
    names = _names("speed.txt", speed={"xla": ["lenet", "lstm"]})
    assert {"speed/run.py", "architectures/vision/lenet5.py", "architectures/sequences/recurrent.py"} <= names
    assert "architectures/vision/vgg.py" not in names
    assert dvcfile.render_all(check_config(VALUES), Folders(project, "toy"), project).keys() == {project / "dvc.yaml"}
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    dvcfile.check(config, Folders(project, "toy"), project)
    with pytest.raises(dvcfile.StaleDvcFile, match=r"speed/dvc\.yaml is of a params\.yaml that asked for it"):
        dvcfile.check(check_config(VALUES), Folders(project, "toy"), project)
    (project / "speed" / "dvc.yaml").unlink()
    with pytest.raises(dvcfile.StaleDvcFile, match="speed"):
        dvcfile.check(config, Folders(project, "toy"), project)


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
    assert set(listed.stdout.split()) == trained | others | {"sources"}


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


def test_a_stage_hangs_on_just_the_recipes_that_it_uses():
    stale = {}
    for name, piece in {"quick": {"optimizer": "sgd"}, "small": {"dataset": "digits", "batch_size": 9}}.items():
        values = {**RECIPES, "recipes": {**RECIPES["recipes"], name: piece}, "speed": {"xla": ["vgg"]}}
        before, after = (sources.lists(check_config(one), PAGES) for one in ({**values, **RECIPES}, values))
        stale[name] = {one.removesuffix(".txt") for one in after if after[one] != before[one]}
    assert stale == {
        "quick": {"train/vgg", "sweep/rates", "speed", "report"},
        "small": {"train/lenet", "train/vgg", "sweep/rates", "speed", "report"},
    }


STAGE = """
import sys
from pathlib import Path
stage, name = Path(sys.argv[0]).stem, sys.argv[1] if len(sys.argv) > 1 else ""
with Path(LOG).open("a") as log:
    log.write(f"{stage}@{name} ".replace("@ ", " "))
if stage == "sources":
    from archbench import stages
    stages.sources()
outs = {"sources": [], "prepare": [f"data/prepared/toy/{name}/x"],
        "train": [f"runs/toy/{name}/x"], "sweep": [f"studies/toy/{name}/x"],
        "report": [f"reports/toy/{part}" for part in ("index.html", "README.md", "pages/x", "tables/x", "figures/x")]}
for out in map(Path, outs[stage]):
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"{stage} {name}")
"""
"""A page of the pipeline that only writes that it ran, and its outputs; `sources` is the true one."""


class _Pipeline:
    """A small project with git and DVC, whose stages take no time."""

    def __init__(self, here: Path, log: Path) -> None:
        self.here, self.log = here, log
        for name in ("sources", "prepare", "train", "sweep", "report"):
            (here / "pipelines" / f"{name}.py").write_text(f"LOG = {str(log)!r}\n{STAGE}")
        self.write(RECIPES)
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

    @property
    def config(self) -> Config:
        return read_config(self.here / "params.yaml")

    def moving(self) -> dict[str, tuple[str, ...]]:
        """The stages that `archbench plan` says are to run, and why."""
        return {one.name: one.why for one in changes.stages_of(self.config, self.here, self.here) if one.state == "run"}


@pytest.mark.slow
def test_a_changed_recipe_makes_stale_just_what_uses_it(project, tmp_path_factory):
    pipeline = _Pipeline(project, tmp_path_factory.mktemp("log") / "ran.txt")
    assert {"train@vgg", "train@lenet", "train@lstm", "sweep@rates", "report"} <= pipeline.ran("repro")
    pipeline.run("git", "add", ".")
    pipeline.run("git", "commit", "-qm", "start")
    uses = {"sources", "train@vgg", "sweep@rates", "report"}

    pipeline.write({**RECIPES, "recipes": {**RECIPES["recipes"], "quick": {"optimizer": "sgd"}}})
    moving = pipeline.moving()
    assert set(moving) == uses
    assert 'optimizer.name: "adam" -> "sgd"' in moving["train@vgg"]
    assert "modified params.yaml: recipes" in moving["sources"]
    pipeline.ran("repro", "sources")  # which writes over what they were made of
    assert set(pipeline.moving().values()) == {(changes.OTHER,)}

    pipeline.write({**RECIPES, "recipes": {**RECIPES["recipes"], "unused": {"epochs": 4}}})
    assert pipeline.ran("exp", "run", "-S", "recipes.quick.optimizer.learning_rate=0.5") == uses
    assert pipeline.ran("repro") == set()
    settled = read_config(project / "params.yaml").benchmarks["vgg"].optimizer
    assert settled.spec == {"name": "adam", "learning_rate": 0.5}
