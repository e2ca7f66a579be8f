"""BERT is that of the package transformers with the same weights."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from archbench.architectures.language.bert import bert, bert_classifier
from archbench.datasets.card import Card
from archbench.datasets.columns import Ragged
from archbench.layers.attention import TooManyPlaces, check_places, most_places
from archbench.layers.bias import Bias
from archbench.tasks import TASKS
from archbench.training.split import open_split
from archbench.training.start import begin
from backend import compiled
from references import reference
from translators import created, fill

WORDS, SIZES = 11, {"width": 12, "hidden": 10, "heads": 3, "depth": 2, "positions": 8}
TOKENS = np.array([[1, 5, 6, 2, 7, 10, 2], [1, 9, 2, 4, 2, 0, 0]], "int32")
SEGMENTS = np.array([[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0]], "int32")
KINDS = layers.ReversibleEmbedding, layers.Embedding, layers.Dense, layers.LayerNormalization, Bias
GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "hidden_states.csv").open()))


@pytest.fixture(scope="module")
def net():
    """The parts, for texts of any length, with weights from a formula."""
    tokens, segments = (keras.Input((None,), dtype="int32", name=name) for name in ("tokens", "segments"))
    parts = bert(tokens, segments, WORDS, **SIZES)
    fill([layer for kind in KINDS for layer in created(parts, kind)])
    return parts


def matrices(net):
    """Every weight by the name that the reference has for it: layers are made in the order of the list."""
    (table,), (place, segment), dense, norms, (bias,) = (created(net, kind) for kind in KINDS)
    dense, norms = iter(dense), iter(norms)
    tables = {"word": table, "place": place, "segment": segment}
    made = {name: layer.get_weights()[0] for name, layer in tables.items()} | {"bias": bias.get_weights()[0]}
    each = [
        f"{number}.{name}"
        for number in range(SIZES["depth"])
        for name in ("query", "key", "value", "out", "inner", "outer")
    ]
    for name in [*each, "pooler", "transform", "follows"]:
        kernel, made[f"{name}.bias"] = next(dense).get_weights()
        made[f"{name}.weight"] = kernel.T
    for name in ["norm", *(f"{number}.norm{n}" for number in range(SIZES["depth"]) for n in (1, 2)), "transform_norm"]:
        made[f"{name}.weight"], made[f"{name}.bias"] = next(norms).get_weights()
    return {name: np.ascontiguousarray(value) for name, value in made.items()}


def answers(net, tokens=TOKENS, segments=SEGMENTS):
    def run(arrays):
        encoded = net["encoder"](list(arrays))
        return {**encoded, "masked": net["masked"](encoded["states"]), "follows": net["follows"](encoded["pooled"])}

    return compiled(run, (tokens, segments))


def test_answers_are_the_golden_ones(net):
    found = answers(net)
    for row in GOLDEN:
        if row["architecture"] == "bert_base":
            value = found[row["answer"]][tuple(json.loads(row["place"]))]
            assert value == pytest.approx(np.array(json.loads(row["values"])), abs=1e-4)


def test_everything_is_as_in_transformers(net):
    made, found = (
        reference("bert", str(SIZES["heads"]), tokens=TOKENS, segments=SEGMENTS, **matrices(net)),
        answers(net),
    )
    known = TOKENS != 0
    for name in ("states", "masked"):
        np.testing.assert_allclose(found[name][known], made[name][known], atol=1e-4)
    for name in ("pooled", "follows"):
        np.testing.assert_allclose(found[name], made[name], atol=1e-4)


def test_padding_changes_nothing(net):
    alone, wide = answers(net, TOKENS[1:, :5], SEGMENTS[1:, :5]), answers(net, TOKENS[1:], SEGMENTS[1:])
    np.testing.assert_allclose(wide["states"][:, :5], alone["states"], atol=1e-5)
    np.testing.assert_allclose(wide["pooled"], alone["pooled"], atol=1e-5)


def test_a_text_longer_than_its_places_is_refused():
    tokens, segments = (keras.Input((9,), dtype="int32") for _ in range(2))
    with pytest.raises(TooManyPlaces, match="Texts are of 9 tokens, and this network has codes for 8 places"):
        bert(tokens, segments, WORDS, **SIZES)


def test_texts_of_unlike_length_are_refused_where_one_is_longer_than_its_places(net):
    """The encoder has codes for 8 places: a table asked for a ninth would answer with the eighth, and say nothing."""
    texts, most = [np.full(count, 5, np.int32) for count in (8, 9, 3, 12)], most_places(net["encoder"])
    check_places(Ragged.of(texts[:1], 0), most)
    with pytest.raises(TooManyPlaces, match=r"row 1 is of 9 tokens, and 2 of 4 texts .* than 8.*`positions` to 12"):
        check_places(Ragged.of(texts, 0), most)


def test_every_split_is_looked_at_for_texts_that_are_too_long(net):
    arrays = {"tokens": {"shape": [None], "dtype": "int32"}}
    card = Card("toy", "", "", "tokens", arrays, {}, vocabulary=tuple(map(str, range(WORDS - 1))))
    task = TASKS.build("masked_language_modelling", card)
    program = SimpleNamespace(learner=SimpleNamespace(task=task, parts=net))
    texts = {"tokens": Ragged.of([np.full(count, 5, np.int32) for count in (8, 9)], 0)}
    with pytest.raises(TooManyPlaces, match="row 1 is of 9 tokens"):
        open_split(program, texts, batch_size=1, resident_bytes=0, group=None)


def test_a_classifier_starts_from_the_encoder_and_reads_what_it_pools_of_the_start(net):
    """Words 5, 6 and 7 after the token 1, all of the first sentence: the head is a dense layer on the pooled state."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    network = keras.Model(tokens, bert_classifier(tokens, 3, vocabulary=WORDS - 1, **SIZES))
    begin(network, net, {"from": "bert", "parts": {"encoder": "encoder"}, "train": "all"})
    texts = np.array([[5, 6, 7], [9, 4, 0]], "int32")
    whole = np.concatenate([np.ones((2, 1), "int32"), texts], axis=1)
    kernel, bias = created({"network": network}, layers.Dense)[-1].get_weights()
    expected = answers(net, whole, np.zeros_like(whole))["pooled"] @ kernel + bias
    np.testing.assert_allclose(compiled(network, texts), expected, atol=1e-5)
    assert most_places(network) == SIZES["positions"] - 1
