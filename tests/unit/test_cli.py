"""The command line: what it prints, for people and programs, and how it ends."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import fake_runs as fake
import pytest
import yaml
from typer.testing import CliRunner

from archbench import code, sources
from archbench.cli import changes, checks, data, forecast, index
from archbench.cli.app import app
from archbench.cli.data import look_up
from archbench.config import DataSet
from archbench.datasets import store
from archbench.datasets.prepare import prepare
from archbench.project import Folders

PARAMS = """\
pipeline: small
seeds: [0, 1]
training: {epochs: 3, batch_size: 100}
datasets:
  digits: {size: 16}
  wine:
benchmarks:
  lenet5-digits: {architecture: lenet5, dataset: digits}
studies:
  rates:
    base: {architecture: lenet5, dataset: digits}
    arms:
      sgd: {optimizer: sgd, space: {learning_rate: {low: 0.001, high: 1.0, log: true}}}
    trials: 2
    epochs: 1
"""
DATA = "data/prepared/small/digits"
KINDS = {
    *("architectures", "optimizers", "schedules", "activations", "normalizations", "initializers"),
    *("regularizers", "losses", "metrics", "augmentations", "datasets", "tasks", "preprocessing", "probes"),
}


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory, monkeypatch):
    """A cache for all tests of this run, and none of the caller's settings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("OPTUNA_STORAGE", "ARCHBENCH_MIRROR", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with nothing in it but params.yaml, as the current folder."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "params.yaml").write_text(PARAMS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str):
    return CliRunner().invoke(app, list(words))


def succeed(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refuse(*words: str) -> str:
    """The message of a command that must end in one."""
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("error: ") == 1
    assert "Traceback" not in result.output
    return result.stderr


def shell(*words: str, **environment: str) -> subprocess.CompletedProcess:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "archbench", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


# list


def test_list_as_json_has_every_entry_of_every_catalogue():
    rows = json.loads(succeed("list", "--json"))
    assert {row["kind"].split("/")[0] for row in rows} >= KINDS
    assert all(set(row) == {"kind", "name", "what", "source"} and all(row.values()) for row in rows)
    for package, catalogue in index.catalogues().items():
        listed = {row["name"] for row in rows if row["kind"].split("/")[0] == package}
        assert listed == {entry.name for entry in catalogue}
    assert {"kind": "architectures/vision", "name": "vgg16"}.items() <= next(
        row.items() for row in rows if row["name"] == "vgg16"
    )


@pytest.mark.parametrize("word", ["losses", "loss", "Losses"])
def test_list_takes_a_kind_in_singular_and_plural(word):
    rows = json.loads(succeed("list", word, "--json"))
    assert {row["kind"] for row in rows} == {"losses"}
    assert "mse" in {row["name"] for row in rows}


def test_list_knows_the_odd_words():
    assert json.loads(succeed("list", "preprocessor", "--json")) == json.loads(
        succeed("list", "preprocessing", "--json")
    )


def test_list_names_near_kinds():
    message = refuse("list", "optimisers")
    assert "Did you mean optimizers?" in message
    assert all(kind in message for kind in KINDS)


def test_a_pipe_gets_whole_aligned_lines_without_color():
    rows = json.loads(succeed("list", "--json"))
    heading, *lines = succeed("list").splitlines()
    assert len(lines) == len(rows)
    place = heading.index("source")
    for row, line in zip(rows, lines, strict=True):
        assert line[place:] == row["source"]
        assert "\x1b" not in line
    assert max(map(len, lines)) > 80


def test_the_cache_is_used_only_for_the_source_it_was_read_from(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rows = index.rows()
    file = tmp_path / "archbench" / "entries.json"
    kept = json.loads(file.read_text())
    assert index.rows() == rows
    for spoiled in ({**kept, "digest": "0" * 64, "rows": []}, "no rows", {"digest": kept["digest"]}):
        file.write_text(json.dumps(spoiled))
        assert index.rows() == rows
        assert json.loads(file.read_text()) == kept


def test_list_works_where_no_cache_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "vgg16" in succeed("list", "architectures")


# show


def test_show_tells_the_cost_of_lenet5():
    shown = json.loads(succeed("show", "lenet5", "--json"))
    assert shown["parameters"] == {"trainable": 61_706, "total": 61_706}
    convolutions = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25
    assert shown["multiply_adds"] == convolutions + 400 * 120 + 120 * 84 + 84 * 10
    assert shown["input"] == [32, 32, 1]
    assert (shown["depth"], shown["task"]) == (5, "classification")
    assert shown["receptive_field"] == [16, 16]
    assert shown["activation_bytes"] > 4 * (28 * 28 * 6 + 10 * 10 * 16 + 120 + 84 + 10)
    assert shown["options"]["maps"] == [6, 16]
    text = succeed("show", "lenet5")
    assert "61,706 trainable" in text
    assert "16 x 16 of the input for one position of the last map" in text


def test_show_tells_where_there_is_no_receptive_field():
    assert json.loads(succeed("show", "lstm", "--json"))["receptive_field"] is None
    assert "no fixed window" in succeed("show", "lstm")


def test_show_tells_formula_options_and_licence_of_others():
    adam = json.loads(succeed("show", "adam", "--json"))
    assert "m / (sqrt(v) + epsilon)" in adam["formula"]
    assert adam["options"]["learning_rate"] == 0.001
    assert "parameters" not in adam
    assert "CC BY" in succeed("show", "mnist")
    assert "must be given" in succeed("show", "piecewise")


def test_show_of_a_name_in_several_catalogues():
    text = succeed("show", "none")
    assert "none (normalizations)" in text
    assert "none (regularizers)" in text
    message = refuse("show", "none", "--json")
    assert "--kind normalizations" in message
    chosen = json.loads(succeed("show", "none", "--json", "--kind", "regularizer"))
    assert chosen["kind"] == "regularizers"


@pytest.mark.parametrize("words", [("resnet65",), ("resnet65", "--kind", "architectures")])
def test_show_names_near_entries(words):
    message = refuse("show", *words)
    assert "resnet56" in message
    assert "archbench list" in message


# Errors


def test_a_command_without_params_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (("plan",), ("train", "x"), ("sweep", "x"), ("report",), ("speed",)):
        assert "no params.yaml" in refuse(*words)
    assert "project" in refuse("sync")


def test_unknown_benchmarks_and_studies_get_near_names(project):
    assert "Did you mean lenet5-digits?" in refuse("train", "lenet-digits")
    assert "Did you mean rates?" in refuse("sweep", "rate")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("architecture: lenet5, dataset", "architecture: lenet6, dataset", "lenet5"),
        ("epochs: 3", "epoch: 3", "Did you mean epochs?"),
        ("seeds: [0, 1]", "seeds: [0, 1", "not valid YAML"),
        ("wine:", "vine:", "wine"),
        ("architecture: lenet5, dataset: digits}\nstudies", "architecture: lenet5, dataset: wine}\nstudies", "wine"),
    ],
)
def test_plan_explains_a_wrong_params_file(project, old, new, told):
    assert old in PARAMS
    (project / "params.yaml").write_text(PARAMS.replace(old, new))
    assert told in refuse("plan")


def test_wrong_words_end_with_exit_code_2():
    for words in (["lst"], ["list", "--jsn"], ["ui", "--port", "0"], ["train"]):
        result = run(*words)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
    assert "Did you mean 'list'?" in run("lst").stderr


def test_a_full_disk_is_one_message_but_a_bug_is_not_hidden(monkeypatch):
    monkeypatch.setattr(index, "rows", _raise(OSError(errno.ENOSPC, "No space left on device", "/runs/x")))
    assert "No space left on device: /runs/x" in refuse("list")
    monkeypatch.setattr(index, "rows", _raise(OSError(errno.EINVAL, "Invalid argument")))
    assert isinstance(run("list").exception, OSError)


@pytest.mark.parametrize("backend", ["torch", "numpy", ""])
def test_a_backend_that_does_not_serve_is_refused(monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert "tensorflow or jax" in refuse("list")


def _raise(error: BaseException):
    def fail(*_, **__):
        raise error

    return fail


# plan


STAGES = [
    *("sources", "prepare@digits", "prepare@wine", "train@lenet5-digits", "sweep@rates", "report"),
]


def test_plan_says_that_all_runs_where_nothing_ran(project):
    plan = json.loads(succeed("plan", "--json"))
    assert [stage["stage"] for stage in plan["stages"]] == STAGES
    assert {stage["state"] for stage in plan["stages"]} == {"run"}
    assert {stage["basis"] for stage in plan["stages"]} == {"estimated"}
    assert plan["seconds"] == pytest.approx(sum(stage["seconds"] for stage in plan["stages"]))
    # 1,797 images of 16 x 16 bytes with an int32 label; 178 rows of 13 floats with an int32 label.
    assert plan["disk"]["prepared_bytes"] == 1797 * (256 + 4) + 178 * (13 * 4 + 4)
    assert plan["disk"]["download_bytes"] == 0
    # At 16 pixels, two 5 x 5 convolutions and two halvings leave 1 x 1 x 16.
    weights = (25 * 6 + 6) + (25 * 6 * 16 + 16) + (16 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10)
    assert plan["disk"]["model_bytes"] == 4 * weights * (2 + 4)
    assert {row["dataset"]: row["licence"] for row in plan["licences"]}["wine"] == "CC BY 4.0"
    assert plan["dvc_file"] == "missing"


def test_another_plan_builds_no_network_and_draws_no_data_but_for_what_changed(project, monkeypatch):
    """And so is one of params.yaml as it was, after the change."""
    asked = []

    def watched(module, name):
        ask = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *arguments: asked.append(name) or ask(*arguments))

    watched(forecast, "outline")
    watched(data, "_sampled")

    def disk(text):
        (project / "params.yaml").write_text(text)
        asked.clear()
        told = json.loads(succeed("plan", "--json"))["disk"]
        return {name: told[name] for name in ("prepared_bytes", "model_bytes")}

    first = disk(PARAMS)
    assert asked == ["_sampled", "_sampled", "outline"]
    assert disk(PARAMS) == first
    assert asked == []
    larger = disk(PARAMS.replace("size: 16", "size: 32"))
    assert asked == ["_sampled", "outline"]
    assert larger["prepared_bytes"] - first["prepared_bytes"] == 1797 * (1024 - 256)
    wider = disk(
        PARAMS.replace("architecture: lenet5, dataset", "architecture: {name: lenet5, maps: [8, 16]}, dataset")
    )
    assert asked == ["outline"]  # the same of the benchmark and of the study
    assert wider["model_bytes"] - first["model_bytes"] == 4 * 2 * (26 + 25 * 16) * (2 + 4)
    assert disk(PARAMS) == first
    assert asked == []


def test_plan_counts_as_download_what_is_not_here(tmp_path):
    """The four files of MNIST: 9,912,422 + 28,881 + 1,648,877 + 4,542 bytes."""
    folders, data = Folders(tmp_path, "small"), {"mnist": DataSet(name="mnist")}
    assert look_up("mnist", data, folders).download_bytes == 11_594_722
    (folders.raw / "mnist").mkdir(parents=True)
    (folders.raw / "mnist" / "train-images-idx3-ubyte.gz").touch()
    assert look_up("mnist", data, folders).download_bytes == 11_594_722 - 9_912_422


def test_plan_measures_by_runs_of_the_same_network(project, monkeypatch):
    monkeypatch.setattr("archbench.cli.forecast.slowness", lambda: 1.0)
    _write_run(project, batch_size=100)
    stage = _stage("train@lenet5-digits")
    # 12 s for what was asked as 12 epochs; 2 seeds of 3 epochs; 10 s of imports.
    assert (stage["seconds"], stage["basis"]) == (10 + 12 / 12 * 3 * 2, "measured")
    _write_run(project, batch_size=200)
    assert _stage("train@lenet5-digits")["basis"] == "estimated"


@pytest.mark.parametrize(
    ("change", "basis"),
    [
        (("trials: 2", "trials: 4"), "measured"),
        (("trials: 2", "trials: 2\n    workers: 1"), "measured"),
        (("optimizer: sgd", "optimizer: adam"), "measured"),  # the network is the same, and so are the steps
        (("base: {architecture: lenet5,", "base: {architecture: {name: lenet5, units: [8]},"), "estimated"),
        (("trials: 2", "trials: 2\n    folds: 2"), "estimated"),
        (("trials: 2", "trials: 2\n    pruner: none"), "estimated"),
        (("high: 1.0", "high: 2.0"), "estimated"),
        (("batch_size: 100", "batch_size: 64"), "estimated"),
    ],
)
def test_plan_measures_a_study_by_what_it_was(project, monkeypatch, change, basis):
    """By the report that comes with the project, and by the folder, which tells of it what its sweep wrote."""
    from archbench.config import read_config
    from archbench.resolve import resolve_arm
    from archbench.results.durations import durations, networks
    from archbench.sweeps.study import record

    monkeypatch.setattr("archbench.cli.forecast.slowness", lambda: 1.0)
    config = read_config(project / "params.yaml")
    study = config.studies["rates"]
    same = networks(study, {arm: resolve_arm(config, "rates", arm).settings for arm in study.arms})
    folder = project / "studies" / "small" / "rates"
    fake.write_study(folder, arms=tuple(study.arms), name="rates", trials=2)
    for name in ("arms.csv", "best.yaml", "metrics.json"):
        (folder / name).write_text("arm\nsgd\n" if name == "arms.csv" else "{}\n")
    (folder / "settings.yaml").write_text(yaml.safe_dump(record("rates", study, "paper", same)))
    (measured,) = durations(project / "runs", [], folder.parent, ["rates"], [])
    assert measured.network == same
    text = (project / "params.yaml").read_text()
    assert change[0] in text
    (project / "params.yaml").write_text(text.replace(*change))
    stage = _stage("sweep@rates")
    assert stage["basis"] == basis
    if basis == "measured":
        now = read_config(project / "params.yaml").studies["rates"]
        scaled = measured.seconds * now.trials / study.trials / now.workers
        assert stage["seconds"] == pytest.approx(40 + scaled)


def test_plan_counts_what_a_probe_trains(project, monkeypatch):
    """Three or, unless told, four times what the benchmark of the same network takes; its imports are 10 s."""
    monkeypatch.setattr("archbench.cli.forecast.slowness", lambda: 1.0)
    probes = {
        "look": {"probe": "signal_propagation"},
        "three": {"probe": {"name": "suspected_labels", "folds": 3}},
        "four": {"probe": "suspected_labels"},
    }
    base = {"architecture": "lenet5", "dataset": "digits"}
    asked = {slug: {**one, "base": base} for slug, one in probes.items()}
    with (project / "params.yaml").open("a") as file:
        file.write(yaml.safe_dump({"probes": asked}))
    look, three, four = (_stage(f"probe@{slug}")["seconds"] for slug in probes)
    trained = _stage("train@lenet5-digits")["seconds"] - 10
    assert [three - look, four - look] == pytest.approx([3 * trained, 4 * trained])


def test_plan_writes_dvc_yaml_and_says_what_changed(project):
    assert "added train@lenet5-digits" in succeed("plan", "--write")
    written = (project / "dvc.yaml").read_text()
    assert set(yaml.safe_load(written)["stages"]) == {
        "sources", "prepare", "train", "sweep", "report",
    }  # fmt: skip
    assert "already up to date" in succeed("plan", "--write")
    assert json.loads(succeed("plan", "--json"))["dvc_file"] == "current"
    more = PARAMS.replace("studies:", "  vgg: {architecture: vgg11, dataset: digits}\nstudies:")
    (project / "params.yaml").write_text(more)
    assert json.loads(succeed("plan", "--write", "--json"))["changes"][0] == "added train@vgg"
    (project / "params.yaml").write_text(PARAMS)
    assert "dropped train@vgg" in succeed("plan", "--write")
    assert (project / "dvc.yaml").read_text() == written


def test_plan_takes_away_what_it_wrote_for_speed_where_nothing_is_measured_any_more(project):
    (project / "params.yaml").write_text(PARAMS + "speed: {xla: [lenet5-digits]}\n")
    assert "added speed" in succeed("plan", "--write")
    (project / "speed" / "dvc.lock").write_text("schema: '2.0'\n")
    (project / "params.yaml").write_text(PARAMS)
    assert json.loads(succeed("plan", "--json"))["dvc_file"] == "stale"
    assert "dropped speed" in succeed("plan", "--write")
    assert list((project / "speed").iterdir()) == []
    assert json.loads(succeed("plan", "--json"))["dvc_file"] == "current"
    own = project / "speed" / "dvc.yaml"
    own.write_text("stages: {mine: {cmd: echo}}\n")  # not ours to take away
    assert "already up to date" in succeed("plan", "--write")
    assert own.is_file()


def test_plan_refuses_a_network_that_cannot_read_its_data(project):
    text = PARAMS.replace("lenet5, dataset: digits}\nstudies", "vgg11, dataset: digits}\nstudies")
    (project / "params.yaml").write_text(text)
    message = refuse("plan")
    assert "lenet5-digits on digits" in message
    assert "32 pixels" in message


def _ran_before(project: Path, *, here: bool = True) -> None:
    """A lock file that names every stage, and their outputs, unless they were written elsewhere."""
    (project / ".dvc").mkdir()
    stages = {name: {"outs": [{"path": f"out/{name}"}]} for name in STAGES}
    (project / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    for name in STAGES if here else ():
        (project / "out" / name).mkdir(parents=True)


def _states(*words: str) -> dict[str, tuple[str, str]]:
    stages = json.loads(succeed("plan", "--json", *words))["stages"]
    return {stage["stage"]: (stage["state"], ", ".join(stage["why"])) for stage in stages}


def test_plan_follows_what_dvc_calls_changed(project, monkeypatch):
    succeed("plan", "--write")
    _ran_before(project)
    monkeypatch.setattr(changes, "_dvc_status", lambda here: {})
    plan = json.loads(succeed("plan", "--json"))
    assert {stage["state"] for stage in plan["stages"]} == {"current"}
    assert plan["seconds"] == plan["disk"]["prepared_bytes"] == 0
    monkeypatch.setattr(changes, "_dvc_status", lambda here: {"prepare@digits": [{"changed deps": {"x": "modified"}}]})
    states = _states()
    assert states.pop("prepare@digits") == ("run", "modified x")
    waiting = {"train@lenet5-digits", "sweep@rates", "report"}
    assert {stage for stage, (state, _) in states.items() if state == "wait"} == waiting
    assert {stage for stage, (state, _) in states.items() if state == "current"} == set(STAGES) - waiting - {
        "prepare@digits"
    }


def test_plan_knows_whom_edited_code_concerns(project, monkeypatch):
    """DVC knows only that some file of the package is another; after a comment nothing else is to run."""
    from archbench.config import read_config

    shutil.copy(Path(__file__).parents[2] / "pipelines" / "train.py", project / "pipelines")
    succeed("plan", "--write")
    _ran_before(project)
    lists = sources.lists(read_config(project / "params.yaml"), project / "pipelines")
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    for name, lines in lists.items():
        digest = hashlib.md5(lines.encode()).hexdigest()
        dep = {"path": f"data/sources/small/{name}", "hash": "md5", "md5": digest}
        stages.get(name.removesuffix(".txt").replace("/", "@"), {}).setdefault("deps", []).append(dep)
    (project / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    monkeypatch.setattr(changes, "_dvc_status", lambda here: {"sources": [{"changed deps": {"src/x.py": "modified"}}]})
    states = _states()
    assert states.pop("sources")[0] == "run"
    assert {state for state, _ in states.values()} == {"current"}
    stages["train@lenet5-digits"]["deps"][0]["md5"] = "of other code"
    (project / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    states = _states()
    assert states["train@lenet5-digits"] == ("run", "modified settings or code")  # nothing tells of what it was made
    then = (
        lists["train/lenet5-digits.txt"].replace("vision/lenet5.py", "vision/net.py").replace("epochs: 3", "epochs: 7")
    )
    (project / "data" / "sources" / "small" / "train").mkdir(parents=True)
    (project / "data" / "sources" / "small" / "train" / "lenet5-digits.txt").write_text(then)
    stages["train@lenet5-digits"]["deps"][0]["md5"] = hashlib.md5(then.encode()).hexdigest()
    (project / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    states = _states()
    assert states["train@lenet5-digits"] == ("run", "epochs: 7 -> 3, modified code")
    assert states["report"] == ("wait", "train@lenet5-digits")
    assert states["sweep@rates"] == states["prepare@digits"] == ("current", "")


def test_plan_on_a_fresh_clone_says_never_run(project, monkeypatch):
    """A clone has the lock file and the report; DVC calls all else deleted."""
    succeed("plan", "--write")
    _ran_before(project, here=False)
    assert set(_states().values()) == {("run", "never run")}
    (project / "out" / "report").mkdir(parents=True)
    gone = {"changed deps": {f"out/{name}": "deleted" for name in STAGES if name != "report"}}
    monkeypatch.setattr(changes, "_dvc_status", lambda here: {"report": [gone]})
    states = _states()
    assert states.pop("report")[0] == "wait"
    assert set(states.values()) == {("run", "never run")}
    (project / "out" / "train@lenet5-digits").mkdir()  # it ran here, so that what DVC calls deleted was
    lost = {"changed deps": {"out/other": "deleted"}}
    monkeypatch.setattr(changes, "_dvc_status", lambda here: {"train@lenet5-digits": [lost]})
    assert _states()["train@lenet5-digits"] == ("run", "deleted out/other")


def test_plan_says_in_one_line_where_dvc_cannot_tell(project, monkeypatch):
    succeed("plan", "--write")
    _ran_before(project)
    (project / "out" / "sweep@rates").rmdir()

    def fail(here):
        raise changes.DvcFailed(here, "[Errno 30] Read-only file system: '.dvc/tmp/lock'")

    monkeypatch.setattr(changes, "_dvc_status", fail)
    states = _states()
    assert states["train@lenet5-digits"] == ("unknown", "")
    assert states["sweep@rates"] == ("run", "never run")
    assert states["report"][0] == "wait"
    line = next(line for line in succeed("plan").splitlines() if line.startswith("dvc "))
    assert "Read-only file system" in line
    (project / "dvc.yaml").write_text("stages: 3\n")
    assert "archbench plan --write" in refuse("plan")


def test_plan_fits_a_screen_and_all_shows_the_rest(project):
    many = "\n".join(f"  lenet5-{number}: {{architecture: lenet5, dataset: digits}}" for number in range(60))
    sets = "\n".join(f"  digits-{number}: {{name: digits, size: {number}}}" for number in range(16, 40))
    (project / "params.yaml").write_text(
        PARAMS.replace("\nstudies:", f"\n{many}\nstudies:").replace("  wine:\n", f"  wine:\n{sets}\n")
    )
    lines = succeed("plan").splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80
    assert next(line.split()[:3] for line in lines if "train" in line) == ["61", "train", "61"]
    assert any(line.split() == ["more", "archbench", "plan", "--all"] for line in lines)
    whole = succeed("plan", "--all")
    assert "train@lenet5-59" in whole
    assert "digits-39: CC BY 4.0" in whole


def test_plan_trusts_the_seconds_of_the_committed_report_on_this_processor(project, monkeypatch):
    """On another one it scales them by how much slower this one is."""
    from archbench.cli import forecast
    from archbench.config import read_config
    from archbench.resolve import resolve_all
    from archbench.results.durations import network
    from archbench.training.machine import processor

    plan = resolve_all(read_config(project / "params.yaml"))["lenet5-digits"]
    tables = project / "reports" / "reference" / "small" / "tables"
    tables.mkdir(parents=True)
    row = f"train@lenet5-digits,600,12,{network(plan.settings)}"
    (tables / "durations.csv").write_text(f"stage,seconds,work,network\n{row}\n")
    own = {name: " ".join(v) if isinstance(v, list) else v for name, v in processor().items()}
    monkeypatch.setattr(forecast, "slowness", lambda: 3.0)
    for cpu, factor in ((own["cpu"], 1), ("Abacus 9000", 3)):
        line = f'"{cpu}","{own["cpu_extensions"]}",{own["cores"]}'
        (tables / "machines.csv").write_text(f"cpu,cpu_extensions,cores\n{line}\n")
        stage = _stage("train@lenet5-digits")
        # 600 s for 12 epochs, of which 2 seeds take 6; 10 s of imports on the reference machine.
        assert (stage["seconds"], stage["basis"]) == (3 * 10 + factor * 300, "measured")


def test_plan_counts_the_examples_that_are_trained_on_and_those_that_are_scored(project):
    """Before the data are there: a hundred of MNIST's are trained on in no time, nine thousand scored in some."""
    from archbench.cli import forecast
    from archbench.config import read_config
    from archbench.project import Folders
    from archbench.resolve import resolve_all

    few = {"few": "{name: mnist, train_examples: 100", "fewer": "{name: mnist, train_examples: 100, validation: 0.01"}
    sets = "".join(f"  {name}: {spec}}}\n" for name, spec in {**few, "mnist": "{name: mnist"}.items())
    nets = "".join(f"  lenet5-{name}: {{architecture: lenet5, dataset: {name}}}\n" for name in (*few, "mnist"))
    (project / "params.yaml").write_text(
        PARAMS.replace("  wine:\n", f"{sets}  wine:\n").replace("\nbenchmarks:\n", f"\nbenchmarks:\n{nets}")
    )
    config, folders = read_config(project / "params.yaml"), Folders(project, "small")
    looked = {name: look_up(name, config.datasets, folders) for name in config.datasets}
    sizes = {name: looked[name].card.split_sizes for name in (*few, "mnist")}
    assert sizes["few"] == {"train": 100, "validation": 9000, "test": 10000}
    assert sizes["fewer"]["validation"] == 600
    assert sizes["mnist"]["train"] == 51000
    plans, cost = resolve_all(config), forecast.Forecast(config, folders, looked, "cpu")
    few, fewer, whole = (cost.stage(f"train@lenet5-{name}", plans).seconds for name in (*few, "mnist"))
    assert fewer < few < whole


def test_plan_reads_the_status_of_a_real_dvc(project, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}")
    (project / "pipelines" / "prepare.py").write_text(
        "import pathlib, sys\npathlib.Path('data/prepared/small', sys.argv[1]).mkdir(parents=True)\n"
    )
    for page in ("sources.py", "train.py"):
        shutil.copy(Path(__file__).parents[2] / "pipelines" / page, project / "pipelines")
    succeed("plan", "--write")
    for words in (("init", "--no-scm", "-q"), ("repro", "-q", "prepare@wine")):
        subprocess.run([sys.executable, "-m", "dvc", *words], check=True, capture_output=True)
    settings, digests = sources.parts((project / "data/sources/small/prepare/wine.txt").read_text())
    assert settings == {"name": '"wine"'}
    digest, name = digests.splitlines()[0].split("  ")
    assert digest == hashlib.sha256(code.meaning(code.PACKAGE / name)).hexdigest()
    assert _stage("prepare@wine")["state"] == "current"
    assert _stage("prepare@digits") | {"seconds": 0} == {
        "stage": "prepare@digits", "state": "run", "why": ["never run"], "seconds": 0, "basis": "estimated",
    }  # fmt: skip
    (project / "params.yaml").write_text(PARAMS.replace("wine:", "wine: {test: 0.2}"))
    stage = _stage("prepare@wine")
    assert (stage["state"], stage["why"]) == ("run", ["test: not given -> 0.2"])
    (project / "dvc.yaml").write_text("stages: 3\n")
    assert "archbench plan --write" in refuse("plan")


def _stage(name: str) -> dict:
    stages = json.loads(succeed("plan", "--json"))["stages"]
    return next(stage for stage in stages if stage["stage"] == name)


def _write_run(project: Path, batch_size: int) -> None:
    """A finished run of lenet5-digits: 12 s for 12 epochs."""
    folder = project / "runs" / "small" / "lenet5-digits" / "seed-0"
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    own = fake.settings("lenet5-digits", 0, **described, batch_size=batch_size, parts={})
    fake.write_run(folder, own, 0.9)


# train, sweep


def test_train_and_sweep_prepare_what_is_missing(project, monkeypatch):
    from archbench import stages

    calls = []
    monkeypatch.setattr(stages, "prepare_one", lambda datasets, folders, slug: calls.append(("prepare", slug)))
    for name in ("train", "sweep"):
        monkeypatch.setattr(stages, name, lambda slug, name=name: calls.append((name, slug)))
    assert "runs/small/lenet5-digits" in succeed("train", "lenet5-digits")
    succeed("sweep", "rates")
    assert calls == [("prepare", "digits"), ("train", "lenet5-digits"), ("prepare", "digits"), ("sweep", "rates")]
    calls.clear()
    prepare_digits(project)
    succeed("train", "lenet5-digits")
    assert calls == [("train", "lenet5-digits")]


def prepare_digits(project: Path) -> Path:
    """The data set of `PARAMS`, prepared; its folder."""
    folder = project / "data" / "prepared" / "small" / "digits"
    prepare({"name": "digits", "size": 16}, "digits", folder, project / "data" / "raw")
    return folder


def change_digits(project: Path) -> None:
    """Ask params.yaml for other digits than those that are prepared."""
    (project / "params.yaml").write_text(PARAMS.replace("{size: 16}", "{size: 16, shift: 4}"))


def flip_a_byte(project: Path) -> None:
    path = project / "data" / "prepared" / "small" / "digits" / "train" / "image.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("spoil", "says"), [(change_digits, "its option shift"), (flip_a_byte, "train/image.npy has")])
@pytest.mark.parametrize("words", [("train", "lenet5-digits"), ("sweep", "rates")])
def test_train_and_sweep_prepare_again_what_is_not_what_params_asks_for(project, monkeypatch, spoil, says, words):
    from archbench import stages

    folder, told = prepare_digits(project), []
    monkeypatch.setattr(stages, words[0], lambda slug: told.append(json.loads((folder / "dataset.json").read_text())))
    spoil(project)
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert f"{says}" in result.stderr
    assert "It is prepared again." in result.stderr
    assert told[0]["made_from"]["options"]["shift"] == (4 if spoil is change_digits else 0)
    store.verify(folder)


@pytest.mark.parametrize("spoil", [change_digits, flip_a_byte])
@pytest.mark.parametrize(("stage", "slug"), [("_train", "lenet5-digits"), ("_sweep", "rates")])
def test_a_stage_of_dvc_refuses_such_data_and_leaves_them_as_they_are(project, spoil, stage, slug):
    from archbench import stages

    folder = prepare_digits(project)
    spoil(project)
    before = (folder / "train" / "image.npy").read_bytes()
    config, folders = stages.open_pipeline()
    with pytest.raises(store.NotReady, match=r"dvc repro -f prepare@digits$"):
        getattr(stages, stage)(config, folders, slug)
    assert (folder / "train" / "image.npy").read_bytes() == before
    assert not (project / "runs").exists()


def test_speed_refuses_them_too(project):
    from archbench.speed import xla
    from archbench.speed.workshop import Site
    from archbench.stages import open_pipeline

    prepare_digits(project)
    text = PARAMS.replace("{size: 16}", "{size: 16, shift: 4}") + "speed: {xla: [lenet5-digits]}\n"
    (project / "params.yaml").write_text(text)
    config, folders = open_pipeline()
    with pytest.raises(store.NotReady, match="its option shift"):
        list(xla.table(Site(config.speed, project, config, folders)))


@pytest.mark.parametrize("spoil", [change_digits, lambda root: edit_card(root)])
def test_plan_does_not_count_on_such_data(project, spoil):
    """A damaged card is not read, and sizes are those of what params.yaml asks for."""
    prepare_digits(project)
    spoil(project)
    plan = json.loads(succeed("plan", "--json"))
    assert plan["disk"]["prepared_bytes"] == 1797 * (256 + 4) + 178 * (13 * 4 + 4)


def edit_card(project: Path) -> None:
    card = project / "data" / "prepared" / "small" / "digits" / "dataset.json"
    card.write_text(card.read_text().replace('"0",', '"nought",'))


def test_a_report_says_which_data_it_cannot_know_and_shows_no_run_on_others_as_current(project):
    import fake_runs as fake
    from site_text import site_text

    def write(sha256: str) -> str:
        shape = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
        for seed in (0, 1):
            run_folder = project / "runs" / "small" / "lenet5-digits" / f"seed-{seed}"
            settings = fake.settings("lenet5-digits", seed, **shape, dataset_sha256=sha256)
            fake.write_run(run_folder, settings, score=0.987)
        result = run("report")
        assert result.exit_code == 0, result.output
        return site_text(project / "reports" / "small" / "index.html") + result.stderr

    text = write("of some data")
    assert "digits is not prepared" in text
    assert "0.987" in text
    card = json.loads((prepare_digits(project) / "dataset.json").read_text())
    text = write(card["sha256"])
    assert "0.987" in text
    assert "digits is not prepared" not in text
    assert "0.987" not in write("of other data")
    for spoil in (change_digits, edit_card):
        spoil(project)
        text = write(card["sha256"])
        assert "2 stale" in text
        assert "0.987" not in text
        (project / "params.yaml").write_text(PARAMS)


# doctor


@pytest.fixture
def healthy(project, monkeypatch):
    """A project with nothing to mend on a machine with enough of all."""
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(checks, "LEAST_DISK_BYTES", 0)
    monkeypatch.setattr(checks, "LEAST_MEMORY_BYTES", 0)
    succeed("plan", "--write")
    return project


def test_doctor_is_content_with_a_fresh_project(healthy):
    result = run("doctor", "--json")
    found = json.loads(result.stdout)
    assert [finding for finding in found["findings"] if finding["mend"]] == []
    assert (result.exit_code, found["ok"]) == (0, True)
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["versions"]["tensorflow"]
    assert "All is well." in succeed("doctor")
    assert not (healthy / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("spoil", "check", "mend"),
    [
        (lambda root, _: (root / "dvc.yaml").unlink(), "dvc.yaml", "archbench plan --write"),
        (lambda root, _: (root / "params.yaml").write_text("pipeline: 3"), "params.yaml", "params.yaml"),
        (lambda _, env: env.setenv("ARCHBENCH_MIRROR", "/not/there"), "mirror", "ARCHBENCH_MIRROR"),
        (lambda _, env: env.setenv("OPTUNA_STORAGE", "nonsense"), "Optuna", "OPTUNA_STORAGE"),
        (lambda _, env: env.setenv("OPTUNA_STORAGE", "sqlite:////not/there/x.db"), "Optuna", "OPTUNA_STORAGE"),
        (lambda _, env: env.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9"), "MLflow", "archbench sync"),
        (lambda _, env: env.setenv("PATH", "/usr/nothing"), "path", "bin/activate"),
        (lambda root, env: env.setenv("PATH", str(_another_python(root))), "path", "bin/activate"),
        (lambda root, _: _half_write(root, "old-one"), "runs/small/old-one", "rm -r runs/small/old-one"),
        (lambda root, _: [prepare_digits(root), flip_a_byte(root)], DATA, "dvc repro -f prepare@digits"),
        (lambda root, _: [prepare_digits(root), edit_card(root)], DATA, "dvc repro -f prepare@digits"),
        (lambda root, _: [prepare_digits(root), change_digits(root)], DATA, "dvc repro -f prepare@digits"),
        (lambda root, _: _half_write(root), "runs/small/lenet5-digits/seed-0", "dvc repro train@lenet5-digits"),
        (lambda root, _: _kill(root), "runs/small/lenet5-digits/seed-0", "dvc repro train@lenet5-digits"),
        (lambda root, _: _age(root), "runs/small/lenet5-digits/seed-0", "dvc repro train@lenet5-digits"),
        (lambda root, _: _leave(root), "runs/small/lenet5-digits/.metrics.json.1234567.tmp", "rm "),
        (lambda root, _: (root / "studies/small/rates").mkdir(parents=True), "studies/small/rates", "sweep@rates"),
    ],
)  # fmt: skip
def test_doctor_finds_what_is_wrong_and_how_to_mend_it(healthy, monkeypatch, spoil, check, mend):
    spoil(healthy, monkeypatch)
    result = run("doctor", "--json")
    wrong = {f["check"]: f["mend"] for f in json.loads(result.stdout)["findings"] if f["mend"]}
    assert result.exit_code == 1
    assert set(wrong) == {check}
    assert mend in wrong[check]


def _another_python(root: Path) -> Path:
    folder = root / "elsewhere"
    folder.mkdir()
    (folder / "python").write_text("#!/bin/sh\n")
    (folder / "python").chmod(0o755)
    return folder


def _half_write(root: Path, benchmark: str = "lenet5-digits") -> Path:
    folder = root / "runs" / "small" / benchmark / "seed-0"
    folder.mkdir(parents=True)
    return folder


def _kill(root: Path) -> None:
    """The folder of a run whose process is gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = _half_write(root)
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    fake.write_run(folder, fake.settings("lenet5-digits", 0, **described), 0.9)
    fake.kill(folder)
    fake.write_json(folder / "machine.json", fake.machine(pid=gone.pid, host=os.uname().nodename))


def _age(root: Path) -> None:
    """The folder of a run that finished under other settings."""
    _write_run(root, batch_size=100)


def _leave(root: Path) -> None:
    (_half_write(root).parent / ".metrics.json.1234567.tmp").touch()
    (root / "runs" / "small" / "lenet5-digits" / "seed-0").rmdir()


def test_doctor_outside_a_project_looks_at_the_machine_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = json.loads(run("doctor", "--json").stdout)["findings"]
    assert any(f["check"] == "params.yaml" and f["mend"] is None for f in found)


def test_doctor_says_that_a_report_was_made_on_another_processor(healthy):
    tables = healthy / "reports" / "reference" / "small" / "tables"
    tables.mkdir(parents=True)
    (tables / "machines.csv").write_text("cpu,cpu_extensions,cores\nAbacus 9000,avx9,64\n")
    succeed("plan", "--write")
    result = run("doctor", "--json")
    found = {f["check"]: f for f in json.loads(result.stdout)["findings"]}["reports/reference/small"]
    assert result.exit_code == 0
    assert "another processor" in found["text"]
    assert "Abacus 9000" in found["text"]
    assert found["mend"] is None


# Processes of their own


def test_help_and_a_kept_list_do_not_import_keras():
    index.rows()
    code = """
import sys
from archbench.cli.app import app
from archbench.cli.index import catalogues
kinds = [["list", kind] for kind in catalogues()]
helps = [[name, "--help"] for name in "list show plan run train sweep report speed sync ui doctor".split()]
for words in (["--help"], ["--version"], ["list"], ["list", "--json"], *kinds, ["show", "resnet65"], *helps):
    try:
        app(words)
    except SystemExit:
        pass
assert not {"keras", "tensorflow", "numpy"} & set(sys.modules), sorted(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "vgg16" in done.stdout


def test_vgg16_is_shown_without_making_its_weights():
    """They alone are 553 MB. The peak is of this program alone: a child's `ru_maxrss` starts at its parent's."""
    code = """
import re
from archbench.cli.app import app
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
app(["show", "lenet5", "--json"], standalone_mode=False)
before = peak()
app(["show", "vgg16", "--json"], standalone_mode=False)
assert peak() - before < 300e6, (before, peak())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout[done.stdout.index("\n}\n") + 3 :])
    assert shown["parameters"] == {"trainable": 138_357_544, "total": 138_357_544}
    assert shown["depth"] == 16


def test_a_process_prints_json_alone():
    done = shell("show", "lenet5", "--json", KERAS_BACKEND="tensorflow")
    assert done.returncode == 0
    assert json.loads(done.stdout)["parameters"]["trainable"] == 61_706
    assert done.stderr == ""


def test_a_process_ends_in_one_message():
    done = shell("show", "resnet65")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: No entry of any catalogue is called 'resnet65'.")
    assert done.stderr.count("\n") == 1
    assert shell("--version").stdout.startswith("archbench ")


def test_only_the_notes_of_tensorflows_import_are_kept_back(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os, sys\n"
        "os.write(2, b'WARNING: All log messages before absl::InitializeLog() is called are ...\\n')\n"
        "os.write(2, b'I0000 00:00:1795226010.447923   10706 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "os.write(2, b'E0000 00:00:1795226010.447923   10706 x.cc:1] a real error\\n')\n"
        "print('I am worried', file=sys.stderr)\n"
        "raise ImportError('a missing library')\n"
    )
    code = "import archbench, tensorflow"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert "a real error\nI am worried\nTraceback" in done.stderr
    assert "ImportError: a missing library" in done.stderr
    assert "absl" not in done.stderr
    assert "oneDNN" not in done.stderr
    environment["TF_CPP_MIN_LOG_LEVEL"] = "0"
    loud = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert "oneDNN" in loud.stderr
