"""Networks that are given to `archbench.train`: every one that `archbench.network` returns trains as its name does."""

import math
import os
from pathlib import Path

import keras
import numpy as np
import pytest

import archbench
from archbench.architectures import ARCHITECTURES
from archbench.errors import UserError
from archbench.notebook.given import given
from archbench.tasks import TASKS
from archbench.training.build import build_learner, build_task
from smoke_data import smoke


def _kinds():
    """The first entry of each function that builds networks: what differs in numbers alone is given alike."""
    seen = {}
    for entry in ARCHITECTURES:
        seen.setdefault((entry.build, entry.facts["task"], "auxiliary_weight" in entry.facts), entry)
    return list(seen.values())


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A data set in a folder of no project, in which notebooks run."""
    folder, before = tmp_path_factory.mktemp("given"), Path.cwd()
    os.environ.pop("ARCHBENCH_HOME", None)
    os.chdir(folder)
    yield archbench.dataset("digits", size=16)
    os.chdir(before)


def _settings(entry, name=None):
    """Those of a small trial of an architecture, as `resolve` fills them in."""
    facts, task = entry.facts, {"name": entry.facts["task"], **entry.facts.get("task_options", {})}
    if "auxiliary_weight" in facts:
        task["auxiliary_weight"] = facts["auxiliary_weight"]
    return {
        "architecture": {"name": name},
        "task": task,
        "parts": {},
        "precision": "float32",
        "preprocessing": {"name": TASKS[facts["task"]].facts.get("preprocessing", "standardize")},
        "augmentation": [],
        "optimizer": {"name": "adam"},
        "clip": None,
        "batch_size": 2,
    }


@pytest.mark.parametrize("entry", _kinds(), ids=lambda entry: entry.name)
def test_every_kind_of_network_is_taken_with_its_weights_and_its_task(entry):
    card, arrays = smoke(entry.facts["task"], entry.facts["smoke_input"])
    task = build_task(_settings(entry), card)
    positions = card.split_sizes["train"] * math.prod(filter(None, card.input_shape))
    told = {"vocabulary": len(card.vocabulary), "examples": card.split_sizes["train"], "positions": positions}
    sizes = {name: size for name, size in told.items() if name in entry.options and size}
    shape = next(iter(task.reads().values())).shape[1:]
    net = archbench.network(entry.name, shape, task.outputs(), **{**entry.facts["smoke"], **sizes})
    name = given(net)
    for fact in ("task", *ARCHITECTURES.takes):
        assert ARCHITECTURES[name].facts.get(fact) == entry.facts.get(fact)
    learner = build_learner(_settings(entry, name), card, task, seed=5)
    task.learn(arrays, learner.parts)
    for own, other in zip(net.get_weights(), learner.model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
    assert given(net) == name


@pytest.mark.parametrize(
    ("name", "outputs", "options", "settings", "scored"),
    [
        ("vae", 1, {"hidden": 16, "latent": 4}, {"preprocessing": "rescale"}, "kl"),
        ("googlenet", 10, ARCHITECTURES["googlenet"].facts["smoke"], {}, "accuracy"),
        ("capsnet", 10, ARCHITECTURES["capsnet"].facts["smoke"], {"preprocessing": "rescale"}, "accuracy"),
        ("siamese", 1, ARCHITECTURES["siamese"].facts["smoke"], {}, "n_way_accuracy"),
    ],
)
def test_one_of_each_kind_trains(digits, name, outputs, options, settings, scored):
    data = digits
    if name == "siamese":
        data = archbench.dataset("pairs", of=digits, train_pairs=60, pairs=40, trials=6, ways=3)
    net = archbench.network(name, (16, 16, 1), outputs, **options)
    before = [np.array(weight) for weight in net.get_weights()]
    run = archbench.train(net, data, epochs=1, batch_size=60 if data is not digits else 600, **settings)
    assert run.state == "finished"
    assert run.settings["task"]["name"] == ARCHITECTURES[name].facts["task"]
    assert run.settings["task"].get("auxiliary_weight") == ARCHITECTURES[name].facts.get("auxiliary_weight")
    assert scored in run.scores["test"]
    for own, kept in zip(net.get_weights(), before, strict=True):
        np.testing.assert_array_equal(own, kept)


def test_one_that_is_fitted_at_once_keeps_the_training_examples(digits):
    count = digits.card.split_sizes["train"]
    net = archbench.network("knn", (16, 16, 1), 10, examples=count, neighbors=(1,), metrics=("l2",))
    run = archbench.train(net, digits, epochs=1)
    assert run.scores["test"]["accuracy"] > 0.9
    with pytest.raises(UserError, match=f"is built for 50 examples, and the data set has {count}. Build it with exam"):
        archbench.train(archbench.network("knn", (16, 16, 1), 10, examples=50, neighbors=(1,)), digits, epochs=1)


def test_what_does_not_fit_is_answered_before_work_starts(digits):
    with pytest.raises(UserError, match=r"inputs of shape \(8, 8, 1\), and those of the data set have \(16, 16, 1\)"):
        archbench.train(archbench.network("vae", (8, 8, 1), 1), digits, preprocessing="rescale")
    with pytest.raises(UserError, match="answers with 3 outputs, and the data set asks for 10"):
        archbench.train(archbench.network("lenet5", (16, 16, 1), 3), digits)
    net = archbench.network("vae", (16, 16, 1), 1)
    with pytest.raises(UserError, match=r"the parts encoder, decoder, and only one that archbench\.network returned"):
        archbench.train(keras.models.clone_model(net), digits)

    class Mine(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(UserError, match="does not say what it reads"):
        archbench.train(Mine(), digits)
