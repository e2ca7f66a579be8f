"""Recipes: what comes out of merging them, and how what is wrong with one is told."""

import copy
import json

import pytest
from typer.testing import CliRunner

from archbench import resolve
from archbench.cli.app import app
from archbench.config import ConfigError, check_config

RATE = {"learning_rate": {"low": 0.01, "high": 0.1}}
VALUES = {
    "pipeline": "toy",
    "training": {"optimizer": {"name": "adam", "learning_rate": 0.5}, "clip": {"norm": 3}, "epochs": 7},
    "datasets": {"digits": {"size": 16}},
    "recipes": {
        "first": {
            "dataset": "digits",
            "optimizer": {"name": "adam", "learning_rate": 0.25, "beta_1": 0.8},
            "parts": {"activation": "gelu", "dropout": 0.5},
            "augmentation": ["flip", {"name": "shift", "pixels": 2}],
            "clip": {"value": 1},
            "epochs": 3,
        },
        "second": {"optimizer": {"name": "adam", "learning_rate": 0.125}, "parts": {"dropout": 0.25}, "batch_size": 8},
        "unused": {"epochs": 9},
    },
    "benchmarks": {"one": {"recipe": ["first", "second"], "architecture": "lenet5"}},
}
LENET = {"architecture": "lenet5", "dataset": "digits"}


def _resolved(**benchmark):
    """The settings of a benchmark of lenet5 with these keys."""
    values = {**VALUES, "benchmarks": {"one": {"architecture": "lenet5", **benchmark}}}
    return resolve.resolve_all(check_config(values))["one"].settings


def _wrong(values):
    with pytest.raises(ConfigError) as caught:
        resolve.resolve_all(check_config(values, "params.yaml"))
    return str(caught.value).splitlines()


def _with(**changes):
    return {**copy.deepcopy(VALUES), **changes}


# What comes out


def test_recipes_are_merged_left_to_right_whole_keys_but_parts():
    settings = _resolved(recipe=["first", "second"])
    assert settings["optimizer"] == {"name": "adam", "learning_rate": 0.125}, "an entry is replaced with its options"
    assert settings["parts"] == {"activation": {"name": "gelu"}, "dropout": 0.25}
    assert (settings["batch_size"], settings["epochs"], settings["clip"]) == (8, 3, {"value": 1.0})
    other = _resolved(recipe=["second", "first"])
    assert other["optimizer"] == {"name": "adam", "learning_rate": 0.25, "beta_1": 0.8}
    assert other["parts"]["dropout"] == 0.5


def test_a_benchmarks_own_keys_come_last_and_null_takes_a_key_back():
    own = _resolved(
        recipe="first",
        optimizer="sgd",
        augmentation=["flip"],
        clip={"norm": 2},
        parts={"dropout": None, "normalization": "batch"},
    )
    assert own["optimizer"] == {"name": "sgd"}
    assert own["augmentation"] == [{"name": "flip"}]
    assert own["clip"] == {"norm": 2.0}
    assert own["parts"] == {"activation": {"name": "gelu"}, "normalization": {"name": "batch"}}
    taken = _resolved(recipe="first", clip=None, optimizer=None, augmentation=[])
    assert taken["clip"] == {"norm": 3.0}
    assert taken["optimizer"] == {"name": "adam", "learning_rate": 0.5}
    assert taken["augmentation"] == []


def test_what_a_recipe_expects_holds_for_those_that_use_it_and_null_takes_it_back():
    recipes = {**VALUES["recipes"], "good": {"expect": {"accuracy": 0.5}, "beats": {"benchmark": "one", "by": 0.25}}}
    users = {"two": {}, "three": {"beats": {"benchmark": "two"}}, "four": {"expect": None, "beats": None}}
    own = {slug: {"recipe": ["first", "good"], "architecture": "lenet5", **keys} for slug, keys in users.items()}
    config = check_config(_with(recipes=recipes, benchmarks={**VALUES["benchmarks"], **own}))
    resolve.resolve_all(config)
    told = {slug: config.benchmarks[slug] for slug in users}
    assert [dict(one.expect) for one in told.values()] == [{"accuracy": 0.5}, {"accuracy": 0.5}, {}]
    assert [[(beat.benchmark, beat.by) for beat in one.beats] for one in told.values()] == [
        [("one", 0.25)], [("two", 0.0)], []
    ]  # fmt: skip


def test_one_recipe_is_a_name_or_a_list_and_its_text_makes_no_other_trial():
    """What a benchmark is called its recipes by is no setting: written out it is the same trial."""
    out = {key: value for key, value in VALUES["recipes"]["first"].items() if key != "dataset"}
    plans = [_resolved(recipe="first"), _resolved(recipe=["first"]), _resolved(dataset="digits", **out)]
    assert plans[0] == plans[1] == plans[2]
    assert "recipe" not in plans[0]


def test_a_base_and_an_arm_and_an_axis_take_recipes():
    base = {"recipe": "first", "architecture": "lenet5", "epochs": None}
    study = {"base": base, "trials": 2, "epochs": 2, "space": RATE}
    arms = {"plain": {}, "other": {"recipe": "second"}, "own": {"recipe": "second", "parts": {"dropout": 0.75}}}
    crossed = {"recipe": {"a": "second", "b": []}, "schedule": {"c": "cosine", "d": "constant"}}
    config = check_config(_with(studies={"s": {**study, "arms": arms}, "x": {**study, "cross": crossed}}))
    plain, other, own = (resolve.resolve_arm(config, "s", arm).settings for arm in arms)
    assert (plain["optimizer"]["learning_rate"], plain["parts"]["dropout"]) == (0.25, 0.5)
    assert (other["optimizer"], other["batch_size"]) == ({"name": "adam", "learning_rate": 0.125}, 8)
    assert other["parts"] == {"activation": {"name": "gelu"}, "dropout": 0.25}
    assert own["parts"]["dropout"] == 0.75
    back = {"plain": {}, "back": {"recipe": "second", "parts": {"dropout": None, "normalization": None}}}
    backed = check_config(_with(studies={"s": {**study, "arms": back}}))
    taken = resolve.resolve_arm(backed, "s", "back").settings
    assert taken["parts"] == {"activation": {"name": "gelu"}}, "null takes back what the base has, and the recipe"
    axis = resolve.resolve_arm(config, "x", "a-d").settings
    assert (axis["batch_size"], axis["schedule"]) == (8, {"name": "constant"})


def test_show_prints_what_a_benchmark_is_made_of_and_where_it_comes_from(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(json.dumps(VALUES))
    (tmp_path / "pipelines").mkdir()
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["show", "one"]).stdout
    lines = {line.split()[0]: line.split(None, 1)[1] for line in shown.splitlines() if " " in line}
    assert lines["optimizer"] == "{name: adam, learning_rate: 0.125}  # recipes.second"
    assert lines["epochs"] == "3  # recipes.first"
    assert lines["schedule"] == "{name: constant}  # training"
    assert lines["architecture"] == "{name: lenet5}"
    assert lines["scale"] == "16 pixels"
    facts = json.loads(CliRunner().invoke(app, ["show", "one", "--json"]).stdout)
    assert (facts["kind"], facts["recipe"], facts["batch_size"]) == ("benchmarks", ["first", "second"], 8)
    assert "Did you mean one?" in CliRunner().invoke(app, ["show", "onee", "--kind", "benchmarks"]).stderr


# What is wrong


def test_a_task_that_is_not_there_is_told_alone():
    """What it would show and be judged by cannot be known."""
    asked = {"keep_every": 2, "expect": {"accuracy": 0.5}, "beats": {"benchmark": "one"}}
    two = {**LENET, "task": "clasification", **asked}
    (line,) = _wrong(_with(benchmarks={**VALUES["benchmarks"], "two": two}))
    assert line.startswith("benchmarks.two.task: No task is called 'clasification'. Did you mean classification")


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ({"optimizer": {"learning_rate": 1}}, "params.yaml: recipes.r.optimizer.name: missing."),
        (
            {"datset": "digits"},
            "params.yaml: recipes.r.datset: unknown key. Did you mean dataset? Accepted: architecture",
        ),
        ({"parts": {"drop": 0.1}}, "params.yaml: recipes.r.parts.drop: unknown key. Did you mean dropout?"),
        ({"dataset": 3}, "params.yaml: recipes.r.dataset: Input should be a valid string. Given: 3."),
        ({"clip": {"norm": 1, "value": 1}}, "params.yaml: recipes.r.clip: clip takes exactly one of value, norm and"),
        ({"recipe": "first"}, "params.yaml: recipes.r.recipe: a recipe starts from no other: name both where they are"),
        (3, "params.yaml: recipes.r: Input should be a valid dictionary or instance of Recipe. Given: 3."),
        (None, "params.yaml: recipes.r: Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_inside_a_recipe_is_told_once_of_the_recipe(recipe, says):
    """Not of the three who use it, nor is the data set missing that it may have meant to give."""
    benchmarks = {slug: {"recipe": "r", "architecture": "lenet5"} for slug in ("a", "b", "c")}
    study = {"base": benchmarks["a"], "trials": 1, "epochs": 1, "space": RATE, "arms": {"x": {}}}
    lines = _wrong(_with(recipes={"r": recipe}, benchmarks=benchmarks, studies={"s": study}))
    assert len(lines) == 1
    assert lines[0].startswith(says)


def test_a_name_that_a_recipe_has_wrong_is_told_once_with_those_that_use_it():
    recipes = {"r": {"optimizer": "adan", "schedule": {"name": "piecewise", "epochs": [1, 2], "factors": [0.1]}}}
    benchmarks = {slug: {"recipe": "r", **LENET} for slug in ("a", "b")} | {"c": {"recipe": "r", **LENET, "epochs": 0}}
    benchmarks["c"] |= {"epochs": 4, "optimizer": "sgdd"}
    first, second, third = _wrong(_with(recipes=recipes, benchmarks=benchmarks))
    assert first.startswith("recipes.r.optimizer: No optimizer is called 'adan'. Did you mean")
    assert first.endswith("Used by benchmarks.a, benchmarks.b.")
    assert second.startswith("recipes.r.schedule: piecewise needs rising `epochs` and as many `factors`")
    assert second.endswith("Used by benchmarks.a, benchmarks.b, benchmarks.c.")
    assert third.startswith("benchmarks.c.optimizer: No optimizer is called 'sgdd'.")
    assert "Used by" not in third


@pytest.mark.parametrize("names", ["firts", ["second", "firts"]])
def test_a_recipe_that_is_not_there_is_one_message_with_near_names(names):
    (line,) = _wrong(_with(benchmarks={"one": {"recipe": names, "architecture": "lenet5"}}))
    assert line.startswith(
        "params.yaml: benchmarks.one.recipe: params.yaml has no recipe 'firts'. Did you mean first? It has: first,"
    )


@pytest.mark.parametrize(
    ("benchmark", "says"),
    [
        ({**LENET, "recipe": 3}, "benchmarks.one.recipe: Input should be a valid tuple. Given: 3."),
        ({**LENET, "recipe": [3]}, "benchmarks.one.recipe.0: Input should be a valid string. Given: 3."),
        ({**LENET, "recipe": ["first"] * 21}, "benchmarks.one.recipe: Tuple should have at most 20 items"),
        ({"recipe": "unused", "architecture": "lenet5"}, "benchmarks.one.dataset: missing."),
        ({"recipe": "first", "architecture": "lenet5", "epochs": 0}, "benchmarks.one.epochs: Input should be greater"),
    ],
)
def test_a_wrong_use_is_told_of_the_benchmark(benchmark, says):
    (line,) = _wrong(_with(benchmarks={"one": benchmark}))
    assert line.removeprefix("params.yaml: ").startswith(says)


@pytest.mark.parametrize("expects", [{"expect": {"accuracy": 0.5}}, {"beats": {"benchmark": "one"}}])
def test_a_base_refuses_a_recipe_that_expects(expects):
    base = {"recipe": "good", **LENET}
    study = {"base": base, "trials": 1, "epochs": 1, "space": RATE, "arms": {"x": {}}}
    (line,) = _wrong(_with(recipes={**VALUES["recipes"], "good": expects}, studies={"s": study}))
    assert line == "params.yaml: studies.s: base takes no expect and no beats: a study compares its arms."


def test_an_arm_refuses_a_recipe_with_what_is_the_bases():
    study = {"base": LENET, "trials": 1, "epochs": 1, "space": RATE, "arms": {"x": {"recipe": "first"}}}
    (line,) = _wrong(_with(studies={"s": study}))
    assert line.startswith("params.yaml: studies.s.arms.x: the recipe 'first' has dataset, which is the base's")
