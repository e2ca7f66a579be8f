"""Vectors of words: pairs and frequencies by hand, losses and gradients by NumPy in float64, one pair at a time."""

import math
import re

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.architectures.parted import parts_of
from archbench.datasets.card import Card
from archbench.datasets.columns import Ragged
from archbench.datasets.cooccurrences import counted
from archbench.datasets.tokens import PADDING, SPECIAL, UNKNOWN
from archbench.layers.word_pairs import around, distances, drawn, even_numbers, packed
from archbench.tasks import TASKS
from archbench.tasks.base import TaskMismatch
from archbench.tasks.neighbors import neighbors
from backend import gradient
from random_weights import random_weights

WORDS = 11
ROWS = np.array([[4, 5, 6, 4, 7, 3, 8], [5, 9, 10, 2, 4, 0, 0], [6, 0, 0, 0, 0, 0, 0]], np.int32)


def card(tokens=ROWS, words=WORDS, **fields):
    told = {
        "arrays": {"tokens": {"shape": [tokens.shape[1]], "dtype": "int32"}},
        "vocabulary": (*SPECIAL, *map(str, range(words - len(SPECIAL)))),
    }
    return Card("toy", "", "", "tokens", split_sizes={}, **{**told, **fields})


def task(tokens=ROWS, words=WORDS, **options):
    made = TASKS.build({"name": "word_vectors", **options}, card(tokens, words))
    made.count({"tokens": tokens})
    return made


class Net:
    """The parts of a network as a step has them."""

    def __init__(self, network, training=False):
        self.parts, self.training = parts_of(network), training

    def __call__(self, words, part):
        return self.parts[part](words)


def network(name="skipgram_negative", words=WORDS):
    reads = {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}
    made = build_network({"name": name, "embedding": 3}, reads, words)
    made.set_weights(random_weights(made))
    return made


def numbers(values):
    return ops.convert_to_numpy(values)


# Pairs


def test_what_is_kept_moves_up_and_keeps_its_row():
    words, row = packed(ROWS, ROWS > UNKNOWN, 12)
    assert numbers(words).tolist() == [4, 5, 6, 4, 7, 8, 5, 9, 10, 4, 6, 0]
    assert numbers(row).tolist() == [0] * 6 + [1] * 4 + [2, 3]


def test_what_the_room_does_not_hold_is_left_out():
    words, row = packed(ROWS, ROWS > UNKNOWN, 3)
    assert (numbers(words).tolist(), numbers(row).tolist()) == ([4, 5, 6], [0, 0, 0])


def test_what_stands_around():
    assert numbers(around(np.array([1, 2, 3]), 2, -1)).tolist() == [[-1, -1, 2, 3], [-1, 1, 3, -1], [1, 2, -1, -1]]
    assert distances(2).tolist() == [2, 1, 1, 2]


def test_pairs_are_of_one_row_and_weigh_less_the_farther_they_are():
    """With a window of two places, one place off is always in it, and two every other time; specials are no place."""
    words, contexts, weight, row = map(numbers, task(window=2, subsample=None).pairs(ROWS, False, 0))
    found = {}
    for word, others, weights, line in zip(words, contexts, weight, row, strict=True):
        for other, share in zip(others, weights, strict=True):
            if share:
                found[line, word, other] = found.get((line, word, other), 0) + share
    expected = {}
    for line, text in enumerate([[4, 5, 6, 4, 7, 8], [5, 9, 10, 4], [6]]):
        for place, word in enumerate(text):
            for other in range(max(0, place - 2), min(len(text), place + 3)):
                if other != place:
                    key = line, word, text[other]
                    expected[key] = expected.get(key, 0) + (1.0 if abs(other - place) == 1 else 0.5)
    assert found == pytest.approx(expected)


def test_frequent_words_are_read_less_often_and_windows_are_drawn():
    """Of a word with the frequency f sqrt(t / f) are left, and a pair d places apart stays (c + 1 - d) / c times."""
    tokens = np.full((64, 100), 4, np.int32)
    tokens[:, ::4] = 5
    made = task(tokens, 6, window=4, subsample=0.1)
    assert made.chance[4:] == pytest.approx([math.sqrt(0.1 / 0.75), math.sqrt(0.1 / 0.25)])
    words, _, weight, row = map(numbers, made.pairs(tokens, True, keras.random.SeedGenerator(1)))
    assert (words == 4).sum() == pytest.approx(64 * 75 * made.chance[4], rel=0.05)
    assert (words == 5).sum() == pytest.approx(64 * 25 * made.chance[5], rel=0.08)
    inside = weight[8:-200][row[8:-200] < 63]  # not at the ends, mostly
    assert inside[:, [0, 7]].mean() == pytest.approx(0.25, rel=0.2)
    assert inside[:, [3, 4]].mean() == pytest.approx(1, abs=0.05)
    assert len(words) < tokens.size
    assert words[-1] == PADDING  # there is room for more


def test_negative_samples_come_with_the_frequency_to_three_quarters():
    tokens = np.repeat([4, 5, 6], [1, 16, 81]).astype(np.int32)[None]
    made = task(tokens, 8)
    shares = np.diff(made.noise, prepend=0)
    assert shares == pytest.approx([0, 0, 0, 0, 1 / 36, 8 / 36, 27 / 36, 0], abs=1e-6)
    found = numbers(drawn(made.noise, np.linspace(0, 0.99999, 3600, dtype="float32")))
    assert np.bincount(found, minlength=8) / 3600 == pytest.approx(shares, abs=1e-3)
    for words in (1, 2, 3, 4, 31, 32, 33, 1000):
        random = np.random.default_rng(words)
        shares = random.random(words)
        cumulated = np.cumsum(shares / shares.sum() * 0.9).astype("float32")  # which does not quite reach 1
        uniform = np.concatenate([[0.0, 0.95], cumulated[:-1], random.random(97)]).astype("float32").reshape(1, -1)
        expected = np.minimum(np.searchsorted(cumulated, uniform, side="right"), words - 1)
        assert (numbers(drawn(cumulated, uniform)) == expected).all()
    even = numbers(even_numbers(ops.arange(500), ops.reshape(ops.arange(1000), (500, 2)), 5))
    assert even.shape == (500, 2, 5)
    assert np.histogram(even, 4, (0, 1))[0] / even.size == pytest.approx([0.25] * 4, abs=0.01)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="what XLA makes of TensorFlow's operations")
def test_drawing_takes_room_for_what_is_drawn_and_not_for_every_word_beside_it():
    import tensorflow as tf

    cumulated, uniform = np.linspace(0, 1, 10_000, dtype="float32"), tf.zeros((50, 100))
    draw = tf.function(lambda numbers: drawn(cumulated, numbers), jit_compile=True)
    program = draw.experimental_get_compiler_ir(uniform)("optimized_hlo")
    sizes = [np.prod([int(side) for side in shape.split(",")]) for shape in re.findall(r"\[(\d[\d,]*)\]", program)]
    assert {5_000, 10_000} <= set(sizes)
    assert max(sizes) <= 2**14 + 1  # of the guide table


# Losses


def by_hand(made, weights, tokens):
    """The losses of the rows of `tokens` in evaluation: (cost, weight) a row, from tables (input, output)."""
    given, said = (weight.astype(float) for weight in weights)
    found = []
    for line in tokens:
        text = [int(word) for word in line if word > UNKNOWN]
        cost = total = 0.0
        for place, word in enumerate(text):
            span = range(max(0, place - made.window), min(len(text), place + made.window + 1))
            near = [(text[other], abs(other - place)) for other in span if other != place]
            shares = [(made.window + 1 - d) / made.window * made.chance[o] * made.chance[word] for o, d in near]
            if made.foretells == "context":
                pairs = [(given[word], other, share) for (other, _), share in zip(near, shares, strict=True)]
            elif near:
                mean = sum(s * given[o] for (o, _), s in zip(near, shares, strict=True)) / sum(shares)
                pairs = [(mean, word, made.chance[word])]
            else:
                pairs = []
            for read, target, share in pairs:
                scores = said @ read
                cost += share * (np.log(np.exp(scores).sum()) - scores[target])
                total += share
        found.append((cost / max(total, 1e-6), total))
    return np.array(found).T


@pytest.mark.parametrize("foretells", ["context", "word"])
@pytest.mark.parametrize("subsample", [None, 0.02])
def test_the_loss_of_the_full_softmax_is_the_formulas(foretells, subsample):
    made = task(foretells=foretells, negatives=0, window=3, subsample=subsample)
    net = network("skipgram")
    losses = made.losses(Net(net), {"tokens": ROWS}, 0)
    cost, weight = by_hand(made, net.get_weights(), ROWS)
    np.testing.assert_allclose(numbers(losses["loss"]), cost, rtol=1e-5)
    np.testing.assert_allclose(numbers(losses["weight"]), weight, rtol=1e-5)
    assert weight[2] == 0  # a row of one word has no pair


@pytest.mark.parametrize("foretells", ["context", "word"])
def test_the_loss_of_negative_samples_is_the_formulas(foretells):
    """-log s(u v) - sum log s(-u' v), where a drawn word that is the target itself does not count."""
    made = task(foretells=foretells, negatives=4, window=2, subsample=None)
    net = network()
    given, said = (weight.astype(float) for weight in net.get_weights())
    losses = {name: numbers(value) for name, value in made.losses(Net(net), {"tokens": ROWS}, 0).items()}
    words, contexts, weight, row = map(numbers, made.pairs(ROWS, False, 0))
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    targets = contexts if foretells == "context" else words[:, None]
    others = numbers(drawn(made.noise, even_numbers(words, targets, 4)))
    cost, total = np.zeros(3), np.zeros(3)
    for place in np.flatnonzero(row < 3):
        read = given[words[place]]
        if foretells == "word" and weight[place].any():
            read = (weight[place][:, None] * given[contexts[place]]).sum(axis=0) / weight[place].sum()
        for n, target in enumerate(targets[place]):
            share = weight[place, n] if foretells == "context" else float(weight[place].any())
            nats = -np.log(sigmoid(said[target] @ read))
            nats -= sum(np.log(sigmoid(-said[o] @ read)) for o in others[place, n] if o != target)
            cost[row[place]] += share * nats
            total[row[place]] += share
    np.testing.assert_allclose(losses["loss"], cost / np.maximum(total, 1e-6), rtol=1e-5)
    np.testing.assert_allclose(losses["weight"], total, rtol=1e-6)


@pytest.mark.parametrize("name", ["skipgram", "skipgram_negative", "cbow"])
def test_gradients_are_the_slopes_of_the_loss(name):
    """By central differences of the whole loss, in every number of both tables."""
    options = {"skipgram": {"negatives": 0}, "skipgram_negative": {"negatives": 3}, "cbow": {"foretells": "word"}}[name]
    made, tables = task(window=2, subsample=None, **options), random_weights(network(name))

    class Tables:
        training = False

        def __init__(self, given, said):
            self.tables = {"input": given, "output": said}

        def __call__(self, words, part):
            return ops.take(1.0 * self.tables[part], words, axis=0)  # whose slopes TensorFlow gives whole

    def cost(both):
        losses = made.losses(Tables(both["given"], both["said"]), {"tokens": ROWS}, 0)
        return ops.sum(losses["loss"] * losses["weight"])

    at = dict(zip(("given", "said"), (table.astype("float32") for table in tables), strict=True))
    slopes, step = gradient(cost, at), 1e-2
    for key, table in at.items():
        for place in [(5, 0), (4, 2), (9, 1), (1, 1)]:
            up, down = table.copy(), table.copy()
            up[place] += step
            down[place] -= step
            rise = float(cost({**at, key: up})) - float(cost({**at, key: down}))
            assert slopes[key][place] == pytest.approx(rise / (2 * step), rel=2e-2, abs=2e-3), (key, place)


def test_an_embedding_is_a_product_with_one_hot_rows():
    """The codes, and the slopes of the table."""
    table = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    words, weights = np.array([[1, 6, 1], [0, 2, 3]]), np.random.default_rng(1).normal(size=(2, 3, 3)).astype("float32")
    layer = keras.layers.Embedding(7, 3)
    layer.build(None)
    layer.set_weights([table])
    np.testing.assert_array_equal(numbers(layer(words)), numbers(ops.one_hot(words, 7) @ table))
    looked = gradient(lambda at: ops.sum(weights * ops.take(1.0 * at, words, axis=0)), table)
    product = gradient(lambda at: ops.sum(weights * (ops.one_hot(words, 7) @ at)), table)
    np.testing.assert_allclose(looked, product, rtol=1e-5)


# GloVe


def test_pairs_count_by_their_nearness_either_way():
    """In a b a c, with a window of 2: a and b are twice one place apart, b and c two; a stands two places from a."""
    keys, times = counted(np.array([0, 1, 0, 2]), 2, 3)
    found = {(int(key) // 3, int(key) % 3): float(count) for key, count in zip(keys, times, strict=True)}
    assert found == {(0, 0): 1.0, (0, 1): 2.0, (1, 0): 2.0, (0, 2): 1.0, (2, 0): 1.0, (1, 2): 0.5, (2, 1): 0.5}


def test_a_window_longer_than_the_text_and_a_text_of_a_word():
    assert counted(np.array([0, 1]), 10, 2)[1].tolist() == [1.0, 1.0]
    assert len(counted(np.array([0]), 10, 2)[0]) == 0


def test_glove_by_hand():
    """(x / x_max)^(3 / 4) (w v + b + c - log x)^2, at most the square itself."""
    reads = {"words": keras.InputSpec(shape=(None, None), dtype="int32")}
    net = build_network({"name": "glove", "embedding": 2}, reads, 6)
    net.set_weights(random_weights(net))
    given, bias, near, other = (weight.astype(float) for weight in net.get_weights())
    words, times = np.array([[4, 5], [5, 5], [4, 0]], np.int32), np.array([3.0, 250.0, 100.0], np.float32)
    arrays = {"words": {"shape": [2], "dtype": "int32"}, "times": {"shape": [], "dtype": "float32"}}
    made = TASKS.build("cooccurrence", card(arrays=arrays))
    losses = made.losses(Net(net), {"words": words, "times": times}, 0)
    off = [given[i] @ near[j] + bias[i, 0] + other[j, 0] - np.log(x) for (i, j), x in zip(words, times, strict=True)]
    np.testing.assert_allclose(numbers(losses["mse"]), np.square(off), rtol=1e-5)
    np.testing.assert_allclose(numbers(losses["loss"]), np.square(off) * [0.03**0.75, 1, 1], rtol=1e-5)


# Neighbors, and what is refused


def test_neighbors_are_the_nearest_by_their_angle_without_the_word_itself():
    table = np.zeros((10, 2), np.float32)
    table[4:] = [[1, 0], [5, 1], [1, 1], [0, 1], [-1, 0], [0, -3]]
    table[3] = [1, 0]  # the unknown is no neighbor
    found = {name: numbers(value) for name, value in neighbors(table, np.array([[4, 8]], np.int32)).items()}
    assert found["neighbor"][0].tolist() == [[5, 6, 7, 9, 8], [7, 9, 6, 5, 4]]
    assert found["likeness"][0, 0] == pytest.approx([5 / math.sqrt(26), math.sqrt(0.5), 0, 0, -1], abs=1e-6)
    assert found["vector"].tolist() == [[[1, 0], [-1, 0]]]


def test_a_data_set_without_a_vocabulary_and_a_network_without_tables_are_refused():
    with pytest.raises(TaskMismatch, match="has no vocabulary, which word vectors need"):
        TASKS.build("word_vectors", card(vocabulary=()))
    other = build_network("mlp", (4,), 3)
    with pytest.raises(TaskMismatch, match="need a network with the parts input and output"):
        task().learn({"tokens": ROWS}, parts_of(other))


def test_texts_are_read_the_same_however_far_they_are_filled_up():
    """By the convolution and by the bag of words; a text shorter than a filter, and one without known words."""
    texts = Ragged.of([np.array(text, np.int32) for text in ([4], [5, 6, 7, 8, 9, 4], [3, 3])], PADDING)
    for name, options in (("text_cnn", {"embedding": 4, "maps": 3, "sizes": (2, 3, 5)}), ("bag_of_words", {})):
        reads = {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}
        net = build_network({"name": name, "vocabulary": 10, **options}, reads, 2)
        net.set_weights(random_weights(net))
        short = numbers(net(texts[:]))
        np.testing.assert_allclose(numbers(net(np.pad(texts[:], ((0, 0), (0, 9))))), short, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(numbers(net(texts[0][None, :1])), short[:1], rtol=1e-5, atol=1e-6)


def test_a_bag_of_words_is_a_logistic_regression_on_counts():
    reads = {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}
    net = build_network({"name": "bag_of_words", "vocabulary": 8}, reads, 3)
    net.set_weights(random_weights(net))
    kernel, bias = net.get_weights()
    tokens = np.array([[4, 4, 7, 0], [5, 3, 0, 0]])
    counts = np.array([[0, 0, 0, 0, 2, 0, 0, 1], [0, 0, 0, 1, 0, 1, 0, 0]])
    np.testing.assert_allclose(numbers(net(tokens)), counts @ kernel + bias, rtol=1e-5)


def test_a_convolution_looks_at_every_window_that_holds_a_word():
    """Filters of two words on one-hot codes, by hand: each window's best, the edges' with one word alone."""
    reads = {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}
    net = build_network({"name": "text_cnn", "vocabulary": 6, "embedding": 2, "maps": 1, "sizes": (2,)}, reads, 1)
    table = np.zeros((6, 2))
    table[4:] = np.eye(2)
    kernel = np.array([[[1.0], [10.0]], [[100.0], [1000.0]]])  # place, code, map
    net.set_weights([table, kernel, np.array([-5.0]), np.array([[1.0]]), np.array([0.0])])
    assert numbers(net(np.array([[4, 5, 0]])))[0, 0] == pytest.approx(1001 - 5)
    assert numbers(net(np.array([[5, 4, 0]])))[0, 0] == pytest.approx(1000 - 5)
    assert numbers(net(np.array([[4]])))[0, 0] == pytest.approx(100 - 5)
