"""The pyramid, the proposals, and the heads of boxes and masks give torchvision's numbers for the same weights."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.network import build_network
from formula_weights import formula
from references import reference

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "two_stage_heads.csv").open()))
KINDS = 3
SPEC = {"name": "mask_rcnn", "block": "basic", "blocks": (1, 1, 1), "width": 4, "channels": 6, "hidden": 10, "pool": 3,
        "mask_pool": 4, "mask_depth": 4}  # fmt: skip
SHAPE = (52, 76, 3)
"""Whose maps have odd sides: 13 by 19 cells, 7 by 10, 4 by 5, and 2 by 3."""


def _in_order(part, kind):
    """The layers of a kind in the order in which they were made."""
    found = [layer for layer in part.layers if type(layer) is kind]
    return sorted(found, key=lambda layer: int(layer.name.rpartition("_")[2]) if layer.name[-1].isdigit() else 0)


def _named(parts):
    """Every layer that torchvision has too, by its name in the script."""
    *_, a, b, c, d, e, f = _in_order(parts["features"], layers.Conv2D)
    named = {"lateral0": a, "lateral1": b, "lateral2": c, "output0": d, "output1": e, "output2": f}
    named |= dict(zip(("rpn_conv", "rpn_scores", "rpn_shifts"), _in_order(parts["rpn"], layers.Conv2D), strict=True))
    named |= dict(zip(("dense0", "dense1", "classes", "boxes"), _in_order(parts["head"], layers.Dense), strict=True))
    *deep, logits = _in_order(parts["mask"], layers.Conv2D)
    named |= {f"mask{place}": layer for place, layer in enumerate(deep)}
    (up,) = _in_order(parts["mask"], layers.Conv2DTranspose)
    return named | {"mask_up": up, "mask_logits": logits}


@pytest.fixture(scope="module")
def both():
    """What the parts say, and what torchvision needs to say the same."""
    keras.utils.set_random_seed(4)
    parts = build_network(SPEC, SHAPE, KINDS).parts
    given = {}
    for number, (name, layer) in enumerate(_named(parts).items()):
        kernel, bias = (formula(weight.shape, number).astype("float32") for weight in layer.get_weights())
        kernel = (2 * kernel - 1) * np.sqrt(3 / np.prod(kernel.shape[:-1]), dtype="float32")
        layer.set_weights([kernel, 0.4 * bias - 0.2])
        given |= {name: layer.get_weights()[0], f"{name}_bias": layer.get_weights()[1]}
    features = parts["features"]
    laterals = [given_to.input for name, given_to in _named(parts).items() if name.startswith("lateral")]
    # The trunk is held against PyTorch elsewhere: here the pyramid is given maps by formula.
    pyramid = keras.Model(laterals, features.output)
    maps = [2 * formula((2, *one.shape[1:]), 50 + n).astype("float32") - 1 for n, one in enumerate(laterals)]
    given |= {f"map{place}": one for place, one in enumerate(maps)}
    given["region"] = 2 * formula((5, 3, 3, 6), 60).astype("float32") - 1
    given["mask_region"] = 2 * formula((5, 4, 4, 6), 61).astype("float32") - 1
    made = pyramid(maps)
    scored, judged = parts["rpn"](made), parts["head"](given["region"])
    found = {f"pyramid{place}": one for place, one in enumerate(made)}
    found |= {"objectness": scored["objectness"], "shifts": scored["deltas"]}
    found |= {"classes": judged["classes"], "boxes": judged["deltas"], "masks": parts["mask"](given["mask_region"])}
    return {name: ops.convert_to_numpy(one) for name, one in found.items()}, given


NAMES = ["pyramid0", "pyramid1", "pyramid2", "pyramid3", "objectness", "shifts", "classes", "boxes", "masks"]


def test_every_number_is_torchvisions(both):
    found, given = both
    made = reference("two_stage_heads", **given)
    assert set(found) == set(made) == set(NAMES)
    for name in NAMES:
        assert found[name].shape == made[name].shape, name
        assert made[name].std() > 0.05, name
        np.testing.assert_allclose(found[name], made[name], atol=1e-4 * np.abs(made[name]).max(), err_msg=name)
        (row,) = [row for row in GOLDEN if row["name"] == name]
        np.testing.assert_allclose(_few(made[name]), json.loads(row["values"]), rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_a_few_numbers_are_the_golden_ones(both, name):
    (row,) = [row for row in GOLDEN if row["name"] == name]
    found = both[0][name]
    assert list(found.shape) == json.loads(row["shape"])
    np.testing.assert_allclose(_few(found), json.loads(row["values"]), atol=1e-4 * np.abs(found).max())


def _few(array):
    """Four numbers, far apart."""
    return array.ravel()[[0, array.size // 3, 2 * array.size // 3, array.size - 1]]
