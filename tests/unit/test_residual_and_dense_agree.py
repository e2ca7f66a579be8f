"""ResNet, pre-activated ResNet and DenseNet give PyTorch's logits for the same weights, also at odd sides.

With tanh, and wherever a normalization turns the sign, a border that takes part in the stem's maximum would be seen.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from formula_weights import as_built, formula_images, formula_weights
from references import reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "logits.csv").open()))
EPSILON = 1e-5
"""Of batch normalization where no option says otherwise."""
KINDS = {"resnet18": "basic", "preact_resnet50": "preact_bottleneck", "densenet121": "dense"}
BLOCKS = {"resnet18": (2, 2, 2, 2), "preact_resnet50": (3, 4, 6, 3), "densenet121": (6, 12, 24, 16)}
golden = pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['name']}-{row['activation']}-{row['input']}")


def _built(name, options, shape, outputs, activation):
    model = build_network({"name": name, **options}, shape, outputs, {"activation": activation})
    formula_weights(model)
    return model


def _logits(model, x) -> np.ndarray:
    return ops.convert_to_numpy(model(x, training=False))


def _references(name, blocks, activation, model, *images) -> list[np.ndarray]:
    values = [value for layer in as_built(model) for value in layer.get_weights()]
    weights = {f"w{number}": value for number, value in enumerate(values)}
    given = {f"x{number}": image for number, image in enumerate(images)}
    made = reference(
        "residual_and_dense", KINDS[name], activation, blocks=np.array(blocks), epsilon=EPSILON, **given, **weights
    )
    return [made[f"y{number}"] for number in range(len(images))]


def _of(row):
    options, shape = json.loads(row["options"]), tuple(int(side) for side in row["input"].split("x"))
    model = _built(row["name"], options, shape, int(row["outputs"]), row["activation"])
    return model, options["blocks"], formula_images((1, *shape)), np.array(json.loads(row["logits"]))


@golden
def test_the_logits_are_the_golden_ones(row):
    model, _, x, expected = _of(row)
    np.testing.assert_allclose(_logits(model, x)[0], expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("name", KINDS)
def test_the_golden_logits_are_pytorchs(name, activation):
    rows = [_of(row) for row in GOLDEN if (row["name"], row["activation"]) == (name, activation)]
    assert len(rows) == 3
    model, blocks, _, _ = rows[0]
    made = _references(name, blocks, activation, model, *(x for _, _, x, _ in rows))
    for (_, _, _, expected), logits in zip(rows, made, strict=True):
        np.testing.assert_allclose(logits[0], expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("name", KINDS)
def test_the_whole_net_gives_pytorchs_logits(name, activation):
    images = [formula_images((2, *shape)) for shape in [(64, 64, 3), (65, 66, 3), (67, 71, 3)]]
    models = [_built(name, {}, image.shape[1:], 100, activation) for image in images]
    expected = _references(name, BLOCKS[name], activation, models[0], *images)
    for model, image, logits in zip(models, images, expected, strict=True):
        assert logits.std() > 0.1 * np.abs(logits).max()  # logits that are all alike would agree with anything
        np.testing.assert_allclose(_logits(model, image), logits, atol=1e-4 * logits.std())
