"""The neural language model of 2003: its equation by NumPy in float64, word by word."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.architectures.parted import parts_of
from random_weights import random_weights

WORDS, CODES, UNITS = 9, 3, 4
TOLD = np.random.default_rng(0).integers(0, WORDS, (2, 6)).astype("int32")


def network(**options):
    reads = {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}
    spec = {"name": "neural_lm", "order": 4, "embedding": CODES, "units": UNITS, **options}
    made = build_network(spec, reads, WORDS)
    made.set_weights(random_weights(made))
    return parts_of(made)["network"]


def by_hand(model, told, past, order, direct=True):
    """y = b + W x + U tanh(d + H x), x the codes of the last words, the farthest first."""
    table, h, d, u, b, *w = (weight.astype(float) for weight in model.get_weights())
    found = np.zeros((*told.shape, WORDS))
    for row, line in enumerate(told):
        words = [*past[row], *line]
        for place in range(len(line)):
            x = np.concatenate([table[word] for word in words[place : place + order - 1]])
            found[row, place] = b + np.tanh(d + x @ h) @ u + (x @ w[0] if direct else 0)
    return found


@pytest.mark.parametrize("direct", [True, False])
def test_logits_are_those_of_equation_1(direct):
    model, past = network(direct=direct), np.array([[0, 0], [5, 8]])
    answers = model([TOLD, past.astype("float32")])
    expected = by_hand(model, TOLD, past, 4, direct)
    np.testing.assert_allclose(ops.convert_to_numpy(answers["logits"]), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(answers["past"]), TOLD[:, -2:])


def test_word_by_word_it_says_the_same_as_of_a_whole_row():
    model = network()
    past = np.zeros((2, 2), "float32")
    whole = ops.convert_to_numpy(model([TOLD, past])["logits"])
    for place in range(TOLD.shape[1]):
        answers = model([TOLD[:, place : place + 1], past])
        past = ops.convert_to_numpy(answers["past"])
        np.testing.assert_allclose(ops.convert_to_numpy(answers["logits"])[:, 0], whole[:, place], rtol=1e-4, atol=1e-5)


def test_with_one_word_before_nothing_is_carried():
    model = network(order=2)
    assert len(model.inputs) == 1
    answers = model(TOLD)
    assert set(answers) == {"logits"}
    expected = by_hand(model, TOLD, np.zeros((2, 0), int), 2)
    np.testing.assert_allclose(ops.convert_to_numpy(answers["logits"]), expected, rtol=1e-5, atol=1e-5)
