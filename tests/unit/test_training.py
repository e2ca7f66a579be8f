"""The training loop: reproducible to the bit, equal to plain Keras, and true to its recipe."""

import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import replace

import keras
import numpy as np
import pytest
import toys
from keras import ops

from archbench.architectures.network import build_network
from archbench.optimizers import OPTIMIZERS
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.tasks import TASKS
from archbench.training.build import build_clip, build_optimizer
from archbench.training.checkpoint import Progress
from archbench.training.fit import Diverged
from archbench.training.numbers import find_knobs, program_key
from archbench.training.order import shuffled
from archbench.training.program import Clip, Learner, Program
from archbench.training.run import Pace, TooFewExamples, Workbench, run_benchmark

TENSORFLOW = keras.backend.backend() == "tensorflow"
PREPARED = toys.stripes()
QUIET = Pace(1e9, lambda run, row, epochs, monitor: None)
PLAIN = {"parts": {}, "augmentation": []}


@pytest.fixture(scope="module")
def bench():
    """Dropout, augmentation, Adam, a cosine: randomness and state of every kind."""
    return Workbench(toys.settings(), PREPARED)


@pytest.fixture(scope="module")
def reference(bench):
    """History and weights of seed 0 on the bench."""
    progress = toys.train(bench, toys.settings())
    return toys.without_seconds(progress.history), toys.weights(bench)


# Reproducible


def test_the_same_settings_and_seed_give_the_same_bits(reference):
    fresh = Workbench(toys.settings(), PREPARED)
    progress = toys.train(fresh, toys.settings())
    assert toys.without_seconds(progress.history) == reference[0]
    toys.assert_same_bits(toys.weights(fresh), reference[1])


def test_a_seed_does_not_depend_on_the_seeds_before_it(bench, reference):
    other = toys.settings(seed=7)
    after_seed_0 = toys.train(bench, other)
    weights = toys.weights(bench)
    alone = Workbench(other, PREPARED)
    assert toys.without_seconds(toys.train(alone, other).history) == toys.without_seconds(after_seed_0.history)
    toys.assert_same_bits(toys.weights(alone), weights)
    assert toys.without_seconds(after_seed_0.history) != reference[0]


def test_streamed_data_train_as_resident_data_do(bench):
    splits = toys.streamed(bench, "train"), toys.streamed(bench, "validation")
    assert not splits[0].feeds[0].resident
    progress = toys.train(bench, toys.settings(), splits=splits, recipe={"steps_per_call": 3})
    weights = toys.weights(bench)
    whole = toys.train(bench, toys.settings(), recipe={"steps_per_call": 3})
    assert toys.without_seconds(progress.history) == toys.without_seconds(whole.history)
    toys.assert_same_bits(toys.weights(bench), weights)


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_how_many_steps_one_call_takes_changes_nothing(bench, reference, steps):
    """Four steps an epoch: calls of one, of two and two (three would leave one), and of all.

    Not to the bit: XLA may round otherwise in a loop of one step.
    """
    progress = toys.train(bench, toys.settings(), recipe={"steps_per_call": steps})
    for ours, theirs in zip(toys.weights(bench), reference[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for row, expected in zip(toys.without_seconds(progress.history), reference[0], strict=True):
        assert row == pytest.approx(expected, rel=1e-4)


def test_train_losses_are_means_over_all_steps_of_an_epoch():
    """Five steps in calls of three and of two, at rate 0: what each example costs, by an evaluation."""
    trial = toys.settings(**PLAIN, optimizer={"name": "sgd", "learning_rate": 1e-30}, batch_size=14, epochs=1)
    bench = Workbench(trial, PREPARED)
    row = toys.train(bench, trial, recipe={"steps_per_call": 3}).history[0]
    assert row["step"] == 5
    costs = bench.training.answer("losses", 70)["loss/loss"]
    by_step = costs[shuffled((0, 0), 70, 14)].mean(axis=1)
    assert abs((by_step[:3].mean() + by_step[3:].mean()) / 2 - costs.mean()) > 1e-4 * costs.mean()
    assert row["train_loss"] == pytest.approx(costs.mean(), rel=1e-5)


def test_every_epoch_shuffles_anew_and_uses_an_example_at_most_once():
    first, again, second = (shuffled((3, epoch), 70, 16) for epoch in (0, 0, 1))
    assert first.shape == (4, 16)
    assert len(set(first.ravel())) == 64
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert (shuffled((4, 0), 70, 16) != first).any()


# Equal to plain Keras


def _features():
    random = np.random.default_rng(0)
    return {"features": random.normal(size=(40, 5)).astype("float32"), "label": np.arange(40, dtype="int32") % 3}


def _network() -> keras.Model:
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((5,), name="features")
    x = keras.layers.Dense(6, "tanh", kernel_regularizer=keras.regularizers.L2(0.01))(x)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def _learner(optimizer: keras.Optimizer, numbers: Iterable[str] = ()) -> Learner:
    card = toys._prepared("points", "features", "abc", lambda examples, seed: _features()).card
    model = _network()
    optimizer.build(model.trainable_variables)
    knobs = {name: [(optimizer, name.removeprefix("optimizer."))] for name in numbers}
    return Learner(model, {}, {"network": model}, TASKS.build("classification", card), optimizer, knobs=knobs)


def _numbers(name: str) -> dict[str, float]:
    entry = OPTIMIZERS[name]
    return {f"optimizer.{number}": entry.options[number] for number in entry.facts["numbers"]}


@pytest.mark.parametrize("name", [entry.name for entry in OPTIMIZERS if entry.name != "lbfgs"])
def test_every_optimizer_under_every_schedule_moves_as_in_plain_keras(name):
    """Six steps against plain Keras on the same batches at the same rates."""
    arrays, order, rate = _features(), shuffled((0, 0), 40, 6), 0.02
    program = Program(learner := _learner(OPTIMIZERS.build(name), _numbers(name)), xla=False)
    data, fresh = program.place(arrays), learner.read_state()
    plain = _network()
    start = plain.get_weights()
    plain.compile(OPTIMIZERS.build(name), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    plain.optimizer.build(plain.trainable_variables)
    slots = [np.array(ops.convert_to_numpy(variable)) for variable in plain.optimizer.variables]
    for schedule in SCHEDULES:
        rates = rate * schedule(Horizon(2, 3, 6), **schedule.facts["smoke"])(np.arange(6))
        learner.write_state(fresh)
        program.train(data, order, 6, rates, _numbers(name))
        plain.set_weights(start)
        for variable, value in zip(plain.optimizer.variables, slots, strict=True):
            variable.assign(value)
        for rows, value in zip(order, rates, strict=True):
            plain.optimizer.learning_rate = value
            plain.train_on_batch(arrays["features"][rows], arrays["label"][rows])
        moved = max(np.abs(a - b).max() for a, b in zip(plain.get_weights(), start, strict=True))
        assert moved > 1e-5
        for ours, theirs in zip(learner.model.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5, err_msg=schedule.name)


def test_the_losses_and_norms_of_a_step_are_those_worked_out_by_hand():
    arrays, order = _features(), np.arange(12).reshape(2, 6)
    learner = _learner(keras.optimizers.SGD(0.0))
    logs = Program(learner, xla=False).train(Program(learner, False).place(arrays), order, 2, np.zeros(2), {})
    kernel, bias, last, last_bias = learner.model.get_weights()
    logits = np.tanh(arrays["features"][:12] @ kernel + bias) @ last + last_bias
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    entropy = -np.log(chance[np.arange(12), arrays["label"][:12]]).mean()
    assert logs["loss"] == pytest.approx(entropy + 0.01 * (kernel**2).sum(), rel=1e-5)
    assert logs["accuracy"] == pytest.approx((chance.argmax(axis=1) == arrays["label"][:12]).mean())
    assert logs["weight_norm"] == pytest.approx(math.sqrt(sum((w**2).sum() for w in learner.model.get_weights())))
    assert (logs["steps"], logs["finite"]) == (2, 1)


@pytest.mark.parametrize("kind", ["value", "norm", "global_norm"])
def test_clipping_bounds_the_step(kind):
    """At rate 1 the step of plain descent is the gradient; the clipped step follows from it by hand."""
    limit, arrays, order = 0.05, _features(), np.arange(6).reshape(1, 6)

    def step(clip):
        settings = toys.settings(optimizer={"name": "sgd", "learning_rate": 1.0}, clip=clip)
        learner = replace(_learner(build_optimizer(settings)), clip=build_clip(settings))
        program = Program(learner, xla=False)
        before = learner.model.get_weights()
        logs = program.train(program.place(arrays), order, 1, np.ones(1), {})
        return [a - b for a, b in zip(before, learner.model.get_weights(), strict=True)], logs

    gradients, logs = step(None)
    total = math.sqrt(sum((g**2).sum() for g in gradients))
    assert total > limit
    scaled = {
        "value": [np.clip(g, -limit, limit) for g in gradients],
        "norm": [g * min(1.0, limit / np.linalg.norm(g)) for g in gradients],
        "global_norm": [g * limit / total for g in gradients],
    }
    clipped, clipped_logs = step({kind: limit})
    for ours, expected in zip(clipped, scaled[kind], strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert logs["gradient_norm"] == pytest.approx(total, rel=1e-4)
    assert clipped_logs["gradient_norm"] == pytest.approx(total, rel=1e-4)  # before clipping


@pytest.mark.skipif(not TENSORFLOW, reason="JAX has no way to run without XLA")
@pytest.mark.parametrize("made", [(PREPARED, PLAIN), (toys.sums(), toys.LSTM)], ids=["lenet5", "lstm"])
def test_xla_changes_no_number_that_matters(made):
    prepared, changes = made
    histories = []
    for xla in ("on", "off"):
        trial = toys.settings(**changes, xla=xla, epochs=2)
        histories.append(toys.without_seconds(toys.train(Workbench(trial, prepared), trial).history))
    for on, off in zip(*histories, strict=True):
        assert on == pytest.approx(off, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_reduced_precision_learns_and_keeps_weights_and_losses_in_float32(precision):
    trial = toys.settings(precision=precision, epochs=5, **PLAIN)
    bench = Workbench(trial, PREPARED)
    progress = toys.train(bench, trial)
    computing = bench.program.learner.parts["network"].layers[1].compute_dtype
    assert computing == precision.removeprefix("mixed_")
    assert {str(v.dtype) for v in bench.program.learner.trainable} == {"float32"}
    assert progress.history[-1]["train_loss"] < 0.8 * progress.history[0]["train_loss"]
    assert keras.config.dtype_policy().name == "float32"
    full = toys.settings(epochs=1, **PLAIN)
    expected = toys.train(Workbench(full, PREPARED), full).history[0]
    assert progress.history[0]["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=0.3)  # not scaled


# Numbers are inputs


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        (
            {},
            [
                {"optimizer": {"name": "adam", "learning_rate": 0.01, **change}}
                for change in ({"learning_rate": 0.02}, {"beta_1": 0.5}, {"beta_2": 0.9})
            ],
        ),
        ({"parts": {"dropout": 0.1}}, [{"parts": {"dropout": 0.7}}, {"parts": {"dropout": 0.3}}]),
        (
            {"parts": {"regularizer": {"name": "l2", "strength": 0.1}}},
            [{"parts": {"regularizer": {"name": "l2", "strength": 3.0}}}],
        ),
        (
            {"clip": {"norm": 1e-3}, "optimizer": {"name": "sgd", "learning_rate": 1.0}},
            [{"clip": {"norm": 1e-2}, "optimizer": {"name": "sgd", "learning_rate": 1.0}}],
        ),
    ],
    ids=["optimizer", "dropout", "regularizer", "clip"],
)
def test_numbers_are_inputs_of_the_program(base, changes, monkeypatch):
    """A value that were a constant would need a new trace, and a trace calls the task."""
    bench = Workbench(toys.settings(epochs=1, **base), PREPARED)
    toys.train(bench, toys.settings(epochs=1, **base))
    first = toys.weights(bench)

    def trace(*arguments):
        raise AssertionError("the program was traced again")

    monkeypatch.setattr(bench.task, "losses", trace)
    for change in changes:
        assert program_key(toys.settings(**change)) == program_key(toys.settings(**base))
        toys.train(bench, toys.settings(epochs=1, **change))
        assert any((a != b).any() for a, b in zip(first, toys.weights(bench), strict=True)), change


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 8},
        {"parts": {"activation": "gelu"}},
        {"optimizer": "sgd"},
        {"parts": {"dropout": None}},
        {"parts": {"dropout": 0.0}},  # no layer, so nothing is drawn
    ],
    ids=str,
)
def test_what_changes_the_program_changes_its_key(change):
    change = {key: {"name": value} if isinstance(value, str) else value for key, value in change.items()}
    base = {"parts": {"dropout": 0.5}}
    assert program_key(toys.settings(**{**base, **change})) != program_key(toys.settings(**base))


def test_another_dropout_leaves_the_heads_of_googlenet_at_the_papers():
    """Szegedy et al. 2014, arXiv:1409.4842, section 5: 70 % in the heads; what is tuned is the net's own 40 %."""
    network = build_network({"name": "googlenet", "width": 8, "dense_width": 8}, (64, 64, 1), 3)
    trial = toys.settings(architecture={"name": "googlenet", "width": 8, "dense_width": 8}, parts={})
    optimizer = build_optimizer(trial)
    knobs = find_knobs(trial, network, optimizer, None)["parts.dropout"]
    assert [(layer.rate, attribute) for layer, attribute in knobs] == [(0.4, "rate")]
    rates = sorted(layer.rate for layer in network.layers if type(layer).__name__ == "Dropout")
    assert rates == [0.4, 0.7, 0.7]


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        (Clip("value", 0.5), [[0.5, -0.5], [0.25]]),
        (Clip("norm", 1.0), [[0.6, -0.8], [0.25]]),
        (Clip("norm", 10.0), [[3.0, -4.0], [0.25]]),
        (Clip("global_norm", 1.0), [[3.0 / 5.00625, -4.0 / 5.00625], [0.25 / 5.00625]]),
    ],
    ids=str,
)
@pytest.mark.parametrize("scale", [1.0, 128.0])
def test_gradients_are_clipped_as_worked_out_by_hand(clip, expected, scale):
    """Norms 5 and 0.25, of all 5.00625 to five places; under loss scaling the limit grows with the gradients."""
    gradients = [ops.array([3.0, -4.0]) * scale, ops.array([0.25]) * scale]
    clipped = clip(gradients, 25.0625**0.5, scale)
    for got, wanted in zip(clipped, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(got) / scale, wanted, rtol=1e-3)


@pytest.mark.parametrize("strength", [0.0, 0.5, 5.0])
def test_the_shrinkage_of_a_proximal_penalty_follows_each_step(strength):
    """One step of plain descent, then every kernel weight is pulled to zero by rate * strength, not past it."""
    rate, plain = 0.1, {"name": "none"}
    base = {"optimizer": {"name": "sgd", "learning_rate": rate}, "schedule": {"name": "constant"}, "epochs": 1}
    base |= {"augmentation": [], "batch_size": 70}
    after = {}
    for name, part in (("plain", plain), ("l1", {"name": "l1", "strength": strength, "proximal": True})):
        trial = toys.settings(**base, parts={"regularizer": part})
        bench = Workbench(trial, PREPARED)
        toys.train(bench, trial)
        after[name] = {w.path: ops.convert_to_numpy(w) for w in bench.program.learner.trainable}
    for (path, moved), shrunk in zip(after["plain"].items(), after["l1"].values(), strict=True):
        pull = rate * strength if path.endswith("kernel") else 0.0
        by_hand = np.sign(moved) * np.maximum(np.abs(moved) - pull, 0)
        np.testing.assert_allclose(shrunk, by_hand, atol=1e-6, err_msg=path)
    kernels = [w for path, w in after["l1"].items() if path.endswith("kernel")]
    assert (strength == 5.0) == all((w == 0).mean() > 0.5 for w in kernels)


@pytest.mark.parametrize("xla", ["on", "off"])
def test_spectral_normalization_takes_one_iteration_of_its_algorithm_a_step(xla):
    """Of a rate too small to move a weight: v <- W'u / |W'u|, u <- Wv / |Wv|, as often as there are steps."""
    trial = toys.settings(
        **{**PLAIN, "parts": {"normalization": "spectral", "dropout": None}},
        optimizer={"name": "sgd", "learning_rate": 1e-30},
        epochs=1,
        xla=xla,
    )
    bench = Workbench(trial, PREPARED)
    bench.start(trial)
    layers = [layer for layer in bench.program.learner.parts["network"].layers if hasattr(layer, "trained_kernel")]
    kernels = [np.array(layer.trained_kernel) for layer in layers]
    expected = [np.array(layer.u) for layer in layers]
    toys.train(bench, trial)
    for layer, kernel, u in zip(layers, kernels, expected, strict=True):
        W = kernel.reshape(-1, kernel.shape[-1]).T
        for _ in range(70 // 16):
            v = W.T @ u / np.linalg.norm(W.T @ u)
            u = W @ v / np.linalg.norm(W @ v)
        np.testing.assert_array_equal(layer.trained_kernel, kernel)
        np.testing.assert_allclose(layer.v, v, atol=1e-4)
        np.testing.assert_allclose(layer.u, u, atol=1e-4)
    assert len(layers) == 4


def test_momentum_may_be_zero():
    learner = _learner(OPTIMIZERS.build({"name": "momentum", "momentum": 0.0}), {"optimizer.momentum"})
    program, before = Program(learner, xla=False), learner.model.get_weights()
    data, order = program.place(_features()), np.arange(6).reshape(1, 6)
    program.train(data, order, 1, np.full(1, 0.1), {"optimizer.momentum": 0.0})
    plain = _learner(OPTIMIZERS.build("sgd"))
    Program(plain, xla=False).train(data, order, 1, np.full(1, 0.1), {})
    for ours, theirs, old in zip(learner.model.get_weights(), plain.model.get_weights(), before, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
        assert (ours != old).any()


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(TooFewExamples, match=r"batch_size is 71, but the training split of 'stripes' has 70"):
        Workbench(toys.settings(batch_size=71), PREPARED)


# Choosing the epoch


def _scripted(monkeypatch, bench, scores):
    """Let the validation score of each epoch be the next of `scores`."""
    script = iter(scores)
    monkeypatch.setattr(bench.task, "scores", lambda arrays, predictions, means: {"accuracy": next(script), "f1": 0.0})


def _all_weights(bench, kept):
    """A hook that keeps the weights after every epoch."""
    return lambda progress: kept.append(toys.weights(bench))


def test_the_weights_of_the_best_epoch_are_left_in_the_model(bench, monkeypatch):
    kept = []
    _scripted(monkeypatch, bench, [0.2, 0.9, 0.9, 0.4])
    progress = toys.train(bench, toys.settings(), after_epoch=_all_weights(bench, kept))
    assert (progress.epoch, progress.best_epoch, progress.best_score) == (4, 2, 0.9)
    assert progress.best_validation["accuracy"] == 0.9
    toys.assert_same_bits(toys.weights(bench), kept[1])


def test_where_less_is_better_the_least_score_is_the_best(bench, monkeypatch):
    monkeypatch.setattr(bench.task, "maximize", False, raising=False)
    _scripted(monkeypatch, bench, [0.2, 0.9, 0.1, 0.4])
    assert toys.train(bench, toys.settings()).best_epoch == 3


@pytest.mark.parametrize(
    ("scores", "least_gain", "ran", "best"),
    [
        ([0.1, 0.5, 0.4, 0.3, 0.9, 0.9], 0.0, 4, 2),  # two epochs after the best one without a better one
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.0, 6, 6),  # never
        ([0.5, 0.4, 0.6, 0.5, 0.5, 0.9], 0.0, 5, 3),  # a better one starts the count again
        ([0.5, 0.5, 0.5, 0.9, 0.9, 0.9], 0.0, 3, 1),  # as good is not better
        ([0.5, 0.55, 0.58, 0.9, 0.9, 0.9], 0.1, 3, 1),  # nor is a little better
    ],
)
def test_early_stopping_stops_when_its_patience_is_spent(bench, monkeypatch, scores, least_gain, ran, best):
    _scripted(monkeypatch, bench, scores)
    recipe = {"epochs": 6, "patience": 2, "least_gain": least_gain}
    progress = toys.train(bench, toys.settings(), recipe=recipe)
    assert (progress.epoch, progress.best_epoch) == (ran, best)


# Keras's callbacks


class Witness(keras.callbacks.Callback):
    """Writes down what Keras tells it."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append("begin")

    def on_train_batch_end(self, batch, logs=None):
        assert logs["loss"] > 0
        self.seen.append(("batch", batch))

    def on_epoch_end(self, epoch, logs=None):
        assert {"train_loss", "validation_loss", "validation_accuracy", "learning_rate"} <= logs.keys()
        self.seen.append(("epoch", epoch))

    def on_train_end(self, logs=None):
        self.seen.append("end")


def test_callbacks_hear_of_every_call_and_epoch(bench):
    witness = Witness()
    toys.train(bench, toys.settings(), callbacks=[witness], recipe={"epochs": 2, "steps_per_call": 2})
    epoch = [("batch", 1), ("batch", 3)]
    assert witness.seen == ["begin", *epoch, ("epoch", 0), *epoch, ("epoch", 1), "end"]


def test_a_callback_may_stop_training(bench):
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(stop.model, "stop_training", True))
    assert toys.train(bench, toys.settings(), callbacks=[stop]).epoch == 1
    assert toys.train(bench, toys.settings()).epoch == 4  # the next run is not stopped


def test_callbacks_may_change_the_learning_rate(bench, monkeypatch):
    steady = toys.settings(schedule={"name": "constant"})
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    rows = toys.train(bench, steady, callbacks=[scheduler]).history
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.1, 0.05, 0.1 / 3, 0.025])
    _scripted(monkeypatch, bench, [0.5, 0.4, 0.4, 0.4])
    plateau = keras.callbacks.ReduceLROnPlateau("validation_accuracy", factor=0.1, patience=1, mode="max")
    rows = toys.train(bench, steady, callbacks=[plateau]).history
    assert [row["learning_rate"] for row in rows] == pytest.approx([0.01, 0.01, 0.001, 0.0001])


def test_the_history_tells_the_rate_and_the_step(bench):
    rows = toys.train(bench, toys.settings()).history
    assert [row["step"] for row in rows] == [4, 8, 12, 16]
    for epoch, row in enumerate(rows, start=1):
        last = 4 * epoch - 1  # the last step of the epoch, of 16 in all
        assert row["learning_rate"] == pytest.approx(0.01 * 0.5 * (1 + math.cos(math.pi * last / 16)))


# Runs that go wrong, and what a run leaves


def test_a_run_that_diverges_says_where_and_the_other_seeds_go_on(bench, tmp_path):
    wild = toys.settings(optimizer={"name": "adam", "learning_rate": 1e38})
    run_benchmark([wild, toys.settings(seed=1)], PREPARED, tmp_path, QUIET, bench=lambda: bench)
    metrics = _strict(tmp_path / "seed-0" / "metrics.json")
    assert metrics["state"] == "diverged"
    assert metrics["diverged_at_step"] == 2  # the first step breaks the weights, the second meets them
    assert metrics["message"] == "the training loss was NaN or infinite at step 2"
    assert (metrics["scores"], metrics["epochs_run"]) == ({"validation": {}, "test": {}}, 0)
    assert not (tmp_path / "seed-0" / "model.keras").exists()
    assert _strict(tmp_path / "seed-0" / "timings.json")["examples_per_second"] is None
    assert _strict(tmp_path / "seed-1" / "metrics.json")["state"] == "finished"
    summary = _strict(tmp_path / "metrics.json")
    assert summary["states"] == {"diverged": 1, "finished": 1}
    assert summary["accuracy"]["n"] == 1


def test_a_score_that_is_no_number_ends_the_run_too(bench, monkeypatch):
    _scripted(monkeypatch, bench, [0.5, math.nan])
    with pytest.raises(Diverged, match="the validation accuracy was NaN or infinite at step 8"):
        toys.train(bench, toys.settings())


def test_a_finished_run_folder_is_whole_and_is_not_trained_again(bench, tmp_path):
    trials = [toys.settings(seed=seed, epochs=2) for seed in (0, 1)]
    shown = []
    pace = Pace(1e9, lambda run, row, epochs, monitor: shown.append((run, row["epoch"], epochs, monitor)))
    for _ in range(2):
        run_benchmark(trials, PREPARED, tmp_path, pace, bench=lambda: bench)
    assert shown == [(f"seed-{seed}", epoch, 2, "accuracy") for seed in (0, 1) for epoch in (1, 2)]
    files = {path.name for path in (tmp_path / "seed-0").iterdir()}
    whole = {"settings.yaml", "machine.json", "history.csv", "metrics.json", "timings.json", "model.keras"}
    assert files == whole | {"predictions.npz", "signature.json"}
    metrics = [_strict(tmp_path / f"seed-{seed}" / "metrics.json") for seed in (0, 1)]
    tested = [run["scores"]["test"]["accuracy"] for run in metrics]
    summary = _strict(tmp_path / "metrics.json")["accuracy"]
    assert (summary["mean"], summary["n"]) == (pytest.approx(sum(tested) / 2), 2)
    assert summary["deviation"] == pytest.approx(abs(tested[0] - tested[1]) / math.sqrt(2))
    assert (summary["minimum"], summary["maximum"]) == (min(tested), max(tested))
    saved = keras.saving.load_model(tmp_path / "seed-1" / "model.keras")
    images, labels = PREPARED.splits["test"]["image"], PREPARED.splits["test"]["label"]
    guess = ops.convert_to_numpy(saved(images.astype("float32"))).argmax(axis=1)
    assert (guess == labels).mean() == pytest.approx(tested[1])
    with np.load(tmp_path / "seed-1" / "predictions.npz") as arrays:
        np.testing.assert_array_equal(arrays["all_prediction_label"], guess)
        np.testing.assert_array_equal(arrays["all_target_label"], labels)


def test_other_settings_train_again(bench, tmp_path):
    for rate in (0.01, 0.02):
        trial = toys.settings(optimizer={"name": "adam", "learning_rate": rate}, epochs=1)
        run_benchmark([trial], PREPARED, tmp_path, QUIET, bench=lambda: bench)
        assert f"learning_rate: {rate}" in (tmp_path / "seed-0" / "settings.yaml").read_text()
        assert (tmp_path / "seed-0" / "history.csv").read_text().splitlines()[1].split(",")[2] != ""
    assert len(list(tmp_path.glob("seed-*"))) == 1


def test_a_seed_that_is_asked_for_no_more_leaves_the_folder(bench, tmp_path):
    first, second = (toys.settings(seed=seed, epochs=1) for seed in (0, 1))
    run_benchmark([first, second], PREPARED, tmp_path, QUIET, bench=lambda: bench)
    run_benchmark([first], PREPARED, tmp_path, QUIET, bench=lambda: bench)
    assert [path.name for path in sorted(tmp_path.glob("seed-*"))] == ["seed-0"]
    assert json.loads((tmp_path / "metrics.json").read_text())["states"] == {"finished": 1}


def test_test_data_are_read_once_and_after_the_last_epoch(tmp_path):
    events = []

    class Splits(dict):
        def __getitem__(self, name):
            if name == "test":
                events.append("test")
            return super().__getitem__(name)

    watched = type(PREPARED)(PREPARED.card, Splits(PREPARED.splits))
    pace = Pace(1e9, lambda run, row, epochs, monitor: events.append(row["epoch"]))
    run_benchmark([toys.settings(epochs=2)], watched, tmp_path, pace)
    assert events == [1, 2, "test"]


def test_a_further_split_is_scored_as_the_test_split_is(tmp_path):
    splits = {**PREPARED.splits, "again": PREPARED.splits["test"], "dev": PREPARED.splits["train"]}
    run_benchmark([toys.settings(epochs=2)], type(PREPARED)(PREPARED.card, splits), tmp_path, QUIET)
    scores = json.loads((tmp_path / "seed-0" / "metrics.json").read_text())["scores"]
    assert list(scores) == ["validation", "test", "train", "again", "dev"]
    assert scores["again"] == scores["test"]
    assert scores["dev"].keys() == scores["test"].keys()
    assert scores["dev"] != scores["test"]
    summary = json.loads((tmp_path / "metrics.json").read_text())
    assert summary["again/accuracy"]["mean"] == summary["accuracy"]["mean"] == scores["test"]["accuracy"]


def test_as_many_training_examples_are_scored_as_validate(tmp_path):
    """From all over the split: 70 to train on and 30 to validate are the rows 0, 2, 4, 7, 9, 11, 14, ... of 70."""
    trial = toys.settings()
    run_benchmark([trial], PREPARED, tmp_path / "b", QUIET)
    metrics = json.loads((tmp_path / "b" / "seed-0" / "metrics.json").read_text())
    counts = {split: len(arrays["label"]) for split, arrays in PREPARED.splits.items()}
    assert metrics["scored_examples"] == {**counts, "train": counts["validation"]}
    bench = Workbench(trial, PREPARED)
    toys.train(bench, trial)
    rows = [int(number * counts["train"] / counts["validation"]) for number in range(counts["validation"])]
    sampled = np.asarray(bench.sample().read["image"])
    np.testing.assert_array_equal(sampled, PREPARED.splits["train"]["image"][rows])
    right = bench.training.answer("predictions", 16)["label"] == PREPARED.splits["train"]["label"]
    assert metrics["scores"]["train"]["accuracy"] == pytest.approx(right[rows].mean())
    assert "train/accuracy" not in json.loads((tmp_path / "b" / "metrics.json").read_text())


def test_every_task_can_be_checkpointed(tmp_path):
    """What a task scores must go through JSON, and come back the same."""
    for prepared, changes in ((toys.sums(), toys.LSTM), (PREPARED, toys.VAE)):
        trial = toys.settings(**changes, epochs=1)
        bench = Workbench(trial, prepared)
        progress = toys.train(bench, trial)
        progress.state = bench.program.learner.read_state()
        progress.save(tmp_path / "checkpoint.npz")
        found = Progress.load(tmp_path / "checkpoint.npz", trial["id"])
        assert found.history == progress.history
        toys.assert_same_bits(found.state, progress.state)


def _strict(path):
    """JSON without NaN and infinity."""

    def refuse(constant):
        raise ValueError(constant)

    return json.loads(path.read_text(), parse_constant=refuse)


def test_seconds_are_told_apart(bench):
    rows = toys.train(bench, toys.settings(epochs=2)).history
    for row, part in itertools.product(rows, ("compile", "input", "step", "evaluation")):
        assert row[f"{part}_seconds"] >= 0
    assert rows[0]["compile_seconds"] > 0
    assert rows[1]["compile_seconds"] == 0
