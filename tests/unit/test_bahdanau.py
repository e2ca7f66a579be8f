"""RNNsearch is the net of its paper's appendix, and a padded sentence is the sentence alone."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.sequences.bahdanau import bahdanau
from archbench.layers.decoding import forced
from backend import compiled
from formula_weights import formula
from references import reference
from translators import golden, padded

GOLDEN = golden("bahdanau")
WORDS, SIZES = 9, {"units": 4, "embedding": 3, "alignment": 5, "maxout": 6}
"""All different, so that every matrix has a shape of its own."""
UNITS, ALIGNMENT = SIZES["units"], SIZES["alignment"]
SEEN = ("annotations", "keys", "known")


@pytest.fixture(scope="module")
def net():
    """The two parts, for sources of any length, with weights from a formula: large ones, so that every gate matters."""
    parts = bahdanau(keras.Input((None,), dtype="int32", name="source"), WORDS, **SIZES)
    for number, weight in enumerate([weight for part in parts.values() for weight in part.weights]):
        weight.assign(1.5 * (2 * formula(tuple(weight.shape), number) - 1))
    return parts


def _matrices(net):
    """Every weight by its name in the appendix."""
    made = {}

    def unit(layer, where, context=False):
        """Keras has the update gate first, then the reset gate; and what it keeps is what the paper's takes anew."""
        kernel, recurrent, bias = (np.split(value, 3, axis=-1) for value in layer.get_weights())
        for gate, sign, w, u, b in zip("zr_", (-1, 1, 1), kernel, recurrent, bias, strict=True):
            gate = gate.strip("_")
            told = sign * w.T
            made[f"W{gate}_{where}"] = told[:, : SIZES["embedding"]]
            if context:
                made[f"C{gate}"] = told[:, SIZES["embedding"] :]
            made[f"U{gate}_{where}"], made[f"b{gate}_{where}"] = sign * u.T, sign * b

    for part in net.values():
        language = "Ex" if part is net["encoder"] else "Ey"
        for layer in part.layers:
            if isinstance(layer, layers.Embedding):
                made[language] = layer.get_weights()[0]
            elif isinstance(layer, layers.GRU):
                unit(layer, "backward" if layer.go_backwards else "forward")
            elif isinstance(layer, layers.GRUCell):
                unit(layer, "decoder", context=True)
    kernels = {
        tuple(layer.kernel.shape): [value.T for value in layer.get_weights()]
        for part in net.values()
        for layer in part.layers
        if isinstance(layer, layers.Dense)
    }
    made["Ws"], made["bs"] = kernels[UNITS, UNITS]
    (made["Ua"],) = kernels[2 * UNITS, ALIGNMENT]
    made["Wa"], made["ba"] = kernels[UNITS, ALIGNMENT]
    made["va"] = kernels[ALIGNMENT, 1][0][0]
    made["Wo"], made["bw"] = kernels[SIZES["maxout"], WORDS]
    wide, made["bo"] = kernels[3 * UNITS + SIZES["embedding"], 2 * SIZES["maxout"]]
    made["Uo"], made["Vo"], made["Co"] = np.split(wide, np.cumsum([UNITS, SIZES["embedding"]]), axis=1)
    return {name: np.ascontiguousarray(value) for name, value in made.items()}


def _answers(net, source, before, answer="logits"):
    """What the decoder answers after each of the tokens `before` (batch, place)."""

    def run(arrays):
        encoded = net["encoder"](arrays[0])

        def step(token, state):
            found = net["decoder"]([token, state, *(encoded[name] for name in SEEN)])
            return found[answer], found["state"]

        return forced(step, encoded["state"], arrays[1])

    return compiled(run, (np.array(source, "int32"), np.array(before, "int32")))


def _given(rows):
    """The sentences of golden rows, as the network takes them: padded to the longest."""
    pairs = [(row["source_tokens"], row["tokens_before"]) for row in rows]
    return pairs, *(padded([pair[side] for pair in pairs]) for side in (0, 1))


def test_logits_are_the_golden_ones_though_sentences_are_padded(net):
    pairs, source, before = _given(GOLDEN)
    logits = _answers(net, source, before)
    assert len({len(words) for words, _ in pairs}) > 1
    for row, (_, said), found in zip(GOLDEN, pairs, logits, strict=True):
        expected = np.array(row["logits"])
        assert found[len(said) - 1] == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())


def test_the_golden_logits_and_all_else_are_those_of_the_equations(net):
    pairs, source, before = _given(GOLDEN)
    given = {f"x{number}": np.array(words) for number, (words, _) in enumerate(pairs)}
    given |= {f"y{number}": np.array(said) for number, (_, said) in enumerate(pairs)}
    made = reference("bahdanau", **given, **_matrices(net))
    logits, attention = (_answers(net, source, before, answer) for answer in ("logits", "attention"))
    for number, (words, said) in enumerate(pairs):
        expected = made[f"logits{number}"]
        np.testing.assert_allclose(GOLDEN[number]["logits"], expected[-1], rtol=1e-6)
        np.testing.assert_allclose(logits[number, : len(said)], expected, atol=1e-4 * np.abs(expected).max())
        looked = made[f"attention{number}"]
        np.testing.assert_allclose(attention[number, : len(said), : len(words)], looked, atol=1e-5)


def test_a_padded_sentence_is_the_sentence_alone(net):
    """To 1e-6, however far it is padded: state, annotations, logits; and nothing looks at padding."""
    sentence, before = [3, 8, 5, 4], [1, 6, 6, 7]
    alone, wide = (np.array([sentence + [0] * more], "int32") for more in (0, 6))
    short, long = (net["encoder"](source) for source in (alone, wide))
    for name, value in short.items():
        padded = ops.convert_to_numpy(long[name])
        kept = padded if name == "state" else padded[:, :4]
        np.testing.assert_allclose(kept, ops.convert_to_numpy(value), atol=1e-6)
    np.testing.assert_allclose(_answers(net, wide, [before]), _answers(net, alone, [before]), atol=1e-5)
    attention = _answers(net, wide, [before], "attention")
    assert (attention[..., 4:] == 0).all()
    np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-6)


def test_the_last_word_reaches_the_first_annotation_and_the_first_state(net):
    one, other = (net["encoder"](np.array([[3, 4, last]], "int32")) for last in (5, 6))
    for name in ("annotations", "state"):
        assert np.abs(ops.convert_to_numpy(one[name] - other[name]))[0, 0].max() > 1e-3


def test_weights_start_as_the_paper_says():
    keras.utils.set_random_seed(0)
    parts = bahdanau(keras.Input((7,), dtype="int32"), 50, units=40, embedding=30, alignment=60, maxout=20)
    found = {}
    for part in parts.values():
        for layer in part.layers:
            for weight in layer.weights:
                found.setdefault((weight.name, tuple(weight.shape)), ops.convert_to_numpy(weight))
    for (name, shape), value in found.items():
        if name == "bias" or shape == (60, 1):
            assert (value == 0).all()  # the alignment model's v too
        elif name == "recurrent_kernel":
            np.testing.assert_allclose(value @ value.T, np.eye(40), atol=1e-5)
        else:
            aligned = shape in ((40, 60), (80, 60))
            assert value.std() == pytest.approx(0.001 if aligned else 0.01, rel=0.15)
