"""The words of a recipe: every key of params.yaml has a row, every row's line is accepted, every name is found."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from archbench import config
from archbench.cli import index
from archbench.cli.app import app
from archbench.cli.words import KIND, LEVELS, words
from archbench.config import check_config
from archbench.resolve import resolve_all, resolve_arm

MODELS = [
    config.Config,
    config.DataSet,
    config.Training,
    config.Changes,
    config.Benchmark,
    config.Start,
    config.Beat,
    config.Clip,
    config.EarlyStopping,
    config.Average,
    config.PartsChange,
    config.Study,
    config.Arm,
    config.Probe,
    config.Range,
    config.Choices,
    config.Speed,
    config.Compute,
    config.Report,
    config.SingleNumber,
]
RATE = {"learning_rate": {"low": 1e-4, "high": 0.1, "log": True}}


def _fields():
    """`Model.field` of every key, at the model that declares it."""
    for model in MODELS:
        inherited = {name for base in model.__bases__ for name in getattr(base, "model_fields", {})}
        yield from (f"{model.__name__}.{name}" for name in model.model_fields if name not in inherited)


def _params(level: str, line: dict) -> dict:
    """A small params.yaml with `line` at its level."""
    benchmark = {"architecture": "lenet5", "dataset": "digits"}
    params = {
        "pipeline": "toy",
        "datasets": {"digits": {"size": 16}, "stripes": {"name": "balloons"}, "dates": {}},
        "benchmarks": {"lenet5-digits": benchmark, "lenet5-digits-low": {**benchmark}},
    }
    study = {"base": dict(benchmark), "trials": 2, "epochs": 4, "space": RATE, "arms": {"adam": {"optimizer": "adam"}}}
    if level == "params":
        return {**params, **{k: {**params[k], **v} if k in params and k != "pipeline" else v for k, v in line.items()}}
    if level == "training":
        return {**params, "training": line}
    if level == "speed":
        return {**params, "speed": line}
    if level == "compute":
        return {**params, "compute": line}
    if level == "space":
        integer = line.get("integer")
        return {**params, "studies": {"one": {**study, "space": {"batch_size" if integer else "learning_rate": line}}}}
    if level == "probe":
        return {**params, "probes": {"one": {"probe": "signal_propagation", "base": dict(benchmark), **line}}}
    if level == "study":
        if "cross" in line:
            del study["arms"]
        return {**params, "studies": {"one": {**study, **line}}}
    detects = line.get("task", {}).get("name") == "detection" or "anchors" in str(line)
    own = {"architecture": "yolo_v2", "dataset": "stripes"} if detects else {}
    if "keep_every" in line:  # of a task that shows something while it trains
        own = {"architecture": "bahdanau", "dataset": "dates", "preprocessing": "none"}
    return {**params, "benchmarks": {**params["benchmarks"], "lenet5-digits": {**benchmark, **own, **line}}}


def _accept(params: dict) -> None:
    checked = check_config(params)
    resolve_all(checked)
    for slug, study in checked.studies.items():
        for arm in study.arms:
            resolve_arm(checked, slug, arm)


def test_every_key_of_params_yaml_has_a_row_and_every_row_names_keys_there_are():
    told = [field for word in words().values() for field in word.fields]
    assert sorted(told) == sorted(set(told)), "a key is told of twice"
    assert set(told) == set(_fields()), "src/archbench/cli/words.csv: a row a key, in its column fields"


LINES = [word for word in words().values() if word.level != "command"]


@pytest.mark.parametrize("word", LINES, ids=lambda word: word.name)
def test_the_line_of_a_row_is_accepted_where_it_says(word):
    line = yaml.safe_load(word.where)
    _accept(_params(word.level, line))
    if word.level == "recipe":
        _accept(_params("training", line))
    if word.level in ("recipe", "change") and "detection" not in word.where:
        arm = line if "optimizer" in line else {**line, "optimizer": "adam"}
        _accept(_params("study", {"arms": {"one": arm}}))


@pytest.mark.parametrize("word", LINES, ids=lambda word: word.name)
def test_the_line_of_a_row_sets_the_keys_that_it_explains(word):
    """A row for a key whose line does not hold it would send its reader elsewhere."""
    names = {"source": "from", "low": "low", "high": "high"}
    for field in word.fields:
        name = field.partition(".")[2]
        assert f"{names.get(name, name)}:" in word.where, field


def test_every_row_is_whole_and_no_name_means_two_things():
    rows = words()
    assert all(word.what.endswith(".") and word.formula and word.source for word in rows.values())
    assert {word.level for word in rows.values()} == set(LEVELS)
    others = [alias for word in rows.values() for alias in word.also]
    assert len(set(others)) == len(others)
    assert not set(others) & set(rows)
    commands = {command.name for command in app.registered_commands}
    assert all(word.where.split()[:1] == ["archbench"] and word.where.split()[1] in commands
               for word in rows.values() if word.level == "command")  # fmt: skip


def _run(*given: str):
    return CliRunner().invoke(app, list(given))


def test_list_has_the_settings_as_a_kind():
    rows = json.loads(_run("list", "settings", "--json").stdout)
    assert {row["name"] for row in rows} == set(words())
    assert {row["kind"] for row in rows} == {KIND}
    assert "early_stopping" in _run("list").stdout
    others = _run("list", "regularizers").stdout.partition("What else regularizes")[2]
    for name in ("weight_decay", "dropout", "early_stopping", "gradient_clipping", "augmentation", "spatial_dropout"):
        assert name in others


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("weight_decay", "weight_decay"),
        ("tfrecord", "tfrecord"),
        ("gradient clipping", "gradient_clipping"),
        ("Early-Stopping", "early_stopping"),
        ("mixed precision", "precision"),
        ("fine-tuning", "train"),
        ("cross_validation", "folds"),
        ("clipnorm", "gradient_clipping"),
    ],
)
def test_show_tells_where_a_word_is_written_with_formula_and_source(asked, name):
    word = words()[name]
    text = _run("show", *asked.split()).stdout
    assert text.startswith(f"{name} (settings)")
    for part in (word.where, word.formula, word.source, word.what, word.place):
        assert part in text
    assert json.loads(_run("show", *asked.split(), "--json").stdout)["where"] == word.where


@pytest.mark.parametrize(
    ("asked", "near"), [("clipping", "gradient_clipping"), ("dropot", "dropout"), ("kfolds", "folds")]
)
def test_show_names_near_words(asked, near):
    result = _run("show", asked)
    assert result.exit_code == 2
    assert near in result.stderr.partition("Did you mean")[2]


def test_an_entry_goes_before_what_a_setting_is_also_called():
    rows = {
        (row.kind, row.name) for name in ("momentum", "multi_task", "warmup") for row in index.find_entries(name, None)
    }
    assert rows == {("optimizers", "momentum"), ("tasks", "multi_task"), ("schedules", "warmup")}


SOUGHT = (
    "weight_decay dropout early_stopping gradient_clipping augmentation spatial_dropout tfrecord transfer_learning "
    "multi_task cross_validation nms anchors box_coding average_precision coco_map conv_arithmetic degradation splits "
    "search_scales label_smoothing max_norm mixup cutout triplet contrastive margin elbo content style nas_controller"
)


@pytest.mark.parametrize("name", SOUGHT.split())
def test_what_a_reader_of_the_field_looks_for_is_found(name):
    assert index.find_entries(name, None)
