"""Training from another run's weights: what is taken over, what trains, what really stands still, what is refused."""

import shutil

import fake_runs as fake
import keras
import numpy as np
import pytest
import toys
import yaml

from archbench import dvcfile, resolve
from archbench.architectures.kernels import layers_with_kernels
from archbench.architectures.network import build_network, load_network
from archbench.architectures.parted import parts_of
from archbench.config import ConfigError, check_config
from archbench.project import Folders
from archbench.records import run_folder
from archbench.records.run_folder import read_json
from archbench.training.run import Pace, Workbench, run_benchmark
from archbench.training.start import NoStart, begin, describe_source, frozen, saved_parts

PACE = Pace(30.0, lambda *_: None)
RESNET = {"name": "resnet20", "blocks": 1, "widths": [4, 6]}
SMALL = {"architecture": RESNET, "parts": {}, "augmentation": [], "epochs": 2, "steps_per_call": 4}
KERNELS = ["stem", "conv 1", "conv 2", "conv 3", "conv 4", "dense"]
"""Of resnet20 with one block in each of two stages and shortcuts without weights."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs with a finished `source` of seeds 0 and 1."""
    folder = tmp_path_factory.mktemp("runs")
    trials = [toys.settings(**SMALL, benchmark="source", seed=seed) for seed in (0, 1)]
    run_benchmark(trials, toys.stripes(), folder / "source", PACE)
    return folder


def _trial(runs, train, seed=0, **changes):
    start = describe_source({"from": "source", "train": train}, seed, runs)
    return toys.settings(**{**SMALL, **changes}, benchmark=f"onto-{train}", seed=seed, start=start)


def _network(model):
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def _freeze(network, train):
    for layer in frozen(parts_of(network), {}, train):
        layer.trainable = False


def _kernel_values(network):
    return [np.array(layer.weights[0]) for layer in layers_with_kernels(network)]


def test_layers_with_kernels_are_convolutions_and_dense_layers_input_first():
    network = build_network({**RESNET}, (16, 16, 1), 3)
    kinds = [type(layer).__name__ for layer in layers_with_kernels(network)]
    assert kinds == ["Conv2D"] * 5 + ["Dense"]
    assert len(KERNELS) == len(kinds)
    prelu = build_network(RESNET, (16, 16, 1), 3, {"activation": "prelu"})
    assert len(layers_with_kernels(prelu)) == len(kinds)


@pytest.mark.parametrize(("train", "still"), [("head", 5), (1, 5), (3, 3), (6, 0), ("all", 0)])
def test_all_before_the_last_layers_is_frozen(train, still):
    network = build_network(RESNET, (16, 16, 1), 3)
    _freeze(network, train)
    assert [not layer.trainable for layer in layers_with_kernels(network)] == [True] * still + [False] * (6 - still)
    first = layers_with_kernels(network)[still]
    for layer in network.layers[: network.layers.index(first)]:
        assert not layer.trainable_weights or train in (6, "all")


@pytest.mark.parametrize(("train", "moving"), [("head", 1), (3, 3), ("all", 6)])
def test_frozen_weights_and_statistics_do_not_move_and_the_others_do(runs, train, moving):
    """In the saved model of a whole run, against the source's own file."""
    trial = _trial(runs, train)
    run_benchmark([trial], toys.stripes(), runs / f"onto-{train}", PACE)
    before = _network(load_network(runs / "source" / "seed-0" / "model.keras"))
    after = _network(load_network(runs / f"onto-{train}" / "seed-0" / "model.keras"))
    same = [np.array_equal(a, b) for a, b in zip(_kernel_values(before), _kernel_values(after), strict=True)]
    assert same == [True] * (6 - moving) + [False] * moving
    cut = after.layers.index(layers_with_kernels(after)[-moving])
    checked = 0
    for old, new in zip(before.layers[:cut], after.layers[:cut], strict=True):
        toys_equal = [np.array_equal(a, b) for a, b in zip(old.get_weights(), new.get_weights(), strict=True)]
        assert all(toys_equal)
        checked += isinstance(new, keras.layers.BatchNormalization)
    assert checked or train == "all"
    metrics = read_json(runs / f"onto-{train}" / "seed-0" / "metrics.json")
    assert metrics["training_examples"] == 70
    assert (metrics["parameters"] < metrics["parameters_total"] / 2) == (train == "head")


def test_the_learner_and_its_optimizer_know_the_trainable_weights_alone(runs):
    bench = Workbench(_trial(runs, "head"), toys.stripes(), runs)
    learner = bench.program.learner
    assert [tuple(variable.shape) for variable in learner.trainable] == [(6, 3), (3,)]
    slots = [variable for variable in learner.optimizer.variables if len(variable.shape) == 2]
    assert len(slots) == 2  # Adam's two moments of the one kernel


def test_a_run_starts_from_the_weights_of_its_own_seed_with_a_fresh_head(runs):
    bench = Workbench(_trial(runs, "all"), toys.stripes(), runs)
    for seed in (0, 1):
        bench.start(_trial(runs, "all", seed))
        source = _network(load_network(runs / "source" / f"seed-{seed}" / "model.keras"))
        mine, theirs = _kernel_values(bench.program.learner.parts["network"]), _kernel_values(source)
        assert [np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True)] == [True] * 5 + [False]


def test_another_number_of_classes_takes_over_all_but_the_head(runs):
    network = build_network(RESNET, (16, 16, 1), 7)
    begin(network, saved_parts(runs / "source" / "seed-0" / "model.keras"), {"from": "source", "train": "all"})
    source = _network(load_network(runs / "source" / "seed-0" / "model.keras"))
    for a, b in zip(_kernel_values(network)[:-1], _kernel_values(source)[:-1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert network.output_shape == (None, 7)


def test_the_id_follows_the_weights(runs, tmp_path):
    first, second = (describe_source({"from": "source", "train": "head"}, seed, runs) for seed in (0, 1))
    assert first["weights_sha256"] != second["weights_sha256"]
    folder = tmp_path / "source" / "seed-0"
    shutil.copytree(runs / "source" / "seed-0", folder)
    model = load_network(folder / "model.keras")
    _save(model, folder)  # the same weights with another date
    assert describe_source({"from": "source", "train": "head"}, 0, tmp_path) == first
    model.set_weights([value + 1 for value in model.get_weights()])
    _save(model, folder)
    assert describe_source({"from": "source", "train": "head"}, 0, tmp_path) != first


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (lambda folder: None, "is missing"),
        (lambda folder: folder.mkdir(parents=True), "is unfinished"),
        (lambda folder: _write(folder, state="diverged"), "the run diverged"),
    ],
)
def test_a_source_that_is_not_there_is_told_before_training(tmp_path, break_it, why):
    break_it(tmp_path / "source" / "seed-0")
    with pytest.raises(NoStart, match=rf"{why}.*dvc repro train@source"):
        describe_source({"from": "source", "train": "head"}, 0, tmp_path)


def _save(model, folder):
    """Another model for a run, as if the run had written it."""
    model.save(folder / "model.keras")
    run_folder.seal(folder, run_folder.read_json(folder / "metrics.json"))


def _write(folder, **changes):
    described = {"architecture": "lenet5", "scale": "paper", "dataset": "digits", "task": "classification"}
    fake.write_run(folder, fake.settings("source", 0, **described), 0.9, **changes)


def test_a_damaged_source_is_told(tmp_path):
    folder = tmp_path / "source" / "seed-0"
    _write(folder)
    (folder / "model.keras").write_bytes(b"half")
    run_folder.seal(folder, run_folder.read_json(folder / "metrics.json"))
    with pytest.raises(NoStart, match="no saved network"):
        describe_source({"from": "source", "train": "head"}, 0, tmp_path)
    (folder / "model.keras").write_bytes(b"hale")
    with pytest.raises(NoStart, match=r"is damaged \(model.keras is not what the run wrote.*dvc repro train@source"):
        describe_source({"from": "source", "train": "head"}, 0, tmp_path)


def test_other_shapes_are_refused_when_loading(runs):
    theirs = saved_parts(runs / "source" / "seed-0" / "model.keras")
    start = {"from": "source", "train": "all"}
    with pytest.raises(NoStart, match=r"\(16, 16, 1\).*\(8, 8, 3\)"):
        begin(build_network(RESNET, (8, 8, 3), 3), theirs, start)
    with pytest.raises(NoStart, match="with the same options"):
        begin(build_network({**RESNET, "widths": [4, 8]}, (16, 16, 1), 3), theirs, start)


# --- params.yaml

A = {"architecture": "resnet20", "dataset": "a"}
VALUES = {
    "pipeline": "toy",
    "seeds": [0, 1],
    "datasets": {
        "a": {"name": "digits", "size": 16, "classes": [0, 1, 2, 3, 4]},
        "b": {"name": "digits", "size": 16, "classes": [5, 6, 7, 8, 9], "train_examples": 50},
        "wide": {"name": "digits", "size": 32},
    },
    "benchmarks": {"a": A, "b": {**A, "dataset": "b"}},
}


def _config(**onto):
    onto = {**A, "dataset": "b", "start": {"from": "a", "train": "head"}, **onto}
    return check_config({**VALUES, "benchmarks": {**VALUES["benchmarks"], "onto": onto}})


def test_the_start_stands_in_the_settings_of_its_benchmark_alone():
    config = _config(start={"from": "a", "train": 3})
    assert resolve.resolve(config, "onto").settings["start"] == {"from": "a", "train": 3}
    assert "start" not in resolve.resolve(config, "b").settings


@pytest.mark.parametrize(
    ("onto", "why"),
    [
        ({"start": {"from": "c", "train": "head"}}, "no benchmark 'c'. It has: a, b"),
        ({"start": {"from": "onto", "train": "head"}}, "in a circle: onto from onto"),
        ({"architecture": "resnet32"}, "'a' has the architecture"),
        ({"architecture": {"name": "resnet20", "widths": [8, 16, 32]}}, "'a' has the architecture"),
        ({"parts": {"normalization": "layer"}}, "'a' has the normalization of its paper"),
        ({"dataset": "wide"}, "size 32, that of 'a' 16"),
        ({"start": {"from": "a", "train": 21}}, "the network has 20 layers"),
        ({"seeds": [1, 2]}, "no seed 2"),
    ],
)
def test_what_cannot_be_started_from_is_refused_when_params_are_read(onto, why):
    with pytest.raises(ConfigError, match=r"benchmarks\.onto\.start: ") as error:
        resolve.resolve_all(_config(**onto))
    assert why in str(error.value)


@pytest.mark.parametrize("given", [{"from": "a", "train": 3}, "a", None])
def test_the_old_key_is_answered_with_the_new_one(given):
    new = "{from: a, train: 3}" if isinstance(given, dict) else "{from: other, train: head}"
    with pytest.raises(ConfigError) as error:
        check_config({**VALUES, "benchmarks": {"a": A, "onto": {**A, "transfer": given}}})
    assert f"benchmarks.onto: transfer is called start now. Write: start: {new}" in str(error.value)
    assert str(error.value).count("\n") == 0


def test_a_circle_of_several_is_refused():
    values = {name: {**A, "start": {"from": other, "train": "all"}} for name, other in ("xy", "yz", "zx")}
    with pytest.raises(ConfigError, match="x from y from z from x"):
        resolve.resolve_all(check_config({**VALUES, "benchmarks": values}))


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ({"from": "a", "train": 0}, "a number of layers from 1 on"),
        ({"from": "a", "train": "tail"}, "train takes all, none, head, "),
        ({"from": "a", "train": "head", "layers": 2}, "Accepted: from, parts, train"),
        ({"from": "a", "train": []}, "or a list of names of parts"),
        ({"from": "a", "train": True}, "Given: True"),
        ({"from": "a", "train": "all", "parts": {}}, "at least 1 item"),
        ({"train": "head"}, "start.from: missing"),
    ],
)
def test_a_wrong_key_is_answered(start, why):
    with pytest.raises(ConfigError) as error:
        _config(start=start)
    assert why in str(error.value)


def test_dvc_runs_the_source_first_and_says_nothing_of_starts_where_there_are_none(tmp_path):
    (tmp_path / "pipelines").mkdir()
    folders = Folders(tmp_path, "toy")

    def train(config):
        return yaml.safe_load(dvcfile.render(config, folders, tmp_path))["stages"]["train"]

    stage = train(_config())
    starts = {slug: item["start"] for slug, item in stage["foreach"].items()}
    page = "data/sources/toy/train.txt"
    assert starts == {"a": page, "b": page, "onto": "runs/toy/a"}
    assert "${item.start}" in stage["do"]["deps"]
    again = {**A, "start": {"from": "onto", "train": "all"}}
    chain = {**VALUES["benchmarks"], "onto": {**A, "start": {"from": "a", "train": "head"}}, "again": again}
    links = train(check_config({**VALUES, "benchmarks": chain}))["foreach"]
    assert (links["onto"]["start"], links["again"]["start"]) == ("runs/toy/a", "runs/toy/onto")
    plain = train(check_config(VALUES))
    assert "${item.start}" not in plain["do"]["deps"]
    assert all("start" not in item for item in plain["foreach"].values())


def test_a_frozen_spectral_normalization_keeps_its_singular_vectors():
    network = build_network(RESNET, (16, 16, 1), 3, {"normalization": "spectral"})
    _freeze(network, 2)
    still, trained = (layers_with_kernels(network)[place] for place in (0, 4))
    before = [[np.array(vector) for vector in (layer.u, layer.v)] for layer in (still, trained)]
    network(np.random.default_rng(0).random((4, 16, 16, 1), "float32"), training=True)
    assert np.array_equal(still.u, before[0][0])
    assert np.array_equal(still.v, before[0][1])
    assert not np.array_equal(trained.u, before[1][0])
