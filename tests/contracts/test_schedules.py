"""Every schedule: finite factors that are never negative, and the values of its source."""

import csv
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from archbench.catalogue import WrongOption
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon, WrongSchedule
from completeness import check_rows

ENTRIES = {entry.name: entry for entry in SCHEDULES}
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "schedule_values.csv").open()))
BATCH = 32
MAY_EXCEED_1 = {"linear_scaling"}  # with a batch larger than its reference
SMALLER_FIRST = {"warmup", "one_cycle", "noam", "linear_scaling", "inverse_time"}


@pytest.mark.parametrize("horizon", [Horizon(1, 2, BATCH), Horizon(7, 3, BATCH), Horizon(1000, 200, BATCH)], ids=str)
@pytest.mark.parametrize("name", ENTRIES)
def test_factors_are_finite_and_never_negative(name, horizon):
    factors = ENTRIES[name](horizon, **ENTRIES[name].facts["smoke"])(np.arange(horizon.steps))
    assert factors.shape == (horizon.steps,)
    assert np.isfinite(factors).all()
    assert (factors >= 0).all()
    assert (factors > 0).sum() >= horizon.steps - 1
    if name not in SMALLER_FIRST:
        assert factors[0] == pytest.approx(1.0)
    if name not in MAY_EXCEED_1:
        assert factors.max() <= 1.0


@pytest.mark.parametrize("name", ENTRIES)
def test_an_epoch_at_a_time_gives_the_same_as_all_at_once(name):
    """What a resumed run does: a schedule built anew, and asked for the epochs left with the history so far."""
    build = lambda: ENTRIES[name](Horizon(7, 3, BATCH), **ENTRIES[name].facts["smoke"])  # noqa: E731
    scores = [1.0, 2.0, 3.0]
    parts = [build()(np.arange(7 * epoch, 7 * epoch + 7), scores[:epoch]) for epoch in range(3)]
    np.testing.assert_array_equal(np.concatenate(parts), build()(np.arange(21), scores))
    momenta = [build().momentum(np.arange(7.0 * epoch, 7 * epoch + 7)) for epoch in range(3)]
    np.testing.assert_array_equal(np.concatenate(momenta), build().momentum(np.arange(21.0)))


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("around", ["warmup", "linear_scaling"])
def test_stands_behind_a_warmup_and_in_a_scaling(around, name):
    """`then` sees its own run: what is left after a warm-up, all of it in a scaling."""
    smoke, outer = ENTRIES[name].facts["smoke"], ENTRIES[around].facts["smoke"]
    spec = {"name": around, **outer, "then": {"name": name, **smoke}}
    factors = SCHEDULES.build(spec, Horizon(7, 4, BATCH))(np.arange(28))
    late, share = (7, 1.0) if around == "warmup" else (0, BATCH / 256)
    alone = ENTRIES[name](Horizon(7, 4 - late / 7, BATCH), **smoke)(np.arange(28 - late))
    np.testing.assert_allclose(factors[late:], share * alone, rtol=1e-12)
    if late:
        np.testing.assert_allclose(factors[:late], alone[0] * np.arange(1, 8) / 7, rtol=1e-12)


def test_every_schedule_has_three_golden_values_and_every_value_a_schedule():
    names = [row["name"] for row in GOLDEN]
    check_rows(set(ENTRIES), set(names), "schedule_values.csv", "a schedule's factor at a step, at three steps or more")
    assert all(names.count(name) >= 3 for name in ENTRIES)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['name']} {row['step']}")
def test_has_the_values_of_its_source(row):
    horizon = Horizon(int(row["steps_per_epoch"]), int(row["epochs"]), BATCH)
    factor = SCHEDULES.build({"name": row["name"], **json.loads(row["options"])}, horizon)
    assert factor(np.array([int(row["step"])]))[0] == pytest.approx(float(row["factor"]), abs=1e-8)


@pytest.mark.parametrize("steps_per_epoch", [3, 6, 7, 100])
@pytest.mark.parametrize("warmup", ["0", "0.3", "0.55", "0.8", "1", "1.1"])
@pytest.mark.parametrize("every", ["0.1", "0.2", "0.55", "0.7", "0.8", "1", "1.1"])
def test_edges_at_parts_of_an_epoch_are_those_of_exact_fractions(every, warmup, steps_per_epoch):
    """Stairs, changes and restarts that are a whole number of steps away start with that step, and no other does."""
    epochs, begin = 4, Fraction(warmup) * steps_per_epoch
    length = Fraction(every) * steps_per_epoch
    changes = [float(n * Fraction(every)) for n in range(1, 20) if n * Fraction(every) < epochs - Fraction(warmup)]
    steps = np.arange(math.ceil(begin), epochs * steps_per_epoch)

    def factors(spec):
        around = {"name": "warmup", "epochs": float(warmup), "then": spec}
        return SCHEDULES.build(around if float(warmup) else spec, Horizon(steps_per_epoch, epochs))(steps)

    exactly = lambda length: np.array([float((step - begin) // length) for step in steps.tolist()])  # noqa: E731
    stairs, levels = exactly(length), [0.9**n for n in range(1, len(changes) + 1)]
    np.testing.assert_allclose(factors({"name": "staircase", "every_epochs": float(every), "drop": 0.9}), 0.9**stairs)
    changed = factors({"name": "piecewise", "epochs": changes, "factors": levels})
    np.testing.assert_allclose(changed, 0.9 ** np.minimum(stairs, len(changes)))
    np.testing.assert_allclose(factors({"name": "exponential", "decay": 0.9}), 0.9 ** exactly(steps_per_epoch))
    restarts = factors({"name": "cosine_restarts", "period_epochs": float(every), "growth": 1.0})
    progress = np.array([float((step - begin) % length / length) for step in steps.tolist()])
    np.testing.assert_allclose(restarts, (1 + np.cos(np.pi * progress)) / 2, atol=1e-9)


@pytest.mark.parametrize("warmup", [0.1, 0.5, 1.3, 2.9])
@pytest.mark.parametrize("spelling", ["option", "schedule"])
def test_a_warmup_of_part_of_an_epoch_rises_to_1_and_not_above(spelling, warmup):
    spec = {"name": "cosine", "warmup_epochs": warmup}
    if spelling == "schedule":
        spec = {"name": "warmup", "epochs": warmup, "then": "cosine"}
    factors = SCHEDULES.build(spec, Horizon(3, 4))(np.arange(12))
    risen = int(np.ceil(warmup * 3))  # the steps before the cosine begins
    assert (np.diff(factors[:risen]) > 0).all()
    assert (np.diff(factors[risen:]) < 0).all()
    assert factors.max() <= 1.0


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"name": "cosine", "warmup_epochs": 4}, "A warm-up of 4 epochs leaves nothing of a run of 4"),
        ({"name": "piecewise", "epochs": [2, 1], "factors": [0.1, 0.01]}, "rising `epochs`"),
        ({"name": "piecewise", "epochs": [1], "factors": []}, "as many `factors`"),
        ({"name": "piecewise", "epochs": [4], "factors": [0.1]}, "changes at epoch 4, but the run ends after 4"),
        ({"name": "piecewise", "epochs": [1], "factors": [-0.1]}, "factors cannot be"),
        ({"name": "cosine", "floor": -1}, "floor cannot be -1"),
        ({"name": "exponential", "decay": float("nan")}, "decay cannot be nan"),
        ({"name": "exponential", "per": "week"}, "per cannot be 'week'"),
        ({"name": "staircase"}, "needs the option every_epochs"),
        ({"name": "staircase", "every_epochs": 4}, "every_epochs: a stair of 4 epochs is never taken in a run of 4"),
        ({"name": "staircase", "every_epochs": 0}, "every_epochs cannot be 0"),
        ({"name": "inverse_sqrt_step", "k": 0}, "k cannot be 0"),
        ({"name": "cosine_restarts", "period_epochs": 4}, "period_epochs: a period of 4 epochs never restarts"),
        ({"name": "cosine_restarts", "period_epochs": 1, "growth": 0.5}, "growth cannot be 0.5"),
        ({"name": "noam", "warmup_epochs": 5}, "warmup_epochs: a warm-up of 5 epochs leaves nothing of a run of 4"),
        ({"name": "one_cycle", "rise": 0.6}, "rise cannot be 0.6"),
        ({"name": "one_cycle", "momentum_floor": 1.1}, "momentum_floor: 1.1 would raise"),
        ({"name": "reduce_on_plateau"}, "patience: 10 epochs of it outlast a run of 4"),
        ({"name": "warmup", "epochs": 4}, "epochs: a warm-up of 4 epochs leaves nothing of a run of 4"),
        ({"name": "warmup", "epochs": 1, "then": "cosin"}, "then: No schedule is called 'cosin'. Did you mean cosine"),
        ({"name": "warmup", "epochs": 1, "then": {"decay": 0.5}}, "then: This schedule has no name"),
        ({"name": "warmup", "epochs": 1, "then": 3}, "then cannot be 3"),
        (
            {"name": "warmup", "epochs": 1, "then": {"name": "piecewise", "epochs": [3], "factors": [0.1]}},
            "then: epochs: piecewise changes at epoch 3, but the run ends after 3",
        ),
        ({"name": "linear_scaling", "reference_batch": 0}, "reference_batch cannot be 0"),
        ({"name": "linear_scaling"}, "Give a batch_size"),
    ],
)
def test_what_does_not_fit_the_run_is_refused(spec, says):
    with pytest.raises((WrongSchedule, WrongOption), match=says):
        SCHEDULES.build(spec, Horizon(10, 4))
