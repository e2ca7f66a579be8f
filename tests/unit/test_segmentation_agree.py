"""FCN, U-Net and FC-DenseNet give PyTorch's maps for the same weights, at sides that halvings leave a remainder of."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from formula_weights import as_built, formula_images, formula_weights
from references import reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "maps.csv").open()))
EPSILON = 1e-5
"""Of batch normalization where no option says otherwise."""
golden = pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['name']}-{row['input']}-{row['kind']}")


def _built(name, options, shape, outputs):
    model = build_network({"name": name, **options}, shape, outputs)
    formula_weights(model)
    return model


def _map(model, x) -> np.ndarray:
    return ops.convert_to_numpy(model(x, training=False))


def _reference(kind, blocks, skips, model, image) -> np.ndarray:
    values = [value for layer in as_built(model) for value in layer.get_weights()]
    weights = {f"w{number}": value for number, value in enumerate(values)}
    given = {"blocks": np.array(blocks), "skips": skips, "epsilon": EPSILON, "x0": image}
    return reference("fully_convolutional", kind, **given, **weights)["y0"]


def _blocks(name, options) -> list[int]:
    if name == "unet":
        return [2] * (options["depth"] + 1)
    return options["convs" if name.startswith("fcn") else "blocks"]


def _of(row):
    options, shape = json.loads(row["options"]), tuple(int(side) for side in row["input"].split("x"))
    model = _built(row["name"], options, shape, int(row["outputs"]))
    return model, options, formula_images((1, *shape))


def _shown(found: np.ndarray) -> np.ndarray:
    """The logits of the first pixel, one near the middle and the last."""
    _, height, width, _ = found.shape
    return np.stack([found[0, 0, 0], found[0, height // 2, width // 3], found[0, -1, -1]])


@golden
def test_the_maps_are_the_golden_ones(row):
    model, _, x = _of(row)
    expected = np.array(json.loads(row["logits"]))
    np.testing.assert_allclose(_shown(_map(model, x)), expected, atol=1e-4 * np.abs(expected).max())


@golden
def test_the_golden_maps_are_pytorchs(row):
    model, options, x = _of(row)
    expected = _reference(row["kind"], _blocks(row["name"], options), int(row["skips"]), model, x)
    logits = np.array(json.loads(row["logits"]))
    np.testing.assert_allclose(_shown(expected), logits, atol=1e-6 * np.abs(logits).max())
    assert expected.std() > 0.05 * np.abs(expected).max()  # maps that are all alike would agree with anything
    np.testing.assert_allclose(_map(model, x), expected, atol=1e-4 * expected.std())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "options", "shape"),
    [
        ("fcn8s", "fcn", {"convs": (2, 2, 3, 3, 3), "width": 8, "dense_width": 64}, (75, 90, 3)),
        ("unet", "unet", {"depth": 4, "width": 8}, (188, 204, 1)),
        ("fc_densenet56", "fc_densenet", {"blocks": (4, 4, 4, 4, 4, 4)}, (45, 60, 3)),
        ("fc_densenet103", "fc_densenet", {"blocks": (4, 5, 7, 10, 12, 15)}, (32, 47, 3)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_whole_net_gives_pytorchs_map(name, kind, options, shape):
    model, image = _built(name, options, shape, 11), formula_images((2, *shape))
    expected = _reference(kind, _blocks(name, options), 2, model, image)
    assert expected.std() > 0.05 * np.abs(expected).max()
    np.testing.assert_allclose(_map(model, image), expected, atol=1e-4 * expected.std())
