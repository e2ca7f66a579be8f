"""The Transformer is PyTorch's with the same weights, and says the same from its cache as without one."""

import json
import math

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.network import outline
from archbench.architectures.sequences.transformer import transformer
from archbench.blocks.transformer import UnevenHeads
from archbench.layers.attention import Attention, Sinusoids
from references import reference
from translators import at_once, created, fill, golden, padded, stepped

WORDS, SIZES = 11, {"width": 12, "hidden": 10, "heads": 3, "depth": 2}
GOLDEN = golden("transformer_base")


@pytest.fixture(scope="module")
def net():
    """The parts, for sources of any length, with weights from a formula."""
    parts = transformer(keras.Input((None,), dtype="int32", name="source"), WORDS, **SIZES)
    kinds = layers.ReversibleEmbedding, layers.Dense, layers.LayerNormalization
    fill([layer for kind in kinds for layer in created(parts, kind)])
    return parts


def _matrices(net):
    """Every weight by the name that the reference has for it: layers are made in the order of the list."""
    (table,) = created(net, layers.ReversibleEmbedding)
    dense, norms = (iter(created(net, kind)) for kind in (layers.Dense, layers.LayerNormalization))
    made = {"table": table.get_weights()[0]}
    projections = ["query", "key", "value", "out"]
    for stack, attentions in (("encoder", ["own"]), ("decoder", ["own", "other"])):
        for number in range(SIZES["depth"]):
            where = f"{stack}.{number}."
            for name in [*(f"{one}.{each}" for one in attentions for each in projections), "inner", "outer"]:
                kernel, made[f"{where}{name}.bias"] = next(dense).get_weights()
                made[f"{where}{name}.weight"] = kernel.T
            for name in ["norm1", "norm2", "norm3"][: 1 + len(attentions)]:
                made[f"{where}{name}.weight"], made[f"{where}{name}.bias"] = next(norms).get_weights()
    return {name: np.ascontiguousarray(value) for name, value in made.items()}


def _given():
    pairs = [(row["source_tokens"], row["tokens_before"]) for row in GOLDEN]
    return pairs, *(padded([pair[side] for pair in pairs]) for side in (0, 1))


def test_logits_are_the_golden_ones_though_sentences_are_padded(net):
    pairs, source, before = _given()
    logits = at_once(net, source, before)["logits"]
    assert len({len(words) for words, _ in pairs}) > 1
    for row, (_, said), found in zip(GOLDEN, pairs, logits, strict=True):
        expected = np.array(row["logits"])
        assert found[len(said) - 1] == pytest.approx(expected, abs=1e-5 * np.abs(expected).max())


def test_the_golden_logits_and_all_else_are_those_of_pytorch(net):
    pairs, source, before = _given()
    given = {f"x{number}": np.array(words) for number, (words, _) in enumerate(pairs)}
    given |= {f"y{number}": np.array(said) for number, (_, said) in enumerate(pairs)}
    made = reference("transformer", str(SIZES["heads"]), **given, **_matrices(net))
    answers = at_once(net, source, before)
    for number, (words, said) in enumerate(pairs):
        expected = made[f"logits{number}"]
        np.testing.assert_allclose(GOLDEN[number]["logits"], expected[-1], rtol=1e-6)
        np.testing.assert_allclose(answers["logits"][number, : len(said)], expected, atol=1e-5 * np.abs(expected).max())
        looked = answers["attention"][number, : len(said), : len(words)]
        np.testing.assert_allclose(looked, made[f"attention{number}"], atol=1e-5)


@pytest.mark.parametrize("more", [0, 3])
def test_a_token_at_a_time_from_the_cache_it_answers_as_to_all_at_once(net, more):
    _, source, before = _given()
    whole, single = at_once(net, source, before), stepped(net, source, before, before.shape[1] + more)
    for name in ("logits", "attention"):
        np.testing.assert_allclose(single[name], whole[name], atol=1e-5 * max(1, np.abs(whole[name]).max()))


def test_a_padded_sentence_is_the_sentence_alone_and_nothing_looks_at_padding(net):
    sentence, before = [3, 8, 5, 4], np.array([[1, 6, 6, 7]], "int32")
    short, long = (at_once(net, np.array([sentence + [0] * more], "int32"), before) for more in (0, 5))
    np.testing.assert_allclose(long["logits"], short["logits"], atol=1e-5)
    assert (long["attention"][..., 4:] == 0).all()
    np.testing.assert_allclose(long["attention"].sum(axis=-1), 1, atol=1e-6)


def test_no_answer_depends_on_a_later_token(net):
    source = np.array([[3, 8, 5]], "int32")
    one, other = (at_once(net, source, np.array([[1, 6, last]], "int32"))["logits"] for last in (7, 9))
    np.testing.assert_allclose(one[:, :2], other[:, :2], atol=1e-6)
    assert np.abs(one[:, 2] - other[:, 2]).max() > 1e-3


def test_sinusoids_by_hand():
    """Section 3.5 with two pairs of channels, of the waves 1 and 1 / 100; a code of 1s counts sqrt(4) times."""
    found = ops.convert_to_numpy(Sinusoids()(ops.ones((1, 3, 4)), ops.convert_to_tensor([5])))
    expected = [[2 + f(place * wave) for wave in (1, 0.01) for f in (math.sin, math.cos)] for place in (5, 6, 7)]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_a_head_that_may_look_nowhere_else_gives_the_one_value():
    values = ops.convert_to_tensor([[[1.0, 2.0], [5.0, 7.0]]])
    known = ops.convert_to_tensor([[False, True]])
    assert ops.convert_to_numpy(Attention(2)(values, values, values, known)).tolist() == [[[5, 7], [5, 7]]]


def test_a_width_that_heads_cannot_share_is_refused():
    with pytest.raises(UnevenHeads, match="3 heads cannot share a width of 8"):
        transformer(keras.Input((None,), dtype="int32"), WORDS, width=8, heads=3)


def test_encoder_and_decoder_share_one_table_and_it_makes_the_logits():
    spec, reads = "transformer_base", {"source": keras.InputSpec(shape=(None, None), dtype="int32")}
    made = outline({"name": spec, "width": 8, "hidden": 4, "heads": 2, "depth": 1}, reads, 50)
    tables = [weight for weight in made.trainable_weights if 50 in weight.shape]
    assert [tuple(weight.shape) for weight in tables] == [(50, 8)]


def test_golden_rows_have_their_source():
    assert all("PyTorch" in row["source"] and json.dumps(row["logits"]) for row in GOLDEN)
