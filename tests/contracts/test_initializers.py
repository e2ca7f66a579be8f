"""Every initializer: the deviation and range of its formula, fresh draws, and the layout of fan-in."""

import csv
import math
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.initializers import INITIALIZERS

INPUTS = OUTPUTS = 512
ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "initializer_values.csv").open()))
FORMULAS = {row["name"]: (float(row["deviation"]), float(row["bound"] or "inf")) for row in ROWS}
"""Name -> (deviation, bound) on a 512 by 512 matrix, from the papers' formulas."""

each = pytest.mark.parametrize("entry", list(INITIALIZERS), ids=lambda entry: entry.name)
random = pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"zeros"}))


def _draw(spec, shape=(INPUTS, OUTPUTS)):
    return ops.convert_to_numpy(INITIALIZERS.build(spec)(shape))


def test_every_initializer_has_a_formula():
    assert {entry.name for entry in INITIALIZERS} == set(FORMULAS)


@each
def test_deviation_is_the_formulas_within_2_percent(entry):
    keras.utils.set_random_seed(0)
    weights, (deviation, bound) = _draw(entry.name), FORMULAS[entry.name]
    assert weights.std() == pytest.approx(deviation, rel=0.02)
    assert abs(weights.mean()) <= 0.02 * deviation
    assert np.abs(weights).max() <= bound * (1 + 1e-6)
    if math.isfinite(bound):
        assert np.abs(weights).max() >= 0.99 * bound


@random
def test_two_builds_draw_differently_and_the_seed_repeats_them(name):
    def draws():
        keras.utils.set_random_seed(7)
        return _draw(name, (4, 3)), _draw(name, (4, 3))

    first, second = draws()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(draws(), (first, second))


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("he_normal", math.sqrt(2 / 144)),
        ("lecun_normal", 1 / 12),
        ("xavier_uniform", math.sqrt(2 / (144 + 9 * 256))),
        ("lecun_1998", 2.4 / 144 / math.sqrt(3)),
    ],
)
def test_inputs_of_a_convolution_are_its_window_times_its_channels(name, deviation):
    keras.utils.set_random_seed(0)
    assert _draw(name, (3, 3, 16, 256)).std() == pytest.approx(deviation, rel=0.02)


def test_gaussians_are_not_truncated():
    keras.utils.set_random_seed(0)
    weights = _draw("he_normal")
    beyond = np.mean(np.abs(weights) > 2 * math.sqrt(2 / INPUTS))
    assert beyond == pytest.approx(0.0455, rel=0.05)  # the share of a Gaussian beyond two deviations


def test_orthogonal_is_orthogonal():
    weights = _draw({"name": "orthogonal", "gain": 2.0}, (64, 64))
    np.testing.assert_allclose(weights @ weights.T, 4 * np.eye(64), atol=1e-4)
