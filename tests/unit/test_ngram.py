"""n-grams: what their tables say by the formulas, one probability at a time, and by NLTK."""

import csv
import json
from collections import Counter
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.language.ngram import keep, smoothed
from archbench.architectures.network import build_network
from archbench.catalogue import WrongOption
from archbench.datasets.tokens import PADDING, START

OUTPUTS = 10
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "kneser_ney.csv").open(newline="")))
TEXT = np.array(json.loads(GOLDEN[0]["text"]))


def network(text=TEXT, steps=7, outputs=OUTPUTS, **options):
    """The network after it has counted a text in rows of which the last is not full."""
    spec = {"name": "ngram", "positions": 2 + len(text), **options}
    reads = {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}
    model = build_network(spec, reads, outputs)
    rows = np.zeros((-(-len(text) // steps), steps), np.int32)
    rows.ravel()[: len(text)] = text
    keep(model.parts, {"tokens": rows}, 0)
    return model


def distributions(model, order, contexts):
    """P(. | the last words of each context): (context, word)."""
    before, last = contexts[:, :-1], contexts[:, -1:]
    past = [before[:, max(0, before.shape[1] - order + 2) :].astype("float32")] if order > 2 else []
    following = np.arange(len(contexts), dtype="int32")[:, None] % OUTPUTS
    said = model(last.astype("int32"), *past, following, part="network")
    shares = np.exp(ops.convert_to_numpy(said["logits"])[:, 0].astype(float))
    looked_up = np.take_along_axis(-np.log(shares), following, axis=1)
    np.testing.assert_allclose(ops.convert_to_numpy(said["nats"]), looked_up, rtol=1e-5, atol=1e-6)
    return shares


def by_hand(text, order, context, smoothing, k=0.01, discount=None):
    """The distribution over all words after `context`, from the formulas, with a Counter for each length."""
    words = [PADDING] * order + [START, *text]
    places = range(order + 1, len(words))
    grams = {n: Counter(tuple(words[place - n + 1 : place + 1]) for place in places) for n in range(1, order + 1)}
    if smoothing == "add_k":
        before = tuple(context[len(context) - order + 1 :]) if order > 1 else ()
        counts = np.array([grams[order][(*before, word)] for word in range(OUTPUTS)], float)
        return (counts + k) / (counts.sum() + k * OUTPUTS)
    shares = np.full(OUTPUTS, 1 / OUTPUTS)
    for n in range(1, order + 1):
        counted = grams[n] if n == order else Counter(gram[1:] for gram in grams[n + 1])
        off = discount
        if off is None:
            once, twice = (sum(count == times for count in counted.values()) for times in (1, 2))
            off = once / (once + 2 * twice) if once else 0.5
        before = tuple(context[len(context) - n + 1 :]) if n > 1 else ()
        counts = np.array([counted[(*before, word)] for word in range(OUTPUTS)], float)
        if counts.sum():
            left = off * np.count_nonzero(counts) / counts.sum()
            shares = np.maximum(counts - off, 0) / counts.sum() + left * shares
    return shares


CASES = [
    *({"order": order, "smoothing": smoothing} for order in (1, 2, 3, 5) for smoothing in ("kneser_ney", "add_k")),
    {"order": 3, "smoothing": "kneser_ney", "discount": 0.75},
    {"order": 3, "smoothing": "add_k", "k": 0.5},
]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))


@cases
def test_the_probabilities_after_any_words_are_those_of_the_formulas_and_add_up_to_1(case):
    """After random words, of which most never stood together, and after all that did."""
    random = np.random.default_rng(0)
    read = np.lib.stride_tricks.sliding_window_view(np.concatenate([[PADDING] * 3, [START], TEXT]), 4)
    contexts = np.concatenate([random.integers(0, OUTPUTS, (60, 4)), read])
    found = distributions(network(**case), case["order"], contexts)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=2e-6)
    assert found.min() > 0
    expected = [by_hand(TEXT.tolist(), **{"context": context.tolist(), **case}) for context in contexts]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_row_goes_on_from_the_words_before_it():
    """Whole, or word by word with the `past` that the answer hands on, the probabilities are the same."""
    model, told = network(order=4), TEXT[None, :9].astype("int32")
    whole = model(told, np.zeros((1, 2), "float32"), np.zeros_like(told), part="network")
    past, said = np.zeros((1, 2), "float32"), []
    for place in range(9):
        one = told[:, place : place + 1]
        answers = model(one, past, np.zeros_like(one), part="network")
        past = ops.convert_to_numpy(answers["past"])
        said.append(ops.convert_to_numpy(answers["logits"])[0, 0])
    np.testing.assert_allclose(ops.convert_to_numpy(whole["logits"])[0], said, rtol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(whole["past"]), [TEXT[7:9]])


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["asked"])
def test_shares_and_what_is_left_are_nltks(row):
    _check(row, *_tables(float(row["discount"])), float(row["share"]), float(row["rest"]))


def _tables(discount):
    return smoothed(TEXT, 3, OUTPUTS, smoothing="kneser_ney", k=0.01, discount=discount)[1]


def _check(row, two, three, share, rest):
    *before, word = json.loads(row["asked"])
    place, level = before[0], two
    if len(before) == 2:
        start, end = two.starts[before[0] : before[0] + 2]
        place, level = start + np.flatnonzero(two.words[start:end] == before[1]).item(), three
    start, end = level.starts[place : place + 2]
    found = level.shares[start:end][level.words[start:end] == word]
    assert (found.sum(), level.rest[place]) == pytest.approx((share, rest), rel=1e-6)


def test_a_text_of_one_word():
    """It is likely to follow the start again; by Kneser-Ney, what stood once is no more likely than what never did."""
    contexts = np.array([[PADDING, PADDING, START]])
    assert distributions(network(np.array([5]), smoothing="add_k"), 3, contexts)[0].argmax() == 5
    np.testing.assert_allclose(distributions(network(np.array([5])), 3, contexts)[0], 1 / OUTPUTS, rtol=1e-6)


def test_the_tables_of_a_saved_network_are_the_same(tmp_path):
    model = network(order=3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    contexts = np.random.default_rng(0).integers(0, OUTPUTS, (20, 4))
    first, second = (distributions(one, 3, contexts) for one in (model, again))
    np.testing.assert_array_equal(first, second)


def test_discounts_and_added_counts_reach_their_own_formula_alone():
    for options, why in (({"k": 0.1}, "k is of add_k"), ({"smoothing": "add_k", "discount": 0.5}, "discount is of")):
        with pytest.raises(WrongOption, match=why):
            network(**options)
    contexts = np.array([[PADDING, PADDING, START, 4]])
    plain, changed = (distributions(network(**options), 3, contexts) for options in ({}, {"discount": 0.9}))
    assert np.abs(plain - changed).max() > 0.01


def test_the_defaults_are_trigrams_of_kneser_ney_and_a_hundredth():
    contexts, random = np.array([[PADDING, 4, 5, 4]]), partial(distributions, order=3)
    np.testing.assert_allclose(
        random(network(), contexts=contexts)[0], by_hand(TEXT.tolist(), 3, [4, 5, 4], "kneser_ney"), rtol=1e-5
    )
    np.testing.assert_allclose(
        random(network(smoothing="add_k"), contexts=contexts)[0],
        by_hand(TEXT.tolist(), 3, [4, 5, 4], "add_k", k=0.01),
        rtol=1e-5,
    )
