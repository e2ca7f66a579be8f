"""The moving average of the weights: its numbers by hand and by Keras, and that it is what is scored and saved."""

import keras
import numpy as np
import pytest
import toys
from keras import ops
from test_resolve import VALUES

from archbench import resolve
from archbench.config import ConfigError, check_config
from archbench.records.run_folder import read_history
from archbench.results.recipes import describe_recipe, differing
from archbench.training.program import Average
from archbench.training.run import Pace, Workbench, run_benchmark

DECAY = 0.75
AVERAGED = {"average": {"decay": DECAY}}
PLAIN = {"architecture": {"name": "mlp", "units": [8]}, "parts": {}, "augmentation": [], "steps_per_call": 1}


class Steps(keras.callbacks.Callback):
    """The weights after every step, and the averages after the last."""

    def __init__(self, bench):
        super().__init__()
        self.learner, self.weights, self.last = bench.program.learner, [], []

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(values(self.learner.trainable))
        self.last = values(self.learner.average.variables if self.learner.average else ())


def values(variables):
    return [np.array(ops.convert_to_numpy(one)) for one in variables]


def by_hand(steps, decay=DECAY):
    """a_1 = w_1, a_t = decay a_(t-1) + (1 - decay) w_t: one weight tensor after another, in float64."""
    found = []
    for tensor in zip(*steps, strict=True):
        average = tensor[0].astype("float64")
        for weight in tensor[1:]:
            average = decay * average + (1 - decay) * weight.astype("float64")
        found.append(average)
    return found


def trained(folder, **changes):
    trial = toys.settings(**{**PLAIN, "epochs": 1, **changes})
    bench = Workbench(trial, toys.stripes())
    steps = Steps(bench)
    run_benchmark([trial], toys.stripes(), folder, Pace(1e9, lambda *_: None), bench=lambda: bench, callbacks=[steps])
    return bench, steps


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_the_average_is_that_of_the_weights_after_each_step_and_is_what_is_saved(tmp_path, precision):
    bench, steps = trained(tmp_path, **AVERAGED, precision=precision)
    assert len(steps.weights) == 4  # 70 examples in batches of 16
    expected = by_hand(steps.weights)
    for average, hand in zip(steps.last, expected, strict=True):
        np.testing.assert_allclose(average, hand, rtol=1e-5, atol=1e-7)
    saved = keras.models.load_model(tmp_path / "seed-0" / "model.keras")
    for weight, hand, last in zip(saved.trainable_variables, expected, steps.weights[-1], strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(weight), hand, rtol=1e-5, atol=1e-7)
        assert not np.allclose(ops.convert_to_numpy(weight), last, rtol=1e-5, atol=1e-7)
    (row,) = read_history(tmp_path / "seed-0" / "history.csv")
    again, _ = bench.validation.scores(16)  # of the weights that were saved, which the program has now
    assert row["validation_loss"] == pytest.approx(again["loss"], rel=1e-6)


def test_it_changes_nothing_of_how_the_weights_train(tmp_path):
    _, averaged = trained(tmp_path / "a", **AVERAGED, epochs=2)
    _, plain = trained(tmp_path / "b", epochs=2)
    assert len(plain.weights) == 8
    for one, other in zip(averaged.weights, plain.weights, strict=True):
        toys.assert_same_bits(one, other)
    rows = [read_history(tmp_path / name / "seed-0" / "history.csv") for name in ("a", "b")]
    assert [row["train_loss"] for row in rows[0]] == [row["train_loss"] for row in rows[1]]
    assert rows[0][1]["validation_loss"] != rows[1][1]["validation_loss"]


def test_it_is_that_of_an_optimizer_of_keras():
    """`use_ema` of Keras on the same gradients."""
    random = np.random.default_rng(0)
    weight = keras.Variable(random.normal(size=(3, 2)).astype("float32"))
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=DECAY)
    optimizer.build([weight])
    average = Average(DECAY, [keras.Variable(np.zeros((3, 2), "float32"))])
    for _ in range(5):
        optimizer.apply([ops.convert_to_tensor(random.normal(size=(3, 2)).astype("float32"))], [weight])
        average.update([weight], ops.equal(optimizer.iterations, 1), True)
    (theirs,) = optimizer._model_variables_moving_average
    np.testing.assert_allclose(*(ops.convert_to_numpy(one) for one in (average.variables[0], theirs)), rtol=1e-6)


def test_a_step_that_was_skipped_leaves_it_as_it_was():
    weight, kept = keras.Variable(np.float32([2.0])), keras.Variable(np.float32([1.0]))
    average = Average(DECAY, [kept])
    average.update([weight], False, False)
    assert values([kept]) == [[1.0]]
    average.update([weight], False, True)
    assert values([kept]) == [[1.25]]  # 0.75 * 1 + 0.25 * 2


def test_batch_gradient_descent_averages_its_steps_too(tmp_path):
    _, steps = trained(tmp_path, **AVERAGED, optimizer={"name": "batch_gd", "learning_rate": 0.1}, epochs=3)
    for average, hand in zip(steps.last, by_hand(steps.weights), strict=True):
        np.testing.assert_allclose(average, hand, rtol=1e-5, atol=1e-7)


def _plans(**training):
    values = {**VALUES, "training": training}
    return resolve.resolve_all(check_config(values))


def test_only_who_asks_for_it_has_it_in_the_settings():
    assert all("average" not in plan.settings for plan in _plans().values())
    assert all(plan.settings["average"] == {"decay": 0.9} for plan in _plans(average={"decay": 0.9}).values())
    with pytest.raises(ConfigError, match="lbfgs leaves its weights at the lowest point that it found"):
        _plans(average={"decay": 0.9}, optimizer="lbfgs")
    for decay in (0.0, 1.0, "0.9"):
        with pytest.raises(ConfigError, match="decay"):
            _plans(average={"decay": decay})


def test_a_report_tells_recipes_apart_by_it():
    plain, averaged = ({**toys.settings(**changes), "task": {"name": "classification"}} for changes in ({}, AVERAGED))
    assert differing([plain, averaged]) == ["average"]
    assert "weights averaged by 0.75" in describe_recipe(averaged)
    assert "averaged" not in describe_recipe(plain)
