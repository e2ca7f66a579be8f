"""ELMo by its paper's equations in NumPy, word by word; its data, its task, and a classifier that starts from it."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.architectures.parted import parts_of
from archbench.datasets import spelled as spelling
from archbench.datasets.columns import Ragged
from archbench.datasets.spelled import BEGINS, BEGINS_TEXT, ENDS, ENDS_TEXT, FILLS, LETTERS
from archbench.datasets.tokens import vocabulary
from archbench.layers.layer_mix import LayerMix
from archbench.layers.recurrent import ProjectedLSTMCell
from archbench.tasks import TASKS
from archbench.tasks.base import TaskMismatch
from archbench.training.build import build_learner, build_task
from archbench.training.program import Program
from archbench.training.split import open_split
from archbench.training.start import NoStart, begin
from random_weights import random_weights
from smoke_data import smoke

OPTIONS = {"letter": 3, "filters": ((1, 3), (3, 4)), "units": 5, "width": 4}
WORDS = 7


def letters(rows=2, words=6, longest=5):
    """Two texts, of which the second has two words fewer."""
    drawn = np.random.default_rng(0).integers(1, LETTERS, (rows, words, longest)).astype("int32")
    drawn[1, -2:] = 0
    return drawn


def network(name="elmo", outputs=WORDS):
    reads = {"letters": keras.InputSpec(shape=(None, None, 5), dtype="int32")}
    made = build_network({"name": name, **OPTIONS}, reads, outputs)
    made.set_weights(random_weights(made))
    return made


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def encoded(weights, text):
    """The layers (word, 3, 2 * width) of one text (word, place) without padding, from the paper's section 3.1."""
    weights = [weight.astype(float) for weight in weights]
    table, one_kernel, one_bias, three_kernel, three_bias, *rest = weights
    highways, rest = [rest[:4], rest[4:8]], rest[8:]
    (to_word, word_bias), cells = rest[:2], [rest[2 + 4 * n : 6 + 4 * n] for n in range(4)]
    words = []
    for word in text:
        codes = table[word]
        found = []
        for kernel, bias in ((one_kernel[0], one_bias), (three_kernel[0], three_bias)):
            size = len(kernel)
            windows = [codes[start : start + size] for start in range(len(codes) - size + 1)]
            found.append(np.maximum(np.max([np.tensordot(w, kernel, 2) + bias for w in windows], axis=0), 0))
        x = np.concatenate(found)
        for to_gate, gate_bias, to_new, new_bias in highways:
            gate = sigmoid(x @ to_gate + gate_bias)
            x = gate * np.maximum(x @ to_new + new_bias, 0) + (1 - gate) * x
        words.append(x @ to_word + word_bias)
    below = [words, words]
    layers = [[np.concatenate([word, word]) for word in words]]
    for depth in range(2):
        above = []
        for way in range(2):
            w, u, b, p = cells[2 * depth + 1 - way]  # Keras has the one that reads backward first
            told, cell, said = np.zeros(p.shape[1]), np.zeros(len(p)), {}
            places = range(len(words)) if way == 0 else range(len(words) - 1, -1, -1)
            for place in places:
                i, f, g, o = np.split(below[way][place] @ w + told @ u + b, 4)
                cell = np.clip(sigmoid(f) * cell + sigmoid(i) * np.tanh(g), -3, 3)
                told = np.clip((sigmoid(o) * np.tanh(cell)) @ p, -3, 3)
                said[place] = told + below[way][place] * depth
            above.append([said[place] for place in range(len(words))])
        below = above
        layers.append([np.concatenate(pair) for pair in zip(*above, strict=True)])
    return np.stack(layers, axis=1)


def test_layers_are_those_of_the_paper():
    encoder = parts_of(network())["encoder"]
    found = ops.convert_to_numpy(encoder(letters()))
    assert found.shape == (2, 6, 3, 8)
    for row, length in ((0, 6), (1, 4)):
        expected = encoded(encoder.get_weights(), letters()[row, :length])
        np.testing.assert_allclose(found[row, :length], expected, rtol=1e-4, atol=1e-5)


def test_words_of_fewer_letters_than_a_filter_sees_are_filled_up():
    encoder = parts_of(build_network({"name": "elmo", **OPTIONS}, {"letters": narrow(2)}, WORDS))["encoder"]
    wide = parts_of(build_network({"name": "elmo", **OPTIONS}, {"letters": narrow(3)}, WORDS))["encoder"]
    wide.set_weights(encoder.get_weights())
    filled = np.pad(letters()[:1, :, :2], ((0, 0), (0, 0), (0, 1)), constant_values=FILLS)
    np.testing.assert_allclose(*(ops.convert_to_numpy(x) for x in (encoder(letters()[:1, :, :2]), wide(filled))))


def narrow(longest):
    return keras.InputSpec(shape=(None, None, longest), dtype="int32")


def test_padding_changes_nothing():
    encoder = parts_of(network())["encoder"]
    wide = np.pad(letters(), ((0, 0), (0, 3), (0, 0)))
    np.testing.assert_allclose(
        ops.convert_to_numpy(encoder(wide))[1, :4], ops.convert_to_numpy(encoder(letters()[1:, :4]))[0], atol=1e-6
    )


def test_one_step_of_a_projected_lstm_by_hand():
    """All sums are 0 but the candidate's, ln 3, of tanh 0.8: c = 0.5 * 2 + 0.5 * 0.8, and 0.5 tanh(1.4) = 0.4427."""
    cell = ProjectedLSTMCell(1, 2)
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, 4)), np.zeros((2, 4)), np.array([0, 0, np.log(3), 0]), np.array([[1.0, 10.0]])])
    told, (again, held) = cell(np.ones((1, 1)), [np.zeros((1, 2)), np.full((1, 1), 2.0)])
    np.testing.assert_allclose(ops.convert_to_numpy(held), [[1.4]], rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(told), [[0.442676, 3.0]], rtol=1e-5)  # 4.4 is too far
    np.testing.assert_array_equal(ops.convert_to_numpy(again), ops.convert_to_numpy(told))
    restored = ProjectedLSTMCell.from_config(cell.get_config())
    assert (restored.units, restored.output_size, restored.clip) == (1, 2, 3.0)


def test_layers_are_mixed_by_a_softmax_and_gamma():
    """Equation 1: e^0 = 1 and e^ln3 = 3 make 1/4 and 3/4; gamma is 2."""
    mix = LayerMix()
    x = np.array([[[[4.0, 0.0], [0.0, 8.0]]]], "float32")
    np.testing.assert_allclose(ops.convert_to_numpy(mix(x)), [[[2.0, 4.0]]])
    mix.set_weights([np.log([1.0, 3.0]), np.array(2.0)])
    np.testing.assert_allclose(ops.convert_to_numpy(mix(x)), [[[2.0, 12.0]]], rtol=1e-6)


def test_words_are_spelled_in_bytes_between_their_ends_and_those_of_the_text():
    table = spelling.spelling(vocabulary(["né", "houses"]), 6)
    assert table.shape == (8, 6)
    assert table[0].tolist() == [0] * 6
    assert table[4].tolist() == [BEGINS, *(ord(letter) + 1 for letter in "hous"), ENDS]
    assert table[5].tolist() == [BEGINS, ord("n") + 1, 0xC3 + 1, 0xA9 + 1, ENDS, FILLS]
    assert table[-2:, 1].tolist() == [BEGINS_TEXT, ENDS_TEXT]
    rows = spelling._letters(np.array([[4, 5, 4], [5, 0, 0]], "int32"), table)
    np.testing.assert_array_equal(rows, table[[[6, 4, 5, 4, 7], [6, 5, 7, 0, 0]]])
    uneven = spelling._letters(Ragged.of([np.array([4, 5, 4]), np.array([5])]), table)
    np.testing.assert_array_equal(uneven[:], rows)


def test_each_way_foretells_a_word_from_what_it_has_read_alone():
    """A row changes what is told of its words, but not what the forward way tells up to the change, nor the other."""
    card, arrays = smoke("bidirectional_language_modelling", (8, 5))
    task = TASKS["bidirectional_language_modelling"].build(card)
    net = network(outputs=task.outputs())
    call = lambda *inputs, part: net.parts[part](*inputs)  # noqa: E731

    def told(arrays):
        return {way: ops.convert_to_numpy(x) for way, x in task._logits(call, arrays).items()}

    before = told(arrays)
    changed = {"letters": arrays["letters"].copy(), "tokens": arrays["tokens"]}
    changed["letters"][:, 3] = 9  # the third of six words
    after = told(changed)
    same = {way: np.isclose(before[way], after[way], atol=1e-6).all(axis=(0, 2)).tolist() for way in before}
    assert same == {"forward": [True] * 3 + [False] * 3, "backward": [False] * 2 + [True] * 4}


def test_the_loss_is_the_mean_of_both_ways_and_words_alone_count():
    card, arrays = smoke("bidirectional_language_modelling", (5, 5), examples=2)
    task = TASKS["bidirectional_language_modelling"].build(card)
    tokens = np.array([[4, 5, 6], [4, 0, 0]], "int32")
    shares = {"forward": 0.5, "backward": 0.1}  # of seven tokens: six others have 0.15 each
    logits = {}
    for way, share in shares.items():
        p = np.full((2, 3, task.outputs()), (1 - share) / (task.outputs() - 1))
        np.put_along_axis(p, tokens[..., None].astype(int), share, axis=-1)
        logits[way] = np.log(p).astype("float32")
    logits["forward"][1, 1:] = logits["backward"][1, 1:] = 0  # what is told of padding
    task._logits = lambda net, batch: logits
    found = {name: ops.convert_to_numpy(x) for name, x in task.losses(None, {**arrays, "tokens": tokens}, 0).items()}
    np.testing.assert_allclose(found["forward"], [np.log(2)] * 2, rtol=1e-5)
    np.testing.assert_allclose(found["loss"], [np.log(20) / 2] * 2, rtol=1e-5)
    assert found["weight"].tolist() == [3, 1]
    said = {way: ops.convert_to_numpy(x) for way, x in task.predict(None, {**arrays, "tokens": tokens}, 0).items()}
    np.testing.assert_allclose(said["backward_nats"][0], [np.log(10)] * 3, rtol=1e-5)
    scores = task.scores({"tokens": tokens}, said, {"forward": np.log(2), "backward": np.log(4)})
    assert scores == {"perplexity": pytest.approx(3), "forward_accuracy": 1.0, "backward_accuracy": 0.0}


def test_both_ways_are_learnt_in_the_training_loop():
    """Texts that count up from any of three letters: all but their first and last words can be known by either way."""
    card, _ = smoke("bidirectional_language_modelling", (8, 5))
    framed = np.pad(4 + (np.arange(6) + np.arange(60)[:, None]) % 3, ((0, 0), (1, 1)))
    framed[:, 0], framed[:, -1] = -2, -1
    table = spelling.spelling(vocabulary("abc"), 5)
    arrays = {"letters": table[framed], "tokens": framed[:, 1:-1].astype("int32")}
    settings = {
        "architecture": {"name": "elmo", "letter": 3, "filters": [[1, 6], [3, 6]], "units": 12, "width": 8},
        "task": {"name": "bidirectional_language_modelling"},
        "parts": {"dropout": None},
        "precision": "float32",
        "preprocessing": {"name": "none"},
        "augmentation": [],
        "optimizer": {"name": "adam"},
        "clip": None,
        "batch_size": 10,
    }
    task = build_task(settings, card)
    program = Program(build_learner(settings, card, task, seed=0), xla=True)
    split = open_split(program, arrays, batch_size=10, resident_bytes=10**9, group=None)
    before = split.scores(10)[0]
    for epoch in range(20):
        for data, rows, count in split.chunks(0, epoch, 10, 6):
            program.train(data, rows, count, np.full(len(rows), 0.02), {})
    after = split.scores(10)[0]
    assert after["perplexity"] < 1.3 < 5 < before["perplexity"]  # 3 to the sixth part is 1.2
    assert min(after[f"{way}_accuracy"] for way in ("forward", "backward")) > 0.85


def test_a_classifier_starts_from_the_encoder_of_a_language_model_and_trains_what_is_its_own():
    source, mine = network(), network("elmo_classifier", 3)
    mine.set_weights([weight * 0 for weight in mine.get_weights()])
    begin(mine, parts_of(source), {"from": "elmo", "parts": {"encoder": "encoder"}, "train": "none"})
    theirs = parts_of(source)["encoder"].get_weights()
    for own, other in zip(mine.get_layer("encoder").get_weights(), theirs, strict=True):
        np.testing.assert_array_equal(own, other)
    assert [tuple(weight.shape) for weight in mine.trainable_weights] == [(3,), (), (8, 3), (3,)]
    with pytest.raises(NoStart, match="this network has no part trunk"):
        begin(mine, parts_of(source), {"from": "elmo", "parts": {"trunk": "encoder"}, "train": "none"})


def test_another_network_and_data_without_rows_are_refused():
    card, arrays = smoke("bidirectional_language_modelling")
    with pytest.raises(TaskMismatch, match="lacks softmax"):
        TASKS["bidirectional_language_modelling"].build(card).learn(arrays, {"encoder": None})
