"""DeBERTa's encoder is that of the package transformers with the same weights."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from archbench.architectures.language.deberta import deberta
from backend import compiled
from references import reference
from translators import created, fill

WORDS, SIZES = 11, {"width": 12, "hidden": 10, "heads": 3, "depth": 2, "reach": 3}
TOKENS = np.array([[1, 5, 6, 2, 7, 10, 2], [1, 9, 2, 4, 2, 0, 0]], "int32")
"""Seven places: some are farther than three from each other."""
KINDS = layers.ReversibleEmbedding, layers.Embedding, layers.Dense, layers.LayerNormalization
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "hidden_states.csv").open()))
OF_LAYER = ("query", "key", "value", "distance_key", "distance_query", "out", "inner", "outer")


@pytest.fixture(scope="module")
def net():
    """The parts, for texts of any length, with weights from a formula."""
    parts = deberta(keras.Input((None,), dtype="int32", name="tokens"), WORDS, **SIZES)
    fill([layer for kind in KINDS for layer in created(parts, kind)])
    return parts


def matrices(net):
    """Every weight of the encoder by the name that the reference has for it: layers are made in this order."""
    (table,), (distance,), dense, norms = (created(net, kind) for kind in KINDS)
    made = {"word": table.get_weights()[0], "distance": distance.get_weights()[0]}
    dense, norms, each = iter(dense), iter(norms), range(SIZES["depth"])
    for name in [f"{number}.{name}" for number in each for name in OF_LAYER]:
        kernel, *bias = next(dense).get_weights()
        made |= {f"{name}.weight": kernel.T, **({f"{name}.bias": bias[0]} if bias else {})}
    for name in ["norm", *(f"{number}.norm{n}" for number in each for n in (1, 2))]:
        made[f"{name}.weight"], made[f"{name}.bias"] = next(norms).get_weights()
    return {name: np.ascontiguousarray(value) for name, value in made.items()}


def states(net, tokens=TOKENS):
    return compiled(lambda tokens: net["encoder"](tokens)["states"], tokens)


def test_states_are_the_golden_ones(net):
    found = states(net)
    for row in GOLDEN:
        if row["architecture"] == "deberta":
            value = found[tuple(json.loads(row["place"]))]
            assert value == pytest.approx(np.array(json.loads(row["values"])), abs=1e-4)


def test_states_are_those_of_transformers(net):
    made = reference("deberta", str(SIZES["heads"]), tokens=TOKENS, **matrices(net))["states"]
    np.testing.assert_allclose(states(net)[TOKENS != 0], made[TOKENS != 0], atol=1e-4)


def test_padding_changes_nothing(net):
    np.testing.assert_allclose(states(net)[1:, :5], states(net, TOKENS[1:, :5]), atol=1e-5)


def test_the_order_of_the_others_matters(net):
    """Without distances the first token would have one state, whichever of the two others comes first."""
    one, other = states(net, np.array([[5, 6, 10], [5, 10, 6]], "int32"))[:, 0]
    assert np.abs(one - other).max() > 1e-3
