"""Every schedule: finite factors that are never negative, and the values of its source."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from archbench.catalogue import WrongOption
from archbench.schedules import SCHEDULES
from archbench.schedules.horizon import Horizon, WrongSchedule

ENTRIES = {entry.name: entry for entry in SCHEDULES}
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "schedule_values.csv").open()))


@pytest.mark.parametrize("horizon", [Horizon(1, 2), Horizon(7, 3), Horizon(1000, 200)], ids=str)
@pytest.mark.parametrize("name", ENTRIES)
def test_factors_are_finite_and_never_negative(name, horizon):
    factors = ENTRIES[name](horizon, **ENTRIES[name].facts["smoke"])(np.arange(horizon.steps))
    assert factors.shape == (horizon.steps,)
    assert np.isfinite(factors).all()
    assert (factors >= 0).all()
    assert factors[0] == pytest.approx(1.0)
    assert factors.max() <= 1.0


@pytest.mark.parametrize("name", ENTRIES)
def test_an_epoch_at_a_time_gives_the_same_as_all_at_once(name):
    """What a resumed run does."""
    factor = ENTRIES[name](Horizon(7, 3), **ENTRIES[name].facts["smoke"])
    parts = [factor(np.arange(start, start + 7)) for start in (0, 7, 14)]
    np.testing.assert_array_equal(np.concatenate(parts), factor(np.arange(21)))


def test_every_schedule_has_three_golden_values_and_every_value_a_schedule():
    names = [row["name"] for row in GOLDEN]
    assert set(names) == set(ENTRIES)
    assert all(names.count(name) >= 3 for name in ENTRIES)


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['name']} {row['step']}")
def test_has_the_values_of_its_source(row):
    horizon = Horizon(int(row["steps_per_epoch"]), int(row["epochs"]))
    factor = SCHEDULES.build({"name": row["name"], **json.loads(row["options"])}, horizon)
    assert factor(np.array([int(row["step"])]))[0] == pytest.approx(float(row["factor"]), abs=1e-8)


@pytest.mark.parametrize("warmup", [0.1, 0.5, 1.3, 2.9])
def test_a_warmup_of_part_of_an_epoch_rises_to_1_and_not_above(warmup):
    factors = SCHEDULES.build({"name": "cosine", "warmup_epochs": warmup}, Horizon(3, 4))(np.arange(12))
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
    ],
)
def test_what_does_not_fit_the_run_is_refused(spec, says):
    with pytest.raises((WrongSchedule, WrongOption), match=says):
        SCHEDULES.build(spec, Horizon(10, 4))
