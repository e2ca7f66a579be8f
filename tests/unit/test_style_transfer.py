"""Style transfer: costs and gradient as the paper's, pictures that begin and come as asked, from params to the run."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import toys
from keras import ops

from archbench.architectures.network import build_network, load_network, outline
from archbench.architectures.parted import Network
from archbench.architectures.profile import profile
from archbench.catalogue import WrongOption
from archbench.config import check_config
from archbench.datasets import store
from archbench.datasets.card import Card
from archbench.datasets.store import Prepared
from archbench.figures.pictures import PICTURES
from archbench.layers.pooling import average_pool_ceil
from archbench.losses import style as costs
from archbench.records import run_folder
from archbench.resolve import resolve_all
from archbench.tasks import TASKS
from archbench.tasks.base import TaskMismatch
from archbench.training.full_batch import FullBatch
from archbench.training.run import Pace, Workbench, run_benchmark
from archbench.training.start import begin
from formula_weights import formula
from references import reference

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "style_costs.csv").open(newline="")))
QUIET = Pace(1e9, lambda run, row, epochs, monitor: None)
SMALL = {"convs": [1, 1], "width": 4, "content_maps": ["conv2_1"], "style_maps": ["conv1_1", "conv2_1"]}


def pair(side=8, channels=3):
    """One content and one style picture, of the formula's bytes, in every split."""
    arrays = {
        name: (256 * formula((1, side, side, channels), number)).astype("uint8")
        for number, name in enumerate(("content", "style"))
    }
    splits = dict.fromkeys(("train", "validation", "test"), arrays)
    card = Card(
        name="pair",
        source="made up",
        licence="none",
        input="content",
        arrays={name: {"shape": list(array.shape[1:]), "dtype": "uint8"} for name, array in arrays.items()},
        split_sizes=dict.fromkeys(splits, 1),
        statistics=store.statistics(arrays["content"]),
        sha256=store.digest(splits),
    )
    return Prepared(card, splits)


def settings(architecture=SMALL, task=(), **changes):
    """Those of a run on the pair."""
    changes = {"optimizer": {"name": "adam", "learning_rate": 0.02}, "schedule": {"name": "constant"}, **changes}
    return toys.settings(
        benchmark="style_transfer-pair",
        architecture={"name": "style_transfer", **architecture},
        task={"name": "style_transfer", **dict(task)},
        dataset="pair",
        parts={},
        preprocessing={"name": "rescale"},
        augmentation=[],
        batch_size=1,
        **changes,
    )


def scaled(prepared, name):
    """A picture as the network reads it: from 0, the darkest value of the content, to 1, the brightest."""
    content, x = (prepared.splits["train"][one][0].astype(float) for one in ("content", name))
    return (x - content.min()) / (content.max() - content.min())


# The costs


def _case(row):
    lists = {name: json.loads(row[name]) for name in ("convs", "content_maps", "style_maps")}
    return {**lists, "pooling": row["pooling"]}, {name: float(row[name]) for name in ("alpha", "beta")}


def _set(features):
    """Weights by the formula, and what they are: kernels and biases in turn."""
    for number, weight in enumerate(features.weights, 10):
        u, shape = formula(weight.shape, number), tuple(weight.shape)
        kernel = len(shape) > 1
        weight.assign((2 * u - 1) * np.sqrt(6 / np.prod(shape[:-1])) if kernel else 0.4 * u - 0.2)
    return {str(number): array for number, array in enumerate(features.get_weights())}


def _ours(row):
    """Costs and gradient by the compiled program, and what an independent implementation needs for the same."""
    architecture, shares = _case(row)
    prepared = pair(int(row["side"]))
    trial = settings({**architecture, "width": 3}, shares, optimizer={"name": "lbfgs"})
    bench = Workbench(trial, prepared)
    numbers = bench.start(trial).numbers
    parts = bench.program.learner.parts
    weights = _set(parts["features"])
    (picture,) = parts["picture"].weights
    picture.assign(formula(picture.shape, 7))
    found, (gradient,) = FullBatch(bench.program, bench.training.feeds[0], 1).gradient(numbers)
    arrays = {"made": formula(picture.shape, 7), **{name: scaled(prepared, name) for name in ("content", "style")}}
    return found, gradient, json.dumps({**architecture, **shares}), {**arrays, **weights}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['convs']}-{row['pooling']}-{row['side']}")
def test_costs_and_gradient_are_those_of_an_independent_implementation(row):
    found, gradient, _, _ = _ours(row)
    expected = {name: float(row[name]) for name in ("content", "style")}
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert found["loss"] == pytest.approx(
        sum(float(row[w]) * expected[c] for w, c in (("alpha", "content"), ("beta", "style"))), rel=1e-5
    )
    assert np.linalg.norm(gradient) == pytest.approx(float(row["gradient_norm"]), rel=1e-5)
    assert gradient.ravel()[:3] == pytest.approx(json.loads(row["gradient"]), rel=1e-4)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['convs']}-{row['pooling']}-{row['side']}")
def test_the_golden_costs_are_still_pytorchs(row):
    _, gradient, case, arrays = _ours(row)
    theirs = reference("style_transfer", case, **arrays)
    assert float(theirs["content_cost"]) == pytest.approx(float(row["content"]), rel=1e-6)
    assert float(theirs["style_cost"]) == pytest.approx(float(row["style"]), rel=1e-6)
    np.testing.assert_allclose(gradient, theirs["gradient"], rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


def test_costs_by_hand():
    """Two positions of two channels: F = [[1, 0], [2, 1]] against zeros, whose Gram matrix is [[5, 2], [2, 1]]."""
    made, wanted = np.array([[[[1, 0], [2, 1]]]], "float32"), np.zeros((1, 1, 2, 2), "float32")
    assert ops.convert_to_numpy(costs.content(made, wanted)).tolist() == [3.0]
    assert ops.convert_to_numpy(costs.gram(made)).tolist() == [[[5, 2], [2, 1]]]
    assert ops.convert_to_numpy(costs.style(made, wanted)) == pytest.approx([(25 + 4 + 4 + 1) / (4 * 4 * 4)])


def test_of_large_maps_what_the_cost_is_divided_by_fits_no_32_bits():
    """Of maps of 8 channels and 64 by 64 ones and zeros every product is 4,096: 64 4096^2 over 4 8^2 4096^2."""
    ones = ops.ones((1, 64, 64, 8))
    assert ops.convert_to_numpy(costs.style(ones, 0 * ones)) == pytest.approx([1 / 4])


def test_the_last_window_of_an_odd_side_gives_the_mean_of_what_is_there():
    x = np.arange(9, dtype="float32").reshape(1, 3, 3, 1)
    assert ops.convert_to_numpy(average_pool_ceil(x, 2, 2)).ravel().tolist() == [2.0, 3.5, 6.5, 8.0]


# The network


def test_of_the_paper_the_picture_alone_trains_and_three_pictures_are_looked_at():
    """VGG-19 to conv5_1, convolution by convolution, at 224 pixels: 18,121,162,752 multiply-adds."""
    network = outline("style_transfer", (224, 224, 3), 3)
    sides = [224, 112, 56, 28, 14]
    widths = [[(3, 64), (64, 64)], [(64, 128), (128, 128)], [(128, 256)] + [(256, 256)] * 3]
    widths += [[(256, 512)] + [(512, 512)] * 3, [(512, 512)]]
    by_hand = sum(side**2 * 9 * a * b for side, stage in zip(sides, widths, strict=True) for a, b in stage)
    size = profile(network, TASKS.build("style_transfer", pair().card).calls())
    assert size.multiply_adds == 3 * by_hand
    assert [tuple(weight.shape) for weight in network.trainable_weights] == [(224, 224, 3)]
    maps = network.parts["features"].output
    assert [one.shape[1:] for one in maps["content"]] == [(28, 28, 512)]
    assert [one.shape[1:] for one in maps["style"]] == [
        (224, 224, 64),
        (112, 112, 128),
        (56, 56, 256),
        (28, 28, 512),
        (14, 14, 512),
    ]


def test_a_map_that_is_not_there_is_told_with_those_that_are():
    told = r"convs \[1, 2\] has no conv4_2\. It has conv1_1, pool1, conv2_1, conv2_2, pool2"
    with pytest.raises(WrongOption, match=told):
        outline({"name": "style_transfer", "convs": [1, 2], "style_maps": ["conv2_1"]}, (8, 8, 3), 3)


def test_the_trunk_takes_the_weights_of_a_vgg_in_its_order():
    keras.utils.set_random_seed(3)
    vgg = build_network({"name": "vgg11", "convs": [1, 2, 1], "width": 4, "dense_width": 5}, (8, 8, 3), 2)
    spec = {**SMALL, "convs": [1, 2, 1], "content_maps": ["conv2_2"], "style_maps": ["conv1_1", "conv3_1"]}
    network = build_network({"name": "style_transfer", **spec}, (8, 8, 3), 3)
    start = {"from": "vgg", "parts": {"features": "network"}, "train": ["picture"]}
    begin(network, {"network": vgg}, start)
    ours, theirs = network.parts["features"].get_weights(), vgg.get_weights()
    assert len(ours) == 8  # four convolutions; two dense layers and the last stay behind
    toys.assert_same_bits(ours, theirs[:8])
    assert [weight.name for weight in network.trainable_weights] == ["picture"]


# The task


@pytest.mark.parametrize("name", ["content", "style"])
def test_the_picture_begins_as_one_of_the_pair_for_every_seed(name):
    prepared = pair()
    bench = Workbench(settings(task={"begin": name}), prepared)
    for seed in (0, 1):
        bench.start(settings(task={"begin": name}, seed=seed))
        (picture,) = bench.program.learner.parts["picture"].weights
        np.testing.assert_allclose(ops.convert_to_numpy(picture), scaled(prepared, name), atol=1e-6)
        costs_there = bench.validation.scores(1)[0]
        assert costs_there[name] == pytest.approx(0, abs=1e-9)


def test_it_begins_as_noise_of_its_seed_unless_told_otherwise():
    bench = Workbench(settings(), pair())
    pictures = []
    for seed in (0, 1):
        bench.start(settings(seed=seed))
        pictures.append(ops.convert_to_numpy(bench.program.learner.parts["picture"].weights[0]))
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.1
    assert pictures[0].min() >= 0
    assert pictures[0].max() <= 1
    assert pictures[0].mean() == pytest.approx(0.5, abs=0.1)
    assert pictures[0].std() == pytest.approx(12**-0.5, abs=0.1)


def test_what_is_shown_is_cut_to_what_a_picture_can_hold():
    bench = Workbench(settings(), pair())
    (picture,) = bench.program.learner.parts["picture"].weights
    picture.assign(np.linspace(-1, 2, 192).reshape(picture.shape))
    expected = np.clip(np.linspace(-1, 2, 192), 0, 1).reshape(1, 8, 8, 3)
    np.testing.assert_allclose(bench.validation.show(np.array([0]))["picture"], expected, atol=1e-6)


def test_pictures_of_two_sizes_and_a_network_of_other_parts_are_refused():
    card = pair().card
    card.arrays["style"] = {"shape": [9, 8, 3], "dtype": "uint8"}
    with pytest.raises(TaskMismatch, match=r"\(8, 8, 3\) and \(9, 8, 3\)\. Choose style_pair"):
        TASKS.build("style_transfer", card)
    with pytest.raises(TaskMismatch, match="needs a network of the parts features, picture, but this one has: network"):
        TASKS.build("style_transfer", pair().card).learn({}, {"network": None})


# A run


def _descent(alpha, beta, iterations=12):
    """Loss, content and style cost before each iteration of L-BFGS, by a network of the formula's weights."""
    trial = settings(task={"alpha": alpha, "beta": beta}, optimizer={"name": "lbfgs"})
    bench = Workbench(trial, pair())
    numbers, parts = bench.start(trial).numbers, bench.program.learner.parts
    _set(parts["features"])
    (picture,) = parts["picture"].weights
    picture.assign(formula(picture.shape, 7))
    whole = FullBatch(bench.program, bench.training.feeds[0], 1)
    taken = [whole.train(np.ones(1), numbers) for _ in range(iterations)]
    return {name: np.array([logs[name] for logs in taken]) for name in ("loss", "content", "style")}


@pytest.mark.parametrize(
    ("alpha", "beta", "falling"),
    [(1.0, 0.0, ("loss", "content")), (0.0, 1.0, ("loss", "style")), (1.0, 20000.0, ("loss", "content", "style"))],
    ids=["content alone", "style alone", "both"],
)
def test_with_every_iteration_of_lbfgs_the_loss_falls_and_the_costs_with_it(alpha, beta, falling):
    """The line search promises it of the weighted sum, and so of each cost alone.

    Of both together it promises nothing: one cost rises for a while where the other gains more by it, as with a beta of
    100. Where style weighs more than twice what content does at first, as here, both fall.
    """
    taken = _descent(alpha, beta)
    for name in falling:
        assert (np.diff(taken[name]) < 0).all(), (name, taken[name].tolist())
    assert taken["loss"][-1] < 0.2 * taken["loss"][0]


def test_lbfgs_writes_the_picture_and_leaves_the_weights_of_the_judge_alone(monkeypatch):
    """A VGG is written anew at every length of a step otherwise, and nothing of it has changed."""
    trial = settings(optimizer={"name": "lbfgs"})
    bench = Workbench(trial, pair())
    numbers, parts = bench.start(trial).numbers, bench.program.learner.parts
    whole = FullBatch(bench.program, bench.training.feeds[0], 1)
    whole.compile(numbers)
    written, assign = set(), keras.Variable.assign

    def watched(variable, value):
        written.add(id(variable))
        return assign(variable, value)

    monkeypatch.setattr(keras.Variable, "assign", watched)
    whole.train(np.ones(2), numbers)
    (picture,) = parts["picture"].weights
    assert id(picture) in written
    assert len(parts["features"].weights) == 4  # kernels and biases of two convolutions
    assert not [weight.path for weight in parts["features"].weights if id(weight) in written]


@pytest.mark.parametrize(
    "optimizer",
    [{"name": "adam", "learning_rate": 0.05}, {"name": "lbfgs", "iterations_per_epoch": 2}],
    ids=lambda one: one["name"],
)
def test_a_run_that_was_stopped_goes_on_to_the_same_bits_and_film(optimizer, tmp_path):
    trial = settings(optimizer=optimizer, epochs=5, keep_every=2)
    run_benchmark([trial], pair(), tmp_path / "whole", QUIET)

    class Stopped(BaseException):
        pass

    def stop(run, row, epochs, monitor):
        if row["epoch"] == 4:
            raise Stopped

    with pytest.raises(Stopped):
        run_benchmark([trial], pair(), tmp_path / "cut", Pace(0.0, stop))
    run_benchmark([trial], pair(), tmp_path / "cut", QUIET)
    whole, cut = tmp_path / "whole" / "seed-0", tmp_path / "cut" / "seed-0"
    drop = lambda folder: toys.without_seconds(run_folder.read_history(folder / "history.csv"))  # noqa: E731
    assert drop(cut) == drop(whole)
    for file in ("snapshots.npz", "predictions.npz"):
        ours, theirs = (run_folder.read_arrays(folder / file) for folder in (cut, whole))
        assert ours.keys() == theirs.keys()
        toys.assert_same_bits(list(ours.values()), list(theirs.values()))
    film = run_folder.read_arrays(whole / "snapshots.npz")
    assert film["epoch"].tolist() == [2, 4]
    assert film["picture"].shape == (2, 1, 8, 8, 3)
    assert not np.array_equal(film["picture"][0], film["picture"][1])


def test_a_run_is_saved_whole_and_drawn_with_its_film(tmp_path):
    prepared = pair()
    run_benchmark([settings(epochs=3, keep_every=1)], prepared, tmp_path, QUIET)
    folder = tmp_path / "seed-0"
    shown = run_folder.read_shown(folder)
    network = load_network(folder / "model.keras")
    assert isinstance(network, Network)
    test = prepared.splits["test"]
    read = {name: network.preprocessing[name](test[name].astype("float32")) for name in ("content", "style")}
    np.testing.assert_allclose(ops.convert_to_numpy(read["style"])[0], scaled(prepared, "style"), atol=1e-6)
    net = lambda *inputs, part: network(*inputs, part=part, training=False)  # noqa: E731
    task = TASKS.build("style_transfer", prepared.card)
    found = {name: float(ops.convert_to_numpy(value)[0]) for name, value in task.losses(net, read, 0).items()}
    told = json.loads((folder / "metrics.json").read_text())
    assert {name: told["scores"]["test"][name] for name in found} == pytest.approx(found, rel=1e-5)
    assert told["parameters"] == 192
    np.testing.assert_array_equal(
        ops.convert_to_numpy(task.predict(net, read, 0)["picture"]), shown["prediction_picture"]
    )
    assert shown["snapshot_epoch"].tolist() == [1, 2, 3]
    assert [one.name for one in PICTURES["style_transfer"](shown)] == ["styled", "film"]
    without = {name: value for name, value in shown.items() if not name.startswith("snapshot_")}
    assert [one.name for one in PICTURES["style_transfer"](without)] == ["styled"]


def _config(**style):
    benchmark = {
        "architecture": {"name": "style_transfer", "width": 4, "convs": [1, 1, 2, 2, 2]},
        "dataset": "pair",
        "preprocessing": "rescale",
        "batch_size": 1,
        "start": {"from": "vgg", "parts": {"features": "network"}, "train": ["picture"]},
        **style,
    }
    vgg = {"architecture": {"name": "vgg11", "width": 4, "dense_width": 8}, "dataset": "balloons"}
    datasets = {"pair": {"name": "style_pair", "size": 32}, "balloons": {"size": 32, "examples": 40}}
    return check_config({"pipeline": "toy", "datasets": datasets, "benchmarks": {"vgg": vgg, "style": benchmark}})


def test_a_benchmark_names_the_vgg_that_it_starts_from_and_one_of_other_convolutions_is_refused():
    assert resolve_all(_config())["style"].settings["start"]["train"] == ["picture"]
    narrow = {"name": "style_transfer", "width": 3, "convs": [1, 1, 2, 2, 2]}
    with pytest.raises(Exception, match=r"benchmarks\.style\.start: the part network of 'vgg' has weights of shapes"):
        resolve_all(_config(architecture=narrow))
    with pytest.raises(Exception, match=r"benchmarks\.style.*rescale"):
        resolve_all(_config(preprocessing="standardize"))
