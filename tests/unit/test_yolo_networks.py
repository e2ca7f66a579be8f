"""YOLO v1, v2 and v3 say what PyTorch's nets, written from papers and darknet's files, say with the same weights."""

import csv
import json
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.detection.yolo_v3 import PAPER, darknet53
from archbench.architectures.network import build_network, outline
from formula_weights import as_built, formula_images, formula_weights
from references import reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "yolo_maps.csv").open()))
EPSILON = 1e-5
SMALL = {
    "yolo_v1": ({"width": 2, "dense_width": 12, "grid": 3}, (64, 96, 3)),
    "yolo_v2": ({"width": 2, "anchors": 2}, (64, 96, 3)),
    "yolo_v3": ({"width": 2, "anchors": 2, "blocks": [1, 2, 1, 1, 2]}, (64, 96, 3)),
}
"""The options and the input of a net of every layer, but narrow."""
OUTPUTS = 3


@cache
def _small(name: str):
    options, shape = SMALL[name]
    model = build_network({"name": name, **options}, shape, OUTPUTS)
    formula_weights(model)
    return model


def _said(name: str) -> dict[str, np.ndarray]:
    outputs = _small(name)(formula_images((1, *SMALL[name][1])), training=False)
    outputs = outputs if isinstance(outputs, dict) else {"y": outputs}
    return {key: ops.convert_to_numpy(value) for key, value in outputs.items()}


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['name']}-{row['map']}")
def test_the_numbers_of_the_first_and_the_last_cell_are_the_golden_ones(row):
    said = _said(row["name"])[row["map"]][0]
    assert list(said.shape[:2]) == json.loads(row["grid"])
    for place, key in ((0, "first"), (-1, "last")):
        expected = np.array(json.loads(row[key]))
        found = said[place, place].ravel()[: len(expected)]
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", SMALL)
def test_every_number_is_pytorchs(name):
    model, (options, shape) = _small(name), SMALL[name]
    values = [value for layer in as_built(model) for value in layer.get_weights()]
    given = {f"w{number}": value for number, value in enumerate(values)}
    more = {"grid": options.get("grid", 0), "blocks": np.array(options.get("blocks", []))}
    made = reference("darknet", name, x=formula_images((1, *shape)), epsilon=EPSILON, **more, **given)
    said = _said(name)
    assert set(made) == set(said)
    for key, expected in made.items():
        assert expected.std() > 0.05 * np.abs(expected).max()
        np.testing.assert_allclose(said[key].reshape(expected.shape), expected, atol=1e-4 * np.abs(expected).max())
    for row in GOLDEN:
        if row["name"] == name:
            for place, key in ((0, "first"), (-1, "last")):
                golden = np.array(json.loads(row[key]))
                found = made[row["map"]][0, place, place].ravel()[: len(golden)]
                np.testing.assert_allclose(found, golden, rtol=1e-5, atol=1e-5 * np.abs(golden).max())


def test_the_trunk_of_yolo_v3_is_darknet_53():
    """Redmon, Farhadi 2018, table 1: 52 convolutions and a dense layer; darknet53.cfg: 41,609,928 trainable weights."""
    image = keras.Input((256, 256, 3))
    maps = darknet53(image, 32, (1, 2, 8, 8, 4), PAPER)
    trunk = keras.Model(image, maps)
    assert [tuple(one.shape[1:]) for one in maps] == [
        *((128, 128, 64), (64, 64, 128), (32, 32, 256), (16, 16, 512), (8, 8, 1024))
    ]
    assert sum(isinstance(layer, keras.layers.Conv2D) for layer in trunk.layers) == 52
    assert sum(isinstance(layer, keras.layers.Add) for layer in trunk.layers) == 1 + 2 + 8 + 8 + 4
    weights = sum(int(np.prod(one.shape)) for one in trunk.trainable_weights)
    assert weights == 40_584_928
    assert weights + 1024 * 1000 + 1000 == 41_609_928


def test_the_three_maps_of_yolo_v3_lie_at_strides_8_16_and_32():
    outputs = outline("yolo_v3", (416, 320, 3), 80).output
    assert {name: tuple(one.shape[1:]) for name, one in outputs.items()} == {
        "small": (52, 40, 3, 85),
        "medium": (26, 20, 3, 85),
        "large": (13, 10, 3, 85),
    }


def test_yolo_v1_says_7_by_7_by_30_numbers():
    assert outline("yolo_v1", (448, 448, 3), 20).output.shape == (None, 7, 7, 30)
    assert outline({"name": "yolo_v1", "grid": 8, "stages": 3}, (64, 64, 3), 4).output.shape == (None, 8, 8, 14)
