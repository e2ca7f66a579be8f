"""Autoencoders: what they cost, noise that is to be undone, shared weights, and a stack trained layer by layer."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import toys
from keras import ops

from archbench.architectures.network import build_network, load_network
from archbench.architectures.parted import Network, parts_of
from archbench.architectures.profile import profile
from archbench.figures.pictures import PICTURES
from archbench.layers.corruption import Corruption
from archbench.tasks import TASKS
from archbench.training.run import Pace, Workbench, run_benchmark
from archbench.training.start import begin, describe_source
from formula_weights import formula
from references import reference

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "autoencoder_costs.csv").open(newline="")))
QUIET = Pace(1e9, lambda run, row, epochs, monitor: None)
BARE = {"parts": {}, "augmentation": [], "preprocessing": {"name": "rescale"}, "task": {"name": "reconstruction"}}


def _settings(architecture, **changes):
    return toys.settings(**{**BARE, "architecture": architecture, "epochs": 2, **changes})


# What they cost


def _case(row):
    spec = json.loads(row["architecture"])
    kind = {"autoencoder": "autoencoder", "denoising_autoencoder": "denoising", "vae": "vae"}[spec["name"]]
    return spec, json.dumps({"kind": kind, **{key: spec[key] for key in ("noise", "amount") if key in spec}})


def _found(row):
    """Our costs of the validation pictures, the program's weights set by the formula, and all that they depend on."""
    spec, case = _case(row)
    trial = _settings(spec)
    bench = Workbench(trial, toys.stripes())
    bench.start(trial)
    learner = bench.program.learner
    for number, weight in enumerate(learner.trainable, 10):
        u = formula(weight.shape, number)
        weight.assign((2 * u - 1) * np.sqrt(3 / weight.shape[0]) if len(weight.shape) > 1 else 0.4 * u - 0.2)
    pictures = bench.prepared.splits["validation"]["image"]
    x = ops.convert_to_numpy(learner.read({"image": pictures})["image"]).reshape(len(pictures), -1)
    arrays = {"x": x, **{str(number): np.array(weight) for number, weight in enumerate(learner.trainable)}}
    if "noise" in bench.validation.arrays:
        arrays["noise"] = bench.validation.arrays["noise"].reshape(len(pictures), -1)
    scores, _ = bench.validation.scores(7)
    return scores, case, arrays


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["architecture"])
def test_costs_are_those_of_an_independent_implementation(row):
    scores, _, _ = _found(row)
    assert scores["reconstruction"] == pytest.approx(float(row["reconstruction"]), rel=1e-5)
    assert scores.get("kl", 0.0) == pytest.approx(float(row["kl"]), rel=1e-4)
    assert scores["loss"] == pytest.approx(float(row["reconstruction"]) + float(row["kl"]), rel=1e-5)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["architecture"])
def test_the_golden_costs_are_still_pytorchs(row):
    _, case, arrays = _found(row)
    theirs = reference("autoencoders", case, **arrays)
    assert float(theirs["reconstruction"]) == pytest.approx(float(row["reconstruction"]), rel=1e-6)
    assert float(theirs["kl"]) == pytest.approx(float(row["kl"]), rel=1e-6, abs=1e-9)


def test_reconstruction_by_hand():
    """Targets 1 and 0 of logits 0 and ln 3: ln 2 + ln 4 nats; with a divergence of 1/2 that much more."""

    def net(x, part):
        if part == "encoder":
            return {"code": x, "kl": np.array([0.5], "float32")}
        return np.array([[0, np.log(3)]], "float32")

    task = TASKS.build("reconstruction", toys.stripes().card)
    losses = task.losses(net, {"image": np.array([[1, 0]], "float32")}, 0)
    nats = np.log(2) + np.log(4)
    expected = {"loss": nats + 0.5, "reconstruction": nats, "kl": 0.5, "mse": (0.25 + 0.5625) / 2}
    assert {name: float(value[0]) for name, value in losses.items()} == pytest.approx(expected, rel=1e-5)
    image = task.predict(net, {"image": np.array([[1, 0]], "float32")}, 0)["image"]
    assert ops.convert_to_numpy(image).ravel() == pytest.approx([0.5, 0.75])


# Noise


def _spoilt(kind, amount, noise, x=0.5):
    layer = Corruption(kind, amount)
    layer.noise = np.asarray(noise, "float32")
    return ops.convert_to_numpy(layer(np.full(np.shape(noise), x, "float32"), training=False)).tolist()


def test_noise_by_hand():
    """Of six values a third is two: those with the noise farthest from 0, whose signs are the coins."""
    noise = [[0.1, -2.0, 0.3, 1.5, -0.2, 0.4], [3.0, 0.0, 0.1, 0.2, 0.3, -0.4]]
    half = 0.5
    assert _spoilt("masking", 1 / 3, noise) == [[half, 0, half, 0, half, half], [0, half, half, half, half, 0]]
    assert _spoilt("salt_and_pepper", 1 / 3, noise) == [[half, 0, half, 1, half, half], [1, half, half, half, half, 0]]
    assert _spoilt("gaussian", 0.1, noise[:1])[0] == pytest.approx([0.51, 0.3, 0.53, 0.65, 0.48, 0.54])
    assert _spoilt("masking", 0.0, noise) == [[half] * 6] * 2


@pytest.mark.parametrize(("kind", "values"), [("masking", {0.0, 0.5}), ("salt_and_pepper", {0.0, 0.5, 1.0})])
def test_in_training_every_example_loses_its_share_anew_and_a_finished_model_nothing(kind, values):
    layer, x = Corruption(kind, 0.25, seed=1), np.full((200, 4, 5, 2), 0.5, "float32")
    np.testing.assert_array_equal(layer(x, training=False), x)
    first, second = (ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))
    assert set(np.unique(first)) == values
    assert ((first != 0.5).sum(axis=(1, 2, 3)) == 10).all()
    assert not np.array_equal(first, second)
    assert (first != 0.5).mean(axis=0) == pytest.approx(np.full((4, 5, 2), 0.25), abs=0.15)
    if kind == "salt_and_pepper":
        assert (first == 1).sum() / (first != 0.5).sum() == pytest.approx(0.5, abs=0.05)


def test_gaussian_noise_has_its_deviation():
    layer = Corruption("gaussian", 0.3, seed=1)
    assert ops.convert_to_numpy(layer(np.zeros((200, 100), "float32"), training=True)).std() == pytest.approx(
        0.3, rel=0.02
    )


def test_pictures_of_a_denoising_autoencoder_show_what_was_read(tmp_path):
    trial = _settings({"name": "denoising_autoencoder", "hidden": 8}, benchmark="denoising")
    run_benchmark([trial], toys.stripes(), tmp_path / "denoising", QUIET)
    with np.load(tmp_path / "denoising" / "seed-0" / "predictions.npz") as file:
        kept = dict(file)
    seen = kept["shown_seen"].reshape(len(kept["input"]), -1)
    clean = kept["input"].reshape(len(seen), -1)
    assert ((seen == 0) & (clean > clean.min())).mean() == pytest.approx(0.25, abs=0.02)
    (picture,) = PICTURES["reconstruction"](kept)
    assert "spoilt" in picture.caption


def test_pictures_of_a_vae_walk_from_an_example_to_the_sample_of_its_place(tmp_path):
    run_benchmark([toys.settings(**toys.VAE, epochs=1)], toys.stripes(), tmp_path / "vae", QUIET)
    with np.load(tmp_path / "vae" / "seed-0" / "predictions.npz") as file:
        kept = dict(file)
    walk = kept["shown_walk"]
    assert walk.shape == (20, 8, 16, 16, 1)
    np.testing.assert_allclose(walk[:, 0], kept["prediction_image"], atol=1e-5)
    decoder = load_network(tmp_path / "vae" / "seed-0" / "model.keras").parts["decoder"]
    sampled = ops.convert_to_numpy(ops.sigmoid(decoder(kept["target_noise"])))
    np.testing.assert_allclose(walk[:, -1], sampled, atol=1e-5)
    assert [one.name for one in PICTURES["reconstruction"](kept)] == ["reconstructions", "walk", "samples"]


# Tied weights


def _tied():
    keras.utils.set_random_seed(2)
    return build_network({"name": "denoising_autoencoder", "hidden": 5}, (4, 3, 1), 1, {"activation": "linear"})


def test_the_decoder_multiplies_by_the_encoders_transpose_and_both_stay_one_when_loaded(tmp_path):
    network = _tied()
    kernel, bias, back = network.trainable_weights
    for number, weight in enumerate((kernel, bias, back)):
        weight.assign(formula(weight.shape, number))
    network.save(tmp_path / "model.keras")
    x = formula((2, 4, 3, 1), 9).astype("float32")
    for model in (network, load_network(tmp_path / "model.keras")):
        code = model.parts["encoder"](x)["code"]
        np.testing.assert_allclose(code, x.reshape(2, -1) @ kernel + bias, rtol=1e-5)
        expected = (ops.convert_to_numpy(code) @ np.transpose(kernel) + back).reshape(2, 4, 3, 1)
        np.testing.assert_allclose(model.parts["decoder"](code), expected, rtol=1e-5)
        assert len(model.trainable_weights) == 3
        assert profile(model).multiply_adds == 2 * 12 * 5


def test_the_penalty_of_a_shared_kernel_counts_once():
    parts = {"regularizer": {"name": "l2", "strength": 1.0}}
    trial = _settings({"name": "denoising_autoencoder", "hidden": 3, "amount": 0.0}, parts=parts)
    bench = Workbench(trial, toys.stripes())
    numbers, learner = bench.start(trial).numbers, bench.program.learner
    kernel = np.array(learner.trainable[0])
    rows = np.arange(16)[None]
    data = bench.training.feeds[0].placed
    logs = bench.program.train(data, rows, 1, np.zeros(1), numbers)
    assert logs["loss"] - logs["reconstruction"] == pytest.approx(0.5 * np.square(kernel).sum(), rel=1e-3)


# A stack

PARTS = {"encoder": "encoder"}


def _stacked(*units):
    return _settings({"name": "stacked_autoencoder", "units": list(units)})["architecture"]


def _run(runs, slug, architecture, start=None, **changes):
    extra = {"start": describe_source(start, 0, runs)} if start else {}
    run_benchmark([_settings(architecture, benchmark=slug, **extra, **changes)], toys.stripes(), runs / slug, QUIET)
    return load_network(runs / slug / "seed-0" / "model.keras")


def test_a_stack_is_trained_layer_by_layer_and_then_fine_tuned_with_labels(tmp_path):
    """256-6-5-4: each layer on what those below say, which stay as they are to the bit."""
    encoder = lambda model: [np.array(w) for w in model.parts["encoder"].weights if len(w.shape) > 1]  # noqa: E731
    first = _run(tmp_path, "one", _stacked(6))
    second = _run(tmp_path, "two", _stacked(6, 5), {"from": "one", "parts": PARTS, "train": 2})
    third = _run(tmp_path, "three", _stacked(6, 5, 4), {"from": "two", "parts": PARTS, "train": 2})
    np.testing.assert_array_equal(encoder(second)[0], encoder(first)[0])
    for ours, theirs in zip(encoder(third)[:2], encoder(second), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [kernel.shape for kernel in encoder(third)] == [(256, 6), (6, 5), (5, 4)]
    assert third.parts["decoder"].output.shape == (None, 5)
    labelled = {"task": {"name": "classification"}, "parts": {"activation": "sigmoid"}}
    still = {"optimizer": {"name": "sgd", "learning_rate": 1e-30}}
    tuned = _run(
        tmp_path,
        "tuned",
        {"name": "mlp", "units": [6, 5, 4]},
        {"from": "three", "parts": {"network": "encoder"}, "train": "all"},
        **labelled,
        **still,
    )
    mlp = next(layer for layer in tuned.layers if isinstance(layer, keras.Model))
    kernels = [np.array(weight) for weight in mlp.trainable_weights if len(weight.shape) > 1]
    for ours, theirs in zip(kernels, encoder(third), strict=False):
        np.testing.assert_array_equal(ours, theirs)
    assert [kernel.shape for kernel in kernels] == [(256, 6), (6, 5), (5, 4), (4, 3)]


def test_a_layer_of_a_stack_is_to_tell_what_the_one_below_says():
    """Its target is clean, what it reads is spoilt, and of both only the new layers learn."""
    keras.utils.set_random_seed(0)
    mine, source = (
        build_network({"name": "stacked_autoencoder", "units": units, "amount": 0.5}, (4, 4, 1), 1)
        for units in ((8, 6), (8,))
    )
    begin(mine, parts_of(source), {"from": "source", "parts": PARTS, "train": 2})
    assert isinstance(mine, Network)
    assert [tuple(weight.shape) for weight in mine.trainable_weights] == [(8, 6), (6,), (6, 8), (8,)]
    x = formula((3, 4, 4, 1), 1).astype("float32")
    below = source.parts["encoder"](x)["code"]
    told = mine.parts["encoder"](x, training=True)
    np.testing.assert_allclose(told["target"], below, rtol=1e-6)
    clean = mine.parts["encoder"](x, training=False)["code"]
    assert np.abs(ops.convert_to_numpy(told["code"] - clean)).max() > 1e-3
