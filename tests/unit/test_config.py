"""params.yaml: every refusal names the key, what was given, and what would do."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from archbench.config import Config, ConfigError, check_config, find_params, read_config

DEFAULTS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "training_defaults.csv").open()))
GOOD = """
pipeline: toy
seeds: [3, 4]
training: {epochs: 2, batch_size: 16, optimizer: {name: adam, learning_rate: 1e-3}}
datasets:
  digits: {size: 16}
  more: {name: digits, size: 32}
  iris:
benchmarks:
  one: {architecture: lenet5, dataset: digits, clip: {norm: 1}}
  two: {architecture: {name: lenet5, units: [8]}, dataset: more, parts: {dropout: 0.5}, seeds: [9]}
studies:
  rates:
    base: {architecture: lenet5, dataset: digits}
    trials: 3
    epochs: 1
    arms:
      sgd: {optimizer: sgd, space: {learning_rate: {low: 1e-3, high: 1, log: true}}}
"""


def _read(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    return read_config(tmp_path / "params.yaml")


def _changed(path, value):
    """GOOD as a mapping, with what stands at the key `path` replaced."""
    values = yaml.safe_load(GOOD.replace("1e-3", "0.001"))
    here = values
    *way, last = path.split(".")
    for key in way:
        here = here.setdefault(key, {})
    here[last] = value
    return values


def test_a_good_file_is_read_with_its_defaults(tmp_path):
    config = _read(tmp_path, GOOD)
    assert config.training.optimizer.spec == {"name": "adam", "learning_rate": 0.001}
    assert (config.seeds, config.benchmarks["two"].seeds, config.benchmarks["one"].seeds) == ((3, 4), (9,), None)
    assert config.datasets["digits"].spec == {"name": "digits", "size": 16}
    assert config.datasets["more"].spec == {"name": "digits", "size": 32}
    assert config.datasets["iris"].spec == {"name": "iris"}
    assert config.training.xla == "auto"
    assert config.benchmarks["one"].scale is None
    with pytest.raises(ValueError, match="frozen"):
        config.training.epochs = 3


@pytest.mark.parametrize("row", DEFAULTS, ids=lambda row: row["name"])
def test_a_default_of_training_is_its_sources(row, tmp_path):
    without = GOOD.replace(", batch_size: 16, optimizer: {name: adam, learning_rate: 1e-3}", "")
    found = getattr(_read(tmp_path, without).training, row["name"])
    assert (found.spec if hasattr(found, "spec") else found) == json.loads(row["value"])


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("trainig", {}, "trainig: unknown key. Did you mean training? Accepted: pipeline, plugins, seeds, training,"),
        ("training.epoch", 2, "training.epoch: unknown key. Did you mean epochs? Accepted: xla, precision,"),
        ("training.clip", {"nrm": 1}, "training.clip.nrm: unknown key. Did you mean norm? Accepted: value, norm,"),
        (
            "benchmarks.one.epoch",
            2,
            "one.epoch: unknown key. Did you mean epochs? Accepted: architecture, scale,",
        ),
        ("benchmarks.epochs", {"epoch": 1}, "benchmarks.epochs.epoch: unknown key. Did you mean epochs?"),
        ("benchmarks.one.parts.drop", 0.1, "benchmarks.one.parts.drop: unknown key. Did you mean dropout? Accepted:"),
        ("studies.rates.trial", 2, "studies.rates.trial: unknown key. Did you mean trials? Accepted: base, arms,"),
        ("studies.rates.base.epoc", 2, "studies.rates.base.epoc: unknown key. Did you mean epochs?"),
        ("studies.rates.arms.sgd.spac", 2, "studies.rates.arms.sgd.spac: unknown key. Did you mean space?"),
        (
            "studies.rates.arms.sgd.space.learning_rate.lo",
            2,
            "studies.rates.arms.sgd.space.learning_rate.lo: unknown key. Did you mean low? Accepted: low, high, log,",
        ),
        ("report.titel", "x", "report.titel: unknown key. Did you mean title? Accepted: title, best, single_number."),
        ("speed", {"repeat": 5}, "speed.repeat: unknown key. Did you mean repeats?"),
        ("training.early_stopping", {"patience": 1, "gain": 2}, "training.early_stopping.gain: unknown key."),
        ("training.epochs", 0, "training.epochs: Input should be greater than or equal to 1. Given: 0."),
        ("training.epochs", "ten", "training.epochs: Input should be a valid integer. Given: 'ten'."),
        ("training.epochs", 2.5, "training.epochs: Input should be a valid integer. Given: 2.5."),
        ("training.epochs", True, "training.epochs: Input should be a valid integer. Given: True."),
        ("training.clip", {}, "training.clip: clip takes exactly one of value, norm and global_norm. Given: {}."),
        ("training.clip", {"value": 1, "norm": 1}, "training.clip: clip takes exactly one of value, norm and"),
        ("training.clip", {"norm": 0}, "training.clip.norm: Input should be greater than 0. Given: 0."),
        ("training.clip", {"norm": "1"}, "training.clip.norm: Input should be a valid number. Given: '1'."),
        ("training.clip", {"norm": True}, "training.clip.norm: Input should be a valid number. Given: True."),
        ("training.clip", {"norm": float("inf")}, "training.clip.norm: Input should be a finite number."),
        ("training.xla", "yes", "training.xla: Input should be 'auto', 'on' or 'off'. Given: 'yes'."),
        ("training.precision", "float16", "training.precision: Input should be 'float32', 'mixed_bfloat16' or"),
        ("training.optimizer", 3, "training.optimizer: Input should be"),
        ("training.optimizer", {"learning_rate": 1}, "training.optimizer.name: missing."),
        ("benchmarks.one.architecture", None, "benchmarks.one.architecture: Input should be"),
        ("benchmarks.one", {"architecture": "lenet5"}, "benchmarks.one.dataset: missing."),
        ("benchmarks.one.parts.dropout", 1, "benchmarks.one.parts.dropout: Input should be less than 1. Given: 1."),
        ("benchmarks.One", {}, "benchmarks.One: 'One' is not a slug. Use small letters, digits, - and _."),
        ("benchmarks.a/b", {}, "benchmarks.a/b: 'a/b' is not a slug."),
        ("datasets.My Data", {}, "datasets.My Data: 'My Data' is not a slug."),
        ("pipeline", "../x", "pipeline: '../x' is not a slug."),
        ("benchmarks.one.dataset", "Digits", "benchmarks.one.dataset: 'Digits' is not a slug."),
        ("seeds", [], "seeds: Tuple should have at least 1 item"),
        ("seeds", [1, 1], "seeds: a seed stands twice, but every seed is one run. Given: [1, 1]."),
        ("seeds", [-1], "seeds.0: Input should be greater than or equal to 0. Given: -1."),
        ("seeds", 3, "seeds: Input should be a valid tuple. Given: 3."),
        ("benchmarks.one.seeds", [], "benchmarks.one.seeds: Tuple should have at least 1 item"),
        ("studies.rates.trials", 0, "studies.rates.trials: Input should be greater than or equal to 1. Given: 0."),
        ("studies.rates.arms", {}, "studies.rates: there is nothing to compare: give arms, or two axes in cross."),
        (
            "studies.rates.arms.sgd.space",
            {},
            "studies.rates: arms.sgd has an empty space: all its trials would be the same. Give a range",
        ),
        (
            "studies.rates.sampler",
            "genetic",
            "studies.rates.sampler: Input should be 'tpe', 'gp', 'random', 'grid', 'quasi_random'",
        ),
        ("studies.rates.pruner", "hyperband", "studies.rates.pruner: Input should be 'none', 'median',"),
        ("studies.rates.pruner", "wilcoxon", "the pruner wilcoxon compares trials fold by fold: give folds, or choose"),
        ("studies.rates.folds", 1, "studies.rates.folds: Input should be greater than or equal to 2. Given: 1."),
        ("studies.rates.cross", {"optimizer": {"a": "sgd"}}, "a study has arms or cross, and this one has both."),
        (
            "studies.rates.arms.sgd.space.learning_rate",
            {"low": 1.5, "high": 3, "integer": True},
            "learning_rate: an integer range has whole numbers as low and high, and no one_minus.",
        ),
        ("training.clip", {"global_norm": 0}, "training.clip.global_norm: Input should be greater than 0. Given: 0."),
        (
            "studies.rates.arms.sgd.space.learning_rate",
            {"low": 2, "high": 1},
            "learning_rate: low must be below high, but low is 2.0 and high is 1.0.",
        ),
        (
            "studies.rates.arms.sgd.space.learning_rate",
            {"low": 0, "high": 1, "log": True},
            "learning_rate: a log scale needs low above 0, but low is 0.0.",
        ),
        (
            "studies.rates.arms.sgd.space.learning_rate",
            {"choices": [0.1]},
            "studies.rates.arms.sgd.space.learning_rate.choices: Tuple should have at least 2 items",
        ),
        (
            "studies.rates.arms.sgd.space.learning_rate",
            {"choice": [0.1, 1]},
            "learning_rate.choice: unknown key. Did you mean choices? Accepted: low, high, log, one_minus, integer, ch",
        ),
        (
            "studies.rates.arms.sgd.space.learning_rate",
            {"choices": [0.1, 1], "log": True},
            "learning_rate: choices stand alone: what is drawn from them has no low, no high and no scale.",
        ),
        ("studies.rates.arms.sgd.space.learning_rate", 3, "learning_rate: Input should be a valid dictionary or"),
        ("studies.rates.arms.sgd.space.nesterov", {"choices": [1, 1.0]}, "space.nesterov: a choice stands twice, but"),
        ("studies.rates.arms.sgd.space.x", {"choices": ["relu", {"name": "relu"}]}, "space.x: a choice stands twice"),
        ("studies.rates.arms.sgd.space.x", {"choices": [[1, 2], [1, 2]]}, "space.x: a choice stands twice"),
        (
            "studies.rates.arms.sgd",
            {"optimizer": "sgd", "space": {"x": {"choices": [1, 2]}}, "sampler": "quasi_random"},
            "studies.rates: arms.sgd is drawn by quasi_random, which fills ranges of numbers evenly, and x has "
            "choices, which stand in no order. Choose random, grid, tpe, gp or reinforce.",
        ),
        (
            "studies.rates.sampler",
            "reinforce",
            "studies.rates: arms.sgd is drawn by reinforce, which proposes choices alone, and learning_rate is a "
            "range. Write it as learning_rate: {choices: [...]}, or choose random, grid, tpe or gp.",
        ),
        (
            "studies.rates.arms.sgd",
            {"sampler": "grid", "space": {key: {"choices": [*range(101)]} for key in ("x", "y", "z")}},
            "studies.rates: arms.sgd is drawn by grid, which would have 1,030,301 points of its choices alone, and at "
            "most 1,000,000 are made. Choose random, tpe, gp or reinforce.",
        ),
        (
            "studies.rates.base",
            {"architecture": "lenet5", "dataset": "digits", "epochs": 3},
            "studies.rates: base takes no epochs: the study gives them.",
        ),
        ("speed", {"repeats": 3}, "speed.repeats: Input should be greater than or equal to 5. Given: 3."),
    ],
)
def test_a_mistake_is_told_with_its_key_and_what_would_do(path, value, says):
    with pytest.raises(ConfigError) as caught:
        check_config(_changed(path, value), "params.yaml")
    assert says in str(caught.value)
    assert str(caught.value).startswith("params.yaml: ")
    assert "function-" not in str(caught.value)


def test_every_mistake_is_told_at_once():
    values = _changed("training.epochs", 0)
    values["seeds"], values["benchmarks"]["one"]["batchsize"] = [], 3
    with pytest.raises(ConfigError) as caught:
        check_config(values)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert [line.split(": ")[1] for line in lines] == ["seeds", "training.epochs", "benchmarks.one.batchsize"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must hold a mapping with the keys pipeline, plugins, seeds, training, datasets, recipes, benchmarks"),
        ("- pipeline\n- seeds\n", "must hold a mapping with the keys"),
        ("toy", "must hold a mapping with the keys"),
        ("a: [1", "is not valid YAML"),
        (GOOD + "seeds: [1]\n", "the key 'seeds' stands twice"),
        (GOOD.replace("norm: 1}", "norm: 1, norm: 2}"), "the key 'norm' stands twice"),
        ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_params_is_refused(tmp_path, text, says):
    with pytest.raises(ConfigError, match=r"params\.yaml") as caught:
        _read(tmp_path, text)
    assert says in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read .*params.yaml: No such file or directory"):
        read_config(tmp_path / "params.yaml")
    with pytest.raises(ConfigError, match=r"There is no params\.yaml in"):
        find_params(tmp_path)
    (tmp_path / "params.yaml").write_bytes(b"pipeline: \xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_config(tmp_path / "params.yaml")
    assert find_params(tmp_path) == tmp_path / "params.yaml"


def test_every_default_stands_in_the_model():
    """What a minimal file resolves to is written down nowhere else."""
    config = Config.model_validate({"pipeline": "p", "datasets": {}, "benchmarks": {}})
    assert config.model_dump()["seeds"] == (0, 1, 2)
    assert config.speed is None


def test_an_arms_range_wins_over_the_studys():
    space = {"learning_rate": {"low": 0.5, "high": 1.0}, "clip.norm": {"low": 1.0, "high": 2.0}}
    values = _changed("studies.rates.space", space)
    values["studies"]["rates"]["arms"] = {
        "own": {"space": {"learning_rate": {"low": 0.1, "high": 0.2}}},
        "common": {},
    }
    study = check_config(values).studies["rates"]
    lows = {arm: [study.space_of(arm)[key].low for key in space] for arm in study.arms}
    assert lows == {"own": [0.1, 1.0], "common": [0.5, 1.0]}


def test_crossed_axes_make_an_arm_of_every_pair():
    axes = {
        "parts.activation": {"relu": "relu", "leaky": {"name": "leaky_relu", "slope": 0.1}},
        "parts.initializer": {"he": "he_normal", "zeros": "zeros"},
    }
    values = _changed("studies.rates.cross", axes)
    del values["studies"]["rates"]["arms"]
    values["studies"]["rates"]["space"] = {"learning_rate": {"low": 1e-3, "high": 1, "log": True}}
    study = check_config(values).studies["rates"]
    assert list(study.arms) == ["relu-he", "relu-zeros", "leaky-he", "leaky-zeros"]
    assert study.arms["leaky-zeros"].parts.changes == {
        "activation": {"name": "leaky_relu", "slope": 0.1},
        "initializer": {"name": "zeros"},
    }
    assert study.cell("leaky-zeros") == {"parts.activation": "leaky", "parts.initializer": "zeros"}
    assert list(study.space_of("relu-he")) == ["learning_rate"]
