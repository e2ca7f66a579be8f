"""Schedules that do more than a formula: the plateau's memory, the cycle's momentum, the worked examples."""

import numpy as np
import pytest

from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon


def _by_epoch(spec, scores, epochs):
    """The factor in the first step of each epoch, each asked for with the scores before it."""
    factor = SCHEDULES.build(spec, Horizon(4, epochs))
    return [float(factor(np.array([4 * epoch]), scores[:epoch])[0]) for epoch in range(epochs)]


def test_a_rate_of_a_fifth_under_inverse_time_is_that_of_the_textbook():
    factor = SCHEDULES.build({"name": "inverse_time", "decay": 1.0}, Horizon(3, 4))
    rates = 0.2 * factor(np.arange(12))
    np.testing.assert_allclose(rates[::3], [0.1, 0.0667, 0.05, 0.04], atol=1e-4)
    np.testing.assert_array_equal(rates[::3], rates[2::3])


def test_a_plateau_drops_the_rate_once_the_patience_is_spent_and_waits_again():
    spec = {"name": "reduce_on_plateau", "patience": 2, "drop": 0.5}
    # Better; then two epochs no better: the sixth epoch has half. Two more: the eighth has a quarter.
    scores = [3.0, 2.0, 1.0, 1.0, 1.5, 1.2, 1.1, 0.5]
    assert _by_epoch(spec, scores, 9) == [1, 1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_a_plateau_counts_only_gains_above_the_least_and_stops_at_the_floor():
    spec = {"name": "reduce_on_plateau", "patience": 1, "drop": 0.1, "least_gain": 0.1, "floor": 0.05}
    assert _by_epoch(spec, [1.0, 0.95, 0.94, 0.93, 0.5], 6) == pytest.approx([1, 1, 0.1, 0.05, 0.05, 0.05])


def test_a_plateau_agrees_with_keras():
    import keras

    scores = list(np.random.default_rng(0).random(30))
    spec = {"name": "reduce_on_plateau", "patience": 3, "drop": 0.7, "least_gain": 0.01}
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.optimizer = keras.optimizers.SGD(1.0)
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.7, patience=3, min_delta=0.01, min_lr=0.0)
    callback.set_model(model)
    callback.on_train_begin()
    theirs = []
    for epoch, score in enumerate(scores):
        theirs.append(float(model.optimizer.learning_rate))
        callback.on_epoch_end(epoch, {"val_loss": score})
    np.testing.assert_allclose(_by_epoch(spec, scores, 30), theirs, rtol=1e-5)


def test_behind_a_warmup_the_plateau_counts_from_its_end():
    spec = {"name": "warmup", "epochs": 2, "then": {"name": "reduce_on_plateau", "patience": 1, "drop": 0.5}}
    # The first two scores, which do not fall, belong to the warm-up.
    assert _by_epoch(spec, [1.0, 1.0, 1.0, 1.0, 1.0], 5) == [0.125, 0.625, 1.0, 1.0, 0.5]


def _by_step(spec, scores, epochs):
    """The factor in each of the four steps of each epoch, asked for with the scores before the epoch: (epoch, step)."""
    factor = SCHEDULES.build(spec, Horizon(4, epochs))
    return np.array([factor(np.arange(4 * epoch, 4 * epoch + 4), scores[:epoch]) for epoch in range(epochs)])


def test_behind_a_warmup_of_part_of_an_epoch_the_plateau_counts_from_the_first_whole_epoch():
    """An epoch that is partly warm-up does not tell: its score is neither the best to beat nor one to wait through."""
    plateau = {"name": "reduce_on_plateau", "patience": 1, "drop": 0.5}
    scores = [1.0, 1.0, 1.0, 1.0, 0.5]
    half = _by_step({"name": "warmup", "epochs": 0.5, "then": plateau}, scores, 6)
    assert half[0].tolist() == [0.5, 1.0, 1.0, 1.0]
    assert half[1:].tolist() == [[1.0] * 4, [1.0] * 4, [0.5] * 4, [0.25] * 4, [0.25] * 4]
    # The epoch of the warm-up is the best by far: were it counted, no later one would be a gain.
    late = _by_step({"name": "warmup", "epochs": 1.25, "then": plateau}, [0.1, 0.1, 1.0, 0.9, 0.8], 6)
    assert late[1:].tolist() == [[1.0] * 4] * 5


def test_the_momentum_of_one_cycle_goes_against_its_rate():
    factor = SCHEDULES.build({"name": "one_cycle", "momentum_floor": 0.85 / 0.95}, Horizon(10, 2))
    momenta = 0.95 * factor.momentum(np.arange(20.0))
    assert momenta[[0, 9, 18, 19]] == pytest.approx([0.95, 0.85, 0.95, 0.95])
    rates = factor(np.arange(20))
    assert (np.diff(rates[:10]) > 0).all()
    assert (np.diff(momenta[:10]) < 0).all()
    assert (np.diff(rates[9:19]) < 0).all()
    assert (np.diff(momenta[9:19]) > 0).all()


def test_every_other_schedule_leaves_the_momentum_alone():
    for entry in SCHEDULES:
        if entry.name != "one_cycle":
            built = entry(Horizon(7, 3, 32), **entry.facts["smoke"])
            np.testing.assert_array_equal(built.momentum(np.arange(21.0)), 1.0)


def test_one_cycle_behind_a_warmup_keeps_its_momentum():
    spec = {"name": "warmup", "epochs": 1, "then": "one_cycle"}
    momenta = SCHEDULES.build(spec, Horizon(10, 3)).momentum(np.arange(30.0))
    np.testing.assert_array_equal(momenta[:11], 1.0)
    assert momenta[19] == pytest.approx(0.9)
