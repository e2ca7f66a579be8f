"""Transformer-XL: its equations, distances by hand, and segments that go on where the last one ended."""

import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.language.transformer_xl import transformer_xl
from archbench.blocks.transformer import UnevenHeads
from archbench.datasets.tokens import START
from archbench.layers.bias import Bias
from archbench.layers.relative import Behind, shifted
from archbench.tasks import TASKS
from archbench.training.build import build_learner
from archbench.training.program import Program
from archbench.training.split import open_split
from backend import compiled
from formula_weights import formula
from references import reference
from smoke_data import smoke, spec
from translators import created, fill

WORDS, SIZES = 11, {"width": 12, "hidden": 10, "heads": 3, "depth": 2}
TOKENS = np.array([[1, 5, 6, 7], [1, 9, 2, 4]], "int32")
KEPT = 5
KINDS = layers.ReversibleEmbedding, Bias, layers.Dense, layers.LayerNormalization
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "hidden_states.csv").open()))


def network(kept: int):
    """The network for segments of any length, with weights from a formula."""
    parts = transformer_xl(keras.Input((None,), dtype="int32", name="tokens"), WORDS, kept=kept, **SIZES)
    fill([layer for kind in KINDS for layer in created(parts, kind)])
    return parts


@pytest.fixture(scope="module")
def net():
    return network(KEPT)


def remembered(kept: int = KEPT) -> np.ndarray:
    """What was kept of an earlier segment: (row, layer, place, channel)."""
    return (2 * formula((len(TOKENS), SIZES["depth"], kept, SIZES["width"]), 99) - 1).astype("float32")


def answers(net, tokens, memory):
    return compiled(lambda arrays: net["network"](list(arrays)), (tokens, memory))


def weights(net):
    """Every weight by the name that the reference has for it: layers are made in this order."""
    (table,), biases, dense, norms = (created(net, kind) for kind in KINDS)
    made = {"word": table.get_weights()[0]}
    made |= {name: one.get_weights()[0] for name, one in zip(("u", "v", "bias"), biases, strict=True)}
    dense, norms = iter(dense), iter(norms)
    for number in range(SIZES["depth"]):
        for name in ("query", "key", "value", "distance", "out", "inner", "outer"):
            kernel, *bias = next(dense).get_weights()
            made |= {f"{number}.{name}": kernel, **({f"{number}.{name}.bias": bias[0]} if bias else {})}
        for name in ("norm1", "norm2"):
            made[f"{number}.{name}.scale"], made[f"{number}.{name}.shift"] = next(norms).get_weights()
    return made


def test_logits_and_memory_are_the_golden_ones(net):
    found = answers(net, TOKENS, remembered())
    rows = [row for row in GOLDEN if row["architecture"] == "transformer_xl"]
    assert {row["answer"] for row in rows} == {"logits", "memory"}
    for row in rows:
        value = found[row["answer"]][tuple(json.loads(row["place"]))]
        assert value == pytest.approx(np.array(json.loads(row["values"])), abs=1e-4)


def test_logits_and_memory_are_those_of_the_papers_equations(net):
    made = reference("transformer_xl", str(SIZES["heads"]), tokens=TOKENS, memory=remembered(), **weights(net))
    found = answers(net, TOKENS, remembered())
    for name in ("logits", "memory"):
        np.testing.assert_allclose(found[name], made[name], atol=1e-4)


def test_scores_by_distance_become_scores_of_keys_by_hand():
    """Four keys, of which the last two are the queries themselves: the first of these stands one key before the end.

    Its own key is at distance 0, the last column, and the key after it is none of its; the other has all four.
    """
    scores = np.arange(8, dtype="float32").reshape(1, 1, 2, 4)  # a row a query; columns: distance 3, 2, 1, 0
    moved = keras.ops.convert_to_numpy(shifted(scores))[0, 0]
    assert moved[0, :3].tolist() == [1, 2, 3]
    assert moved[1].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize(("asking", "count"), [(1, 1), (1, 5), (4, 4), (3, 7)])
def test_every_key_gets_the_score_of_its_distance(asking, count):
    distances = np.broadcast_to(np.arange(count)[::-1].astype("float32"), (2, 3, asking, count))
    moved = keras.ops.convert_to_numpy(shifted(distances))
    places = np.arange(count - asking, count)[:, None] - np.arange(count)
    seen = places >= 0
    assert (moved[:, :, seen] == places[seen]).all()


def test_distances_are_told_from_the_farthest_to_none_by_hand():
    told = keras.ops.convert_to_numpy(Behind()(np.zeros((2, 3, 4), "float32")))
    assert told.shape == (1, 3, 4)
    assert told[0, 2].tolist() == [0, 1, 0, 1]
    assert told[0, 0] == pytest.approx([np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)], abs=1e-6)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_two_segments_are_as_one_where_all_before_them_is_remembered(net, first):
    """What the first one leaves stands before the second with all that was there before, in a longer memory."""
    before = remembered()
    left = answers(net, TOKENS[:, :first], before)["memory"][:, :, -first:]
    second = answers(network(KEPT + first), TOKENS[:, first:], np.concatenate([before, left], axis=2))
    whole = answers(net, TOKENS, before)
    np.testing.assert_allclose(second["logits"], whole["logits"][:, first:], atol=1e-5)
    np.testing.assert_allclose(second["memory"][:, :, first:], whole["memory"], atol=1e-5)


def test_a_segment_longer_than_the_memory_leaves_its_last_states():
    net = network(2)
    left = answers(net, TOKENS, remembered(2))["memory"]
    table = created(net, layers.ReversibleEmbedding)[0].get_weights()[0]
    np.testing.assert_allclose(left[:, 0], table[TOKENS[:, 2:]] * SIZES["width"] ** 0.5, rtol=1e-5)


def test_no_answer_depends_on_a_later_token_and_all_on_what_is_remembered(net):
    one = answers(net, TOKENS, remembered())["logits"]
    other = answers(net, np.concatenate([TOKENS[:, :3], [[8], [8]]], axis=1).astype("int32"), remembered())["logits"]
    np.testing.assert_allclose(one[:, :3], other[:, :3], atol=1e-5)
    assert np.abs(one[:, 3] - other[:, 3]).max() > 1e-3
    assert np.abs(one - answers(net, TOKENS, -remembered())["logits"]).max(axis=(0, 2)).min() > 1e-3


def test_heads_that_cannot_share_a_width_are_refused():
    with pytest.raises(UnevenHeads, match="5 heads cannot share a width of 12"):
        transformer_xl(keras.Input((4,), dtype="int32"), WORDS, width=12, heads=5, depth=1, kept=2)


def _learner(**options):
    card, arrays = smoke("language_modelling", examples=10)
    settings = {
        "architecture": {**spec("transformer_xl"), **options},
        "parts": {"dropout": 0, "initializer": "xavier_uniform"},
        "precision": "float32",
        "preprocessing": {"name": "none"},
        "augmentation": [],
        "optimizer": {"name": "adam"},
        "clip": None,
        "batch_size": 2,
    }
    return build_learner(settings, card, TASKS.build("language_modelling", card), seed=0), arrays["tokens"]


def test_a_row_is_told_with_the_memory_that_the_row_before_left():
    """Two streams of five rows of 6 tokens, their memory handed on by hand."""
    learner, tokens = _learner()
    split = open_split(Program(learner, xla=True), {"tokens": tokens}, batch_size=2, resident_bytes=10**9, group=None)
    found = split.answer("predictions", 2)["nats"].reshape(2, 5, 6)
    before, memory = np.full((2, 1), START, "int32"), np.zeros((2, *learner.carried["memory"].shape[1:]), "float32")
    for number, row in enumerate(tokens.reshape(2, 5, 6).swapaxes(0, 1)):
        told = np.concatenate([before, row[:, :-1]], axis=1)
        answers = learner.parts["network"]([told, memory])
        costs = ops.convert_to_numpy(ops.sparse_categorical_crossentropy(row, answers["logits"], from_logits=True))
        np.testing.assert_allclose(found[:, number][row > 0], costs[row > 0], atol=1e-5)
        before, memory = row[:, -1:], ops.convert_to_numpy(answers["memory"])


def test_rows_of_two_tokens_are_foretold_by_what_is_remembered_of_earlier_ones():
    """Of a text of five tokens over and over; the token before alone leaves a perplexity of 1.74, as 6 is followed by
    6 or 5, and 5 by 4 or 6.
    """
    learner, _ = _learner(kept=6)
    tokens = np.resize([4, 5, 6, 6, 5], 240).reshape(120, 2).astype("int32")
    split = open_split(Program(learner, xla=True), {"tokens": tokens}, batch_size=2, resident_bytes=10**9, group=None)
    before = split.scores(2)[0]
    for epoch in range(30):
        for data, rows, count in split.chunks(0, epoch, 2, 60):
            split.program.train(data, rows, count, np.full(len(rows), 0.01), {})
    assert split.scores(2)[0]["perplexity"] < 1.3 < before["perplexity"]
