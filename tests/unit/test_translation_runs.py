"""Translation from params to the run folder: trained on tokens of uneven length, resumed, saved, and loaded again."""

import csv
import json

import numpy as np
import pytest
import toys
from keras import ops

from archbench.architectures.network import load_network
from archbench.datasets import store
from archbench.datasets.prepare import prepare
from archbench.tasks.base import Task
from archbench.training.checkpoint import Progress
from archbench.training.run import Pace, Workbench, run_benchmark

CHANGES = {
    "benchmark": "bahdanau-dates",
    "architecture": {"name": "bahdanau", "units": 7, "embedding": 5, "alignment": 6, "maxout": 4},
    "dataset": "dates",
    "task": {"name": "translation", "buckets": 2, "width": 2},
    "parts": {"initializer": "xavier_uniform"},
    "preprocessing": {"name": "none"},
    "augmentation": [],
    "clip": {"global_norm": 1.0},
    "optimizer": {"name": "adam", "learning_rate": 0.02},
    "epochs": 3,
    "batch_size": 16,
}


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    root = tmp_path_factory.mktemp("dates")
    prepare({"name": "dates", "examples": 100}, "dates", root / "dates", root / "raw")
    return store.load(root / "dates")


def _pace():
    return Pace(checkpoint_seconds=1e9, show=lambda *_: None)


def _loaded(path):
    """The parts of a saved network as a task calls them."""
    network = load_network(path)
    return lambda *inputs, part: network(*inputs, part=part, training=False)


def _said(task: Task, path, source) -> np.ndarray:
    return ops.convert_to_numpy(task.predict(_loaded(path), {"source": ops.convert_to_tensor(source)}, 0)["said"])


@pytest.mark.slow
def test_a_run_is_compiled_by_xla_recorded_and_its_saved_network_says_the_same(dates, tmp_path):
    trial = toys.settings(**CHANGES, xla="on")
    benches = []

    def bench():
        benches.append(Workbench(trial, dates))
        return benches[0]

    run_benchmark([trial], dates, tmp_path / "bahdanau-dates", _pace(), bench=bench)
    folder = tmp_path / "bahdanau-dates" / "seed-0"
    scores = json.loads((folder / "metrics.json").read_text())["scores"]["test"]
    assert set(scores) == {"loss", "perplexity", "exact_match", "token_accuracy"}
    assert scores["perplexity"] == pytest.approx(np.exp(scores["loss"]))
    losses = [float(row["validation_loss"]) for row in csv.DictReader((folder / "history.csv").open())]
    assert losses[-1] < losses[0] < np.log(len(dates.card.vocabulary)) + 0.1
    with np.load(folder / "predictions.npz") as kept:
        assert kept["vocabulary"].tolist() == list(dates.card.vocabulary)
        assert kept["shown_attention"].shape == (15, 11, kept["input"].shape[1])
        spoken = (kept["prediction_said"] != 0)[..., None]
        shares = np.where(spoken, kept["shown_attention"], 0).sum(axis=-1)
        np.testing.assert_allclose(shares, spoken[..., 0], atol=1e-5)
        assert not (kept["shown_attention"] * (kept["input"] == 0)[:, None]).any()
        again = _said(benches[0].task, folder / "model.keras", kept["input"])
        np.testing.assert_array_equal(again, kept["prediction_said"])


OTHERS = [
    {"name": "transformer_base", "width": 8, "hidden": 12, "heads": 2, "depth": 2},
    {"name": "seq2seq", "units": 7, "embedding": 5, "depth": 2},
    {"name": "luong", "units": 7, "embedding": 5, "depth": 2},
]


@pytest.mark.parametrize("architecture", OTHERS, ids=lambda one: one["name"])
def test_every_network_learns_and_a_saved_one_says_the_same(dates, tmp_path, architecture):
    changes = {**CHANGES, "architecture": architecture, "task": {"name": "translation", "width": 2}}
    trial = toys.settings(**changes)
    bench = Workbench(trial, dates)
    losses = [row["validation_loss"] for row in toys.train(bench, trial).history]
    assert losses[-1] < losses[0] < np.log(len(dates.card.vocabulary)) + 0.5
    bench.program.learner.model.save(tmp_path / "model.keras")
    said = bench.split("test").answer("predictions", 8)["said"]
    source = dates.splits["test"]["source"][:]
    np.testing.assert_array_equal(_said(bench.task, tmp_path / "model.keras", source), said)


def test_examples_of_two_lengths_are_two_feeds_and_two_programs_and_a_cut_off_run_goes_on_bit_for_bit(dates):
    trial = toys.settings(**CHANGES)
    bench = Workbench(trial, dates)
    assert [feed.arrays["source"].shape[1] for feed in bench.training.feeds] == sorted(
        feed.arrays["source"].shape[1] for feed in bench.training.feeds
    )
    assert len(bench.training.feeds) == 2
    assert 0 < bench.training.padding < 0.5
    whole = toys.train(bench, trial)
    assert bench.program.compiled == 2
    weights = toys.weights(bench)

    class Cut(Exception):
        pass

    def cut(progress):
        progress.state = bench.program.learner.read_state()
        if progress.epoch == 1:
            raise Cut

    progress = Progress(trial["id"])
    with pytest.raises(Cut):
        toys.train(bench, trial, progress, after_epoch=cut)
    again = toys.train(bench, trial, progress)
    assert toys.without_seconds(again.history) == toys.without_seconds(whole.history)
    for mine, theirs in zip(toys.weights(bench), weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_cost_is_that_of_the_typical_lengths(dates):
    """By hand: the encoder at the mean length of a source, the decoder once for each of the 11 tokens of a target."""
    bench = Workbench(toys.settings(**CHANGES), dates)
    steps, (n, m, a, v) = round(dates.splits["train"]["source"].lengths.mean()), (7, 5, 6, len(dates.card.vocabulary))
    encoder = steps * (2 * 3 * n * (m + n) + 2 * n * a) + n * n
    decoder = n * a + steps * a + 3 * n * (m + 2 * n + n) + (n + m + 2 * n) * 8 + 4 * v
    assert bench.profile.multiply_adds == encoder + 11 * decoder
    assert bench.task.calls()["decoder"] == 11.0
