"""Every initializer: the deviation and range of its formula, fresh draws, and the layout of fan-in."""

import csv
import json
import math
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.vision.lenet5_1998 import C3_TABLE, Linked
from archbench.initializers import INITIALIZERS
from archbench.layers.layouts import DEPTHWISE, TRANSPOSED, Layout
from archbench.parts import Parts

INPUTS = OUTPUTS = 512
ROWS = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "initializer_values.csv").open()))
LAYERS = [row for row in ROWS if row["layer"]]
FORMULAS = {row["name"]: (float(row["deviation"]), float(row["bound"] or "inf")) for row in ROWS if not row["layer"]}
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
    _check(_draw(entry.name), *FORMULAS[entry.name])


@pytest.mark.parametrize("row", LAYERS, ids=lambda row: f"{row['name']}-{json.loads(row['layer'])['kind']}")
def test_deviation_follows_what_the_layer_reads_within_2_percent(row):
    """The first kernel of a layer that parts make."""
    keras.utils.set_random_seed(0)
    layer = json.loads(row["layer"])
    made = Parts(initializer=row["name"]).layer(getattr(layers, layer["kind"]), **layer["options"])
    made.build((None, *layer["input"]))
    _check(ops.convert_to_numpy(made.weights[0]), float(row["deviation"]), float(row["bound"] or "inf"))


def _check(weights, deviation, bound):
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
    wide = _draw("orthogonal", (3, 7))
    np.testing.assert_allclose(wide @ wide.T, np.eye(3), atol=1e-5)


@pytest.mark.parametrize(
    ("layout", "shape", "matrices"),
    [
        (TRANSPOSED, (2, 3, 4, 5), lambda w: [w.transpose(0, 1, 3, 2).reshape(30, 4)]),
        (DEPTHWISE, (2, 3, 4, 5), lambda w: [w[:, :, channel].reshape(6, 5) for channel in range(4)]),
        (DEPTHWISE, (1, 2, 4, 5), lambda w: [w[:, :, channel].reshape(2, 5) for channel in range(4)]),
        (Layout(groups=2), (2, 3, 4, 10), lambda w: [w[..., :5].reshape(24, 5), w[..., 5:].reshape(24, 5)]),
    ],
)
def test_each_map_of_inputs_to_units_is_an_orthogonal_matrix_of_its_own(layout, shape, matrices):
    keras.utils.set_random_seed(0)
    for matrix in matrices(ops.convert_to_numpy(INITIALIZERS.build("orthogonal", layout)(shape))):
        gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)


def test_a_map_of_lenets_c3_starts_by_the_number_of_maps_that_it_reads():
    """25 weights a link: 3 links lead to a map, then 4, in the last 6; each map of S2 starts 10 (table I)."""
    keras.utils.set_random_seed(0)
    links = np.cumsum([0, *map(len, C3_TABLE)])

    def deviations(name):
        draw = INITIALIZERS.build(name, Linked(C3_TABLE))((300, 300, 60))
        return np.array([ops.convert_to_numpy(draw)[..., links[i] : links[i + 1]].std() for i in (0, 6, 15)])

    window, read = 300 * 300, np.array([3, 4, 6])
    np.testing.assert_allclose(deviations("he_normal"), np.sqrt(2 / (read * window)), rtol=0.02)
    np.testing.assert_allclose(deviations("lecun_1998"), 2.4 / np.sqrt(3) / (read * window), rtol=0.02)
    np.testing.assert_allclose(deviations("xavier_normal"), np.sqrt(2 / ((read + 10) * window)), rtol=0.02)


def test_the_links_of_a_map_of_lenets_c3_start_as_one_vector_of_length_1():
    weights = ops.convert_to_numpy(INITIALIZERS.build("orthogonal", Linked(C3_TABLE))((5, 5, 60)))
    lengths = [np.linalg.norm(part) for part in np.split(weights, np.cumsum([*map(len, C3_TABLE)])[:-1], axis=-1)]
    np.testing.assert_allclose(lengths, np.ones(16), rtol=1e-5)
