"""Trials side by side answer the same question as one after the other; what they cannot do is refused at once."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from both_ways import BOUND, FOLDS, KINDS, TRIALS
from test_resolve import VALUES

from archbench import resolve
from archbench.config import ConfigError, check_config

STEPS = {"diverging": 70 // 8, "diverging in folds": 50 // 8}
"""Of an epoch: on the training examples, or on half of these and the validation examples together."""


@pytest.fixture(scope="module")
def ways(request, tmp_path_factory):
    """Kind of trial -> what was left behind one after the other, and side by side; of the kinds that are asked for."""
    asked = {item.callspec.params["kind"] for item in request.session.items if "ways" in item.fixturenames}
    path = tmp_path_factory.mktemp("ways") / "ways.json"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)}
    script = Path(__file__).with_name("both_ways.py")
    subprocess.run([sys.executable, script, path, *sorted(asked)], env=environment, check=True)
    return json.loads(path.read_text(encoding="utf-8"))


def kinds(*names):
    return pytest.mark.parametrize("kind", names)


BOUNDED = 1e6
"""Losses above it grow without bound, and with them, exponentially, what rounding differs in."""


def _same(alone, together, tolerance):
    """The same rows in the same order; scores to a `tolerance`, as a share, those without bound to a tenth."""
    assert len(alone) == len(together)
    for one, other in zip(alone, together, strict=True):
        told = {name: value for name, value in one.items() if name not in ("seconds", "value")}
        assert told == {name: value for name, value in other.items() if name not in ("seconds", "value")}
        assert (one["value"] == "") == (other["value"] == "")
        if one["value"] != "":
            share = tolerance if abs(one["value"]) < BOUNDED else 0.1
            assert other["value"] == pytest.approx(one["value"], rel=share)


@kinds(*KINDS)
def test_trials_side_by_side_end_as_they_do_one_after_the_other(ways, kind):
    alone, together = ways[kind]
    # What rounding differs in grows with a loss that grows.
    tolerance = 0.02 if "diverging" in kind else 1e-4
    for table in ("trials", "history", "folds"):
        _same(alone[table], together[table], tolerance)
    assert alone["diverged_at_step"] == together["diverged_at_step"]
    assert len(alone["trials"]) == KINDS[kind].get("study", {}).get("trials", TRIALS)
    assert all(row["seconds"] > 0 for row in together["trials"])


@kinds("initial weights")
def test_every_trial_starts_from_its_own_weights(ways, kind):
    for way in ways[kind]:
        assert len({row["value"] for row in way["history"]}) > TRIALS


@kinds("folds", "pruned in folds", "diverging in folds")
def test_every_trial_has_a_row_for_each_fold_it_trained_on(ways, kind):
    for way in ways[kind]:
        for row in way["trials"]:
            folds = [fold["fold"] for fold in way["folds"] if fold["number"] == row["number"]]
            assert folds == list(range({"complete": FOLDS, "pruned": 1, "failed": len(folds)}[row["state"]]))
        assert not way["history"]


@kinds("diverging", "diverging in folds")
def test_a_trial_that_diverged_names_its_step(ways, kind):
    for way in ways[kind]:
        states = {row["state"] for row in way["trials"]}
        steps = [step for step in way["diverged_at_step"] if step is not None]
        assert states == {"complete", "failed"}
        assert any(step % STEPS[kind] for step in steps)
        assert all(row["value"] == "" for row in way["trials"] if row["state"] == "failed")


@kinds("pruned", "pruned in folds")
def test_trials_that_are_stopped_early_are_those_below_the_bound(ways, kind):
    for way in ways[kind]:
        assert {row["state"] for row in way["trials"]} == {"complete", "pruned"}
        reports, reached = (way["folds"], (1, FOLDS)) if way["folds"] else (way["history"], (2, 5))
        for row in way["trials"]:
            own = [report["value"] for report in reports if report["number"] == row["number"]]
            assert len(own) == reached[row["state"] == "complete"]
            assert row["state"] == "complete" or own[-1] > BOUND


@kinds("stopped early")
def test_every_trial_spends_its_own_patience(ways, kind):
    for way in ways[kind]:
        assert len({row["epochs_run"] for row in way["trials"]}) > 1
        assert max(row["epochs_run"] for row in way["trials"]) <= 8


# What it cannot do


@pytest.fixture
def on(monkeypatch):
    """Say which backend runs."""
    return lambda backend: monkeypatch.setattr(keras.backend, "backend", lambda: backend)


def _read(arm, **study):
    values = copy.deepcopy(VALUES)
    values["studies"]["rates"] |= {"side_by_side": 3, "arms": {"one": arm}, **study}
    return resolve.resolve_all(check_config(values))


RATE = {"learning_rate": {"low": 1e-3, "high": 0.1, "log": True}}
PIECES = {"low": 2, "high": 4, "integer": True}


def test_trials_side_by_side_are_refused_on_tensorflow_when_the_params_are_read(on):
    on("tensorflow")
    arm = {"optimizer": "sgd", "space": RATE}
    with pytest.raises(ConfigError) as caught:
        _read(arm)
    assert str(caught.value) == (
        "studies.rates.side_by_side: trials side by side need the JAX backend, and this is tensorflow. "
        "Set KERAS_BACKEND=jax, or studies.rates.side_by_side: 1."
    )
    _read(arm, side_by_side=1)


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        (
            {"optimizer": "sgd", "space": {**RATE, "batch_size": {"low": 8, "high": 16, "integer": True}}},
            "studies.rates.arms.one.space.batch_size: trials side by side share one compiled program, and another "
            "batch_size is another program. Give it one value, or studies.rates.side_by_side: 1.",
        ),
        (
            {"optimizer": "sgd", "parts": {"activation": "maxout"}, "space": {"parts.activation.pieces": PIECES}},
            "studies.rates.arms.one.space.parts.activation.pieces: trials side by side share one compiled program",
        ),
        (
            {"optimizer": "lbfgs", "space": RATE},
            "studies.rates.arms.one.optimizer: lbfgs takes its steps on all data, and trials side by side take theirs "
            "on batches. Choose an optimizer of batches, or studies.rates.side_by_side: 1.",
        ),
    ],
)
def test_trials_that_cannot_share_a_program_are_refused_when_the_params_are_read(on, arm, says):
    on("jax")
    with pytest.raises(ConfigError) as caught:
        _read(arm)
    assert says in str(caught.value)
    _read(arm, side_by_side=1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_tried_both_ways_is_not_refused(on, kind):
    on("jax")
    given = copy.deepcopy(KINDS[kind])
    settings = given.get("settings", {})
    arm = {name: settings[name] for name in ("parts", "clip", "schedule", "early_stopping") if name in settings}
    base = {"architecture": "mlp", "dataset": "digits"}
    _read({**arm, **given["arm"]}, base=base, epochs=5, **{"folds": None, **given.get("study", {})})
