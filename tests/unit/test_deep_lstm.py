"""Translation by deep LSTMs, alone and with global attention, is that of the papers' equations."""

from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from archbench.architectures import ARCHITECTURES
from references import reference
from translators import created, fill, golden, padded, stepped

WORDS, SIZES = 9, {"units": 4, "embedding": 3, "depth": 2}
ROWS = golden("seq2seq") + golden("luong")
CASES = list({repr((row["architecture"], row["options"])): row for row in ROWS}.values())
cases = pytest.mark.parametrize(
    "case", CASES, ids=lambda row: "-".join([row["architecture"], *map(str, row["options"].values())])
)
KINDS = layers.Embedding, layers.LSTM, layers.LSTMCell, layers.Dense


@cache
def _net(architecture, options):
    """The parts, for sources of any length, with weights from a formula."""
    source = keras.Input((None,), dtype="int32", name="source")
    parts = ARCHITECTURES[architecture](source, WORDS, **SIZES, **dict(options))
    fill([layer for kind in KINDS for layer in created(parts, kind)])
    return parts


def net_of(case):
    return _net(case["architecture"], tuple(case["options"].items()))


def matrices(parts, score):
    """Every weight by the name that the reference has for it: layers are made in the order of the list."""
    tables, readers, speakers, dense = (created(parts, kind) for kind in KINDS)
    made = {name: table.get_weights()[0] for name, table in zip(("Ex", "Ey"), tables, strict=True)}
    for where, stack in (("encoder", readers), ("decoder", speakers)):
        for number, layer in enumerate(stack):
            w, u, b = layer.get_weights()
            made |= {f"{where}.{number}.W": w.T, f"{where}.{number}.U": u.T, f"{where}.{number}.b": b}
    names = {"none": [], "dot": ["Wc"], "general": ["Wa", "Wc"], "concat": ["Ws", "Wt", "va", "Wc"]}[score]
    *others, last = dense
    made |= {name: layer.get_weights()[0].T for name, layer in zip(names, others, strict=True)}
    made["Wo"], made["bo"] = last.get_weights()[0].T, last.get_weights()[1]
    if score == "concat":
        made["va"] = made["va"][0]
    return {name: np.ascontiguousarray(value) for name, value in made.items()}


def reference_of(case, pairs):
    """What the reference makes of pairs of sentences."""
    given = {f"x{number}": np.array(words) for number, (words, _) in enumerate(pairs)}
    given |= {f"y{number}": np.array(said) for number, (_, said) in enumerate(pairs)}
    score = case["options"].get("score", "general") if case["architecture"] == "luong" else "none"
    way = "backwards" if case["options"].get("backwards", True) else "forwards"
    return reference("deep_lstm", score, way, **given, **matrices(net_of(case), score))


def _given(case):
    rows = [row for row in ROWS if (row["architecture"], row["options"]) == (case["architecture"], case["options"])]
    pairs = [(row["source_tokens"], row["tokens_before"]) for row in rows]
    return rows, pairs, *(padded([pair[side] for pair in pairs]) for side in (0, 1))


@cases
def test_logits_are_the_golden_ones_though_sentences_are_padded(case):
    rows, pairs, source, before = _given(case)
    logits = stepped(net_of(case), source, before)["logits"]
    assert len({len(words) for words, _ in pairs}) > 1
    for row, (_, said), found in zip(rows, pairs, logits, strict=True):
        expected = np.array(row["logits"])
        assert found[len(said) - 1] == pytest.approx(expected, abs=1e-5 * np.abs(expected).max())


@cases
def test_the_golden_logits_and_all_else_are_those_of_the_equations(case):
    rows, pairs, source, before = _given(case)
    made, answers = reference_of(case, pairs), stepped(net_of(case), source, before)
    for number, (words, said) in enumerate(pairs):
        expected = made[f"logits{number}"]
        np.testing.assert_allclose(rows[number]["logits"], expected[-1], rtol=1e-6)
        np.testing.assert_allclose(answers["logits"][number, : len(said)], expected, atol=1e-5 * np.abs(expected).max())
        if "attention" in answers:
            looked = answers["attention"][number, : len(said), : len(words)]
            np.testing.assert_allclose(looked, made[f"attention{number}"], atol=1e-5)


@cases
def test_a_padded_sentence_is_the_sentence_alone_and_nothing_looks_at_padding(case):
    sentence, before = [3, 8, 5, 4], np.array([[1, 6, 6, 7]], "int32")
    short, long = (stepped(net_of(case), np.array([sentence + [0] * more], "int32"), before) for more in (0, 5))
    np.testing.assert_allclose(long["logits"], short["logits"], atol=1e-5)
    assert not long.get("attention", np.zeros(4))[..., 4:].any()
