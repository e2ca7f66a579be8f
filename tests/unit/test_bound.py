"""The bound that a VAE is chosen by: sampled in evaluation, against numpy, whatever the batches."""

import numpy as np
import pytest
import toys
from keras import ops

from archbench.tasks import TASKS
from archbench.tasks.base import TaskMismatch
from archbench.training import feed as feeding
from archbench.training.feed import Feed
from archbench.training.program import BoundNet
from archbench.training.run import Workbench
from archbench.training.split import Split

SAMPLES = 4000
TRIAL = toys.settings(**toys.VAE)


@pytest.fixture(scope="module")
def bench():
    """A VAE with weights large enough that its codes are uncertain and matter."""
    bench = Workbench(TRIAL, toys.stripes())
    bench.start(TRIAL)
    random = np.random.default_rng(5)
    for weight in bench.program.learner.trainable:
        weight.assign(random.normal(0, 0.3 if weight.name == "kernel" else 0.1, weight.shape))
    bench.program.learner.trainable[5].assign([-1.5, -0.5])  # the variances' bias: far from a deviation of 1
    return bench


def _bounds(bench, pictures, noise) -> np.ndarray:
    """Minus the bound of each picture for each row of `noise` (sample, latent): (picture, sample), in float64."""
    learner = bench.program.learner
    hidden, hidden_bias, mean, mean_bias, width, width_bias, back, back_bias, last, last_bias = (
        np.asarray(weight, float) for weight in learner.model.get_weights()[:10]
    )
    x = ops.convert_to_numpy(learner.read({"image": pictures})["image"]).reshape(len(pictures), -1).astype(float)
    encoded = np.tanh(x @ hidden + hidden_bias)
    means, log_variances = encoded @ mean + mean_bias, encoded @ width + width_bias
    divergence = 0.5 * (means**2 + np.exp(log_variances) - 1 - log_variances).sum(axis=1)
    codes = means[:, None] + np.exp(log_variances / 2)[:, None] * noise
    logits = np.tanh(codes @ back + back_bias) @ last + last_bias
    nats = np.logaddexp(0, logits) - x[:, None] * logits
    return nats.sum(axis=2) + divergence[:, None]


def _repeated(bench, picture) -> Split:
    """A split of one picture many times, each with the noise of its place."""
    image = np.repeat(picture[None], SAMPLES, axis=0)
    targets = bench.task.arrays({"image": image})
    return Split(bench.program, [Feed(bench.program, {"image": image, **targets}, 10**9)], targets, {"image": image})


def test_its_mean_over_samples_is_the_bound(bench):
    """4000 samples of ours and 4000 others of numpy's, within four standard errors of their difference."""
    picture = bench.prepared.splits["validation"]["image"][3]
    found = _repeated(bench, picture).answer("losses", 500)["loss/loss"].astype(float)
    others = _bounds(bench, picture[None], np.random.default_rng(77).standard_normal((SAMPLES, 2)))[0]
    error = np.sqrt(found.var(ddof=1) / SAMPLES + others.var(ddof=1) / SAMPLES)
    assert abs(found.mean() - others.mean()) < 4 * error
    assert found.std() == pytest.approx(others.std(), rel=0.1)
    at_the_mean = _bounds(bench, picture[None], np.zeros((1, 2)))[0, 0]
    assert abs(at_the_mean - others.mean()) > 10 * error  # which would be another number


def test_every_example_has_the_noise_of_its_place(bench, monkeypatch):
    """However it is batched, resident or streamed, and however often it is asked."""
    monkeypatch.setattr(feeding, "EVALUATION_VALUES", 1)
    validation = bench.validation
    pictures, noise = bench.prepared.splits["validation"]["image"], validation.arrays["noise"]
    expected = np.array([_bounds(bench, pictures[row : row + 1], noise[row])[0, 0] for row in range(30)])
    assert np.abs(noise - noise[0]).max(axis=1)[1:].min() > 0.01
    for split, least in ((validation, 30), (validation, 7), (validation, 1), (toys.streamed(bench, "validation"), 7)):
        np.testing.assert_allclose(split.answer("losses", least)["loss/loss"], expected, rtol=1e-5)
    scores, predictions = validation.scores(7)
    assert scores["loss"] == pytest.approx(expected.mean(), rel=1e-6)
    assert scores["loss"] == pytest.approx(scores["reconstruction"] + scores["kl"], rel=1e-6)
    again, same = validation.scores(7)
    assert again == scores
    np.testing.assert_array_equal(same["image"], predictions["image"])


def test_the_noise_is_the_same_for_every_seed_and_split(bench):
    fresh = Workbench(toys.settings(**toys.VAE, seed=8), toys.stripes())
    np.testing.assert_array_equal(fresh.validation.arrays["noise"], bench.validation.arrays["noise"])
    noise = bench.training.arrays["noise"]
    np.testing.assert_array_equal(noise[:30], bench.validation.arrays["noise"])
    assert noise.shape == (70, 2)
    assert noise.mean() == pytest.approx(0, abs=4 / np.sqrt(140))
    assert noise.std() == pytest.approx(1, abs=4 / np.sqrt(280))


def test_the_finished_model_decodes_the_mean(bench):
    learner, pictures = bench.program.learner, bench.prepared.splits["validation"]["image"][:5]
    bench.validation.answer("losses", 30)  # which leaves no noise behind
    expected = _bounds(bench, pictures, np.zeros((1, 2)))[:, 0]
    losses = bench.task.losses(BoundNet(learner, training=False), learner.read({"image": pictures}), 0)
    found = ops.convert_to_numpy(losses["loss"])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_network_without_a_code_is_refused():
    task = TASKS.build("reconstruction", toys.stripes().card)
    with pytest.raises(TaskMismatch, match=r"parts decoder, encoder, but this one has: network\. Choose an autoenc"):
        task.learn({}, {"network": None})
