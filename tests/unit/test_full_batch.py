"""Training on all data at once: the gradient is that of the whole, L-BFGS reaches optima, runs go on after a stop."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import scipy.optimize
import toys
from keras import ops

from archbench.optimizers import OPTIMIZERS
from archbench.records import run_folder
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon
from archbench.training import full_batch
from archbench.training.checkpoint import Progress
from archbench.training.feed import Feed
from archbench.training.fit import Diverged
from archbench.training.full_batch import FullBatch, NotFullBatch
from archbench.training.program import Learner, Program
from archbench.training.run import Pace, Workbench, run_benchmark
from made_up import MadeUp

STRENGTH = 0.01
PLAIN = {
    "architecture": {"name": "lenet5", "maps": [2, 3], "units": [8]},
    "parts": {"regularizer": {"name": "l2", "strength": STRENGTH}},
    "augmentation": [],
    "schedule": {"name": "constant"},
}
LBFGS = {"name": "lbfgs", "iterations_per_epoch": 3}


@pytest.fixture(scope="module")
def lbfgs():
    return Workbench(toys.settings(**PLAIN, optimizer=LBFGS), toys.stripes())


@pytest.fixture(scope="module")
def descent():
    return Workbench(toys.settings(**PLAIN, optimizer={"name": "batch_gd"}), toys.stripes())


# The gradient


def test_the_gradient_in_chunks_is_that_of_all_data_in_one_piece(descent):
    """70 examples in chunks of 16 and of 64, whose last ones are not full, resident and streamed."""
    trial = toys.settings(**PLAIN, optimizer={"name": "batch_gd"})
    numbers = descent.start(trial).numbers
    program, feed = descent.program, descent.training.feeds[0]
    parts, whole = FullBatch(program, feed, 70).gradient(numbers)
    assert max(np.abs(gradient).max() for gradient in whole) > 1e-3
    for batch_size, source in ((16, feed), (64, feed), (16, toys.streamed(descent, "train").feeds[0])):
        some, gradients = FullBatch(program, source, batch_size).gradient(numbers)
        assert some == pytest.approx(parts, rel=1e-5)
        for ours, theirs in zip(gradients, whole, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_penalties_count_once_whatever_the_chunks(descent):
    trial = toys.settings(**PLAIN, optimizer={"name": "batch_gd"})
    recipe = descent.start(trial)
    none = {**recipe.numbers, "parts.regularizer.strength": 0.0}
    whole = FullBatch(descent.program, descent.training.feeds[0], 16)
    (with_, gradient), (without, plain) = whole.gradient(recipe.numbers), whole.gradient(none)
    learner = descent.program.learner
    kernels = [np.array(variable.numpy()) for variable in learner.trainable if variable.name == "kernel"]
    penalty = sum((kernel.astype("float64") ** 2).sum() for kernel in kernels) * STRENGTH / 2
    assert with_["loss"] - without["loss"] == pytest.approx(penalty, rel=1e-3)
    for variable, a, b in zip(learner.trainable, gradient, plain, strict=True):
        expected = STRENGTH * variable.numpy() if variable.name == "kernel" else 0.0
        np.testing.assert_allclose(a - b, expected, atol=1e-6)


def test_batch_gd_takes_one_step_an_epoch_along_the_whole_gradient(descent):
    trial = toys.settings(**PLAIN, optimizer={"name": "batch_gd", "learning_rate": 0.5})
    recipe = descent.start(trial)
    before = [np.array(variable.numpy()) for variable in descent.program.learner.trainable]
    _, gradient = FullBatch(descent.program, descent.training.feeds[0], 70).gradient(recipe.numbers)
    progress = toys.train(descent, trial, recipe={"epochs": 1})
    assert [row["step"] for row in progress.history] == [1]
    after = [variable.numpy() for variable in descent.program.learner.trainable]
    for old, slope, new in zip(before, gradient, after, strict=True):
        np.testing.assert_allclose(new, old - 0.5 * slope, atol=1e-6)
    norm = np.sqrt(sum((slope**2).sum() for slope in gradient))
    assert progress.history[0]["gradient_norm"] == pytest.approx(norm, rel=1e-5)


def test_batch_gd_does_not_depend_on_the_size_of_its_chunks(descent):
    trial = toys.settings(**PLAIN, optimizer={"name": "batch_gd", "learning_rate": 0.2})
    losses = [
        [row["train_loss"] for row in toys.train(descent, trial, recipe={"batch_size": size}).history]
        for size in (16, 70)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert losses[0][-1] < losses[0][0]


def test_one_example_a_step_is_a_batch_size():
    trial = toys.settings(**{**PLAIN, "optimizer": {"name": "sgd", "learning_rate": 0.01}, "batch_size": 1})
    progress = toys.train(Workbench(trial, toys.stripes()), trial, recipe={"epochs": 1})
    assert progress.history[0]["step"] == 70


# L-BFGS


def _logistic(examples=60, features=4):
    """A logistic regression that no line separates, as arrays, and a learner of it with an L2 penalty."""
    random = np.random.default_rng(0)
    x = random.normal(size=(examples, features)).astype("float32")
    y = (x @ random.normal(size=features) + random.normal(size=examples) > 0).astype("float32")
    inputs = keras.Input((features,), name="x")
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(STRENGTH))(inputs))
    optimizer = OPTIMIZERS.build("lbfgs")
    optimizer.build(model.trainable_variables)

    def losses(outputs, targets, inputs):
        return {"loss": ops.softplus(outputs[:, 0]) - targets["y"] * outputs[:, 0]}

    task = MadeUp(losses)
    return x, y, Learner(model, {}, {"network": model}, task, optimizer)


def _logistic_loss(point, x, y):
    """The same objective in numpy, in float64: weights and then the intercept."""
    logits = x.astype(float) @ point[:-1] + point[-1]
    gradient = (1 / (1 + np.exp(-logits)) - y) / len(y)
    value = np.mean(np.logaddexp(0, logits) - y * logits) + STRENGTH * point[:-1] @ point[:-1]
    return value, np.append(x.T.astype(float) @ gradient + 2 * STRENGTH * point[:-1], gradient.sum())


@pytest.mark.parametrize("batch_size", [60, 16])
def test_lbfgs_reaches_the_optimum_of_a_logistic_regression(batch_size):
    x, y, learner = _logistic()
    program = Program(learner, xla=True)
    whole = FullBatch(program, Feed(program, {"x": x, "y": y}, 10**6), batch_size)
    for _ in range(6):
        whole.train(np.ones(5), {})
    optimum = scipy.optimize.minimize(
        _logistic_loss, np.zeros(5), (x, y), jac=True, method="BFGS", options={"gtol": 1e-10}
    )
    ours = np.concatenate([weights.ravel() for weights in learner.model.get_weights()]).astype(float)
    np.testing.assert_allclose(ours, optimum.x, atol=1e-6)
    assert _logistic_loss(ours, x, y)[0] - optimum.fun < 1e-12


def test_lbfgs_agrees_with_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    x, y, learner = _logistic()
    program = Program(learner, xla=False)
    FullBatch(program, Feed(program, {"x": x, "y": y}, 10**6), 60).train(np.ones(30), {})
    # scikit-learn's objective is C times the sum of the losses, plus half the square of the weights.
    theirs = LogisticRegression(C=1 / (2 * STRENGTH * len(y)), tol=1e-10, max_iter=1000).fit(x.astype(float), y)
    kernel, bias = learner.model.get_weights()
    np.testing.assert_allclose(kernel[:, 0], theirs.coef_[0], atol=1e-5)
    np.testing.assert_allclose(bias, theirs.intercept_, atol=1e-5)


def test_the_search_satisfies_both_strong_wolfe_conditions():
    """On the start and the direction of a valley where the whole direction overshoots."""
    function = lambda p: (100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2, scipy.optimize.rosen_der(p))  # noqa: E731
    point = np.array([-1.5, 1.0])
    loss, gradient = function(point)
    direction = -gradient
    found, value, slope = full_batch.search(function, point, loss, gradient, direction)
    length = (found - point) @ direction / (direction @ direction)
    assert 0 < length < 1
    assert value <= loss + 1e-4 * length * gradient @ direction
    assert abs(slope @ direction) <= 0.9 * abs(gradient @ direction)


def test_a_direction_that_rises_is_not_followed():
    function = lambda p: (float(p @ p), 2 * p)  # noqa: E731
    point = np.array([1.0, 2.0])
    assert full_batch.search(function, point, *function(point), np.array([1.0, 0.0])) is None


def test_at_the_optimum_the_weights_stay():
    x, y, learner = _logistic()
    program = Program(learner, xla=False)
    whole = FullBatch(program, Feed(program, {"x": x, "y": y}, 10**6), 60)
    whole.train(np.ones(40), {})
    weights = learner.model.get_weights()
    logs = whole.train(np.ones(3), {})
    assert logs["finite"] == 1
    assert logs["steps"] == 3
    for before, after in zip(weights, learner.model.get_weights(), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_lbfgs_counts_its_iterations_as_steps_and_lowers_the_loss(lbfgs):
    progress = toys.train(lbfgs, toys.settings(**PLAIN, optimizer=LBFGS))
    assert [row["step"] for row in progress.history] == [3, 6, 9, 12]
    losses = [row["train_loss"] for row in progress.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]


def test_dropout_is_held_fixed_while_a_line_is_searched():
    given = {**PLAIN, "parts": {"dropout": 0.5}}
    trial = toys.settings(**given, optimizer=LBFGS)
    bench = Workbench(trial, toys.stripes())
    recipe = bench.start(trial)
    whole = FullBatch(bench.program, bench.training.feeds[0], 16)
    losses = {whole.gradient(recipe.numbers)[0]["loss"] for _ in range(3)}
    assert len(losses) == 3  # chance, where nothing holds it
    logs = whole.train(np.ones(1), recipe.numbers)
    frozen = full_batch._Frozen(whole, recipe.numbers)
    point = np.concatenate([variable.numpy().ravel() for variable in bench.program.learner.trainable])
    assert frozen(point)[0] == frozen(point)[0]
    assert logs["finite"]
    assert full_batch._Frozen(whole, recipe.numbers)(point)[0] != frozen(point)[0]  # another epoch


# As any run


@pytest.mark.parametrize("name", ["lbfgs", "batch_gd"])
def test_a_run_goes_on_after_a_stop_as_if_there_had_been_none(name, lbfgs, descent, tmp_path):
    bench, optimizer = {
        "lbfgs": (lbfgs, LBFGS),
        "batch_gd": (descent, {"name": "batch_gd", "learning_rate": 0.5}),
    }[name]
    changes = {**PLAIN, "schedule": {"name": "warmup", "epochs": 1, "then": "cosine"}, "optimizer": optimizer}
    trial = toys.settings(**changes)
    whole = toys.train(bench, trial)
    weights = toys.weights(bench)
    _stop_after(bench, trial, 2, tmp_path / "checkpoint.npz")
    resumed = toys.train(bench, trial, Progress.load(tmp_path / "checkpoint.npz", trial["id"]))
    assert toys.without_seconds(resumed.history) == toys.without_seconds(whole.history)
    toys.assert_same_bits(toys.weights(bench), weights)


def _stop_after(bench, trial, epochs, path):
    """Train for so many epochs and leave a checkpoint."""

    def keep(progress):
        if progress.epoch == epochs:
            progress.state = bench.program.learner.read_state()
            progress.save(path)
            bench.program.learner.model.stop_training = True

    toys.train(bench, trial, after_epoch=keep)


@pytest.mark.parametrize("schedule", [entry.name for entry in SCHEDULES])
def test_a_resumed_run_has_the_rates_it_would_have_had(schedule, descent, tmp_path):
    spec = {"name": schedule, **SCHEDULES[schedule].facts["smoke"]}
    optimizer = {"name": "batch_gd", "learning_rate": 0.1}
    trial = toys.settings(**{**PLAIN, "schedule": spec, "optimizer": optimizer})
    whole = [row["learning_rate"] for row in toys.train(descent, trial).history]
    _stop_after(descent, trial, 2, tmp_path / "checkpoint.npz")
    progress = toys.train(descent, trial, Progress.load(tmp_path / "checkpoint.npz", trial["id"]))
    assert [row["learning_rate"] for row in progress.history] == whole
    scores = [row["validation_loss"] for row in progress.history]
    if descent.task.maximize:
        scores = [-row[f"validation_{descent.task.monitor}"] for row in progress.history]
    factor = SCHEDULES.build(spec, Horizon(1, 4, 16))
    np.testing.assert_allclose(whole, 0.1 * factor(np.arange(4), scores), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "moved"), [("momentum", "momentum"), ("nesterov", "momentum"), ("adam", "beta_1"), ("adamw", "beta_1")]
)
def test_one_cycle_moves_the_momentum_of_the_run(name, moved):
    """What the compiled program is given: the rates and the momenta of every step; no other number moves."""
    trial = toys.settings(
        **{**PLAIN, "schedule": {"name": "one_cycle"}, "optimizer": {"name": name, "learning_rate": 0.05}}
    )
    bench = Workbench(trial, toys.stripes())
    seen = []
    train = bench.program.train

    def watched(data, order, count, rates, numbers, **how):
        if count:  # 0 asks to compile
            others = [set(values[:count]) for key, values in numbers.items() if key != f"optimizer.{moved}"]
            assert all(len(values) == 1 for values in others)
            seen.append((rates[:count], numbers[f"optimizer.{moved}"][:count]))
        return train(data, order, count, rates, numbers, **how)

    bench.program.train = watched
    toys.train(bench, trial)
    rates, momenta = (np.concatenate(values) for values in zip(*seen, strict=True))
    cycle = SCHEDULES.build("one_cycle", Horizon(4, 4))
    np.testing.assert_allclose(rates, 0.05 * cycle(np.arange(16)), rtol=1e-6)
    np.testing.assert_allclose(momenta, 0.9 * cycle.momentum(np.arange(16.0)), rtol=1e-6)
    assert momenta.min() < 0.85 < 0.89 < momenta.max()


@pytest.mark.parametrize("optimizer", [LBFGS, {"name": "batch_gd"}], ids=lambda spec: spec["name"])
def test_its_run_folder_is_that_of_any_run(optimizer, tmp_path):
    trial = toys.settings(**{**PLAIN, "optimizer": optimizer, "epochs": 2})
    pace = Pace(checkpoint_seconds=100.0, show=lambda *_: None)
    run_benchmark([trial], toys.stripes(), tmp_path, pace)
    metrics = run_folder.read_json(tmp_path / "seed-0" / "metrics.json")
    timings = run_folder.read_json(tmp_path / "seed-0" / "timings.json")
    assert metrics["state"] == "finished"
    assert metrics["epochs_run"] == 2
    steps = 2 * optimizer.get("iterations_per_epoch", 1)
    assert timings["examples_per_second"] == pytest.approx(steps * 70 / timings["step_seconds"])
    assert (tmp_path / "seed-0" / "model.keras").exists()


def test_a_loss_that_is_not_finite_ends_the_run(descent):
    trial = toys.settings(**PLAIN, optimizer={"name": "batch_gd", "learning_rate": 1e38})
    with pytest.raises(Diverged):
        toys.train(descent, trial)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"augmentation": [{"name": "shift", "pixels": 1}]}, "choose augmentation"),
        ({"clip": {"norm": 1.0}}, "choose clip none"),
        ({"precision": "mixed_float16"}, "Choose precision float32"),
    ],
)
def test_what_lbfgs_cannot_work_with_is_refused(changes, says):
    with pytest.raises(NotFullBatch, match=says):
        Workbench(toys.settings(**{**PLAIN, "optimizer": LBFGS, **changes}), toys.stripes())


def test_batch_gd_takes_clipping_and_augmentation(descent):
    settings = toys.settings(**{**PLAIN, "augmentation": [{"name": "shift", "pixels": 1}]}, optimizer="batch_gd")
    full_batch.check({**settings, "clip": {"norm": 1.0}})
    with pytest.raises(NotFullBatch, match="mixed_float16"):
        full_batch.check({**settings, "precision": "mixed_float16"})


def test_chunks_do_not_go_with_batch_normalization():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    x, y, learner = _logistic()
    program = Program(replace(learner, parts={"network": model}), xla=False)
    feed = Feed(program, {"x": x, "y": y}, 10**6)
    with pytest.raises(NotFullBatch, match="Choose batch_size 60, or another normalization"):
        FullBatch(program, feed, 16)
    FullBatch(program, feed, 60)


def test_chunks_do_not_go_with_labels_that_are_missing(monkeypatch):
    x, y, learner = _logistic()
    program = Program(learner, xla=False)
    feed = Feed(program, {"x": x, "y": y}, 10**6)
    monkeypatch.setattr(learner.task, "coupled", lambda targets: bool((targets["y"] == 1).any()))
    with pytest.raises(NotFullBatch, match=r"count by what the others are makes .* Choose batch_size 60\."):
        FullBatch(program, feed, 16)
    FullBatch(program, feed, 60)
    FullBatch(program, Feed(program, {"x": x, "y": 0 * y}, 10**6), 16)
