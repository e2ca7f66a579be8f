"""Masking 80/10/10, what is told of it, and the pairs of sentences that it reads."""

import math
import types

import numpy as np
import pytest
from keras import ops

from archbench.datasets.card import Card
from archbench.datasets.columns import Ragged
from archbench.datasets.sentence_pairs import NoRows, sentence_pairs
from archbench.datasets.tokens import END, SPECIAL, START, paired
from archbench.errors import UserError
from archbench.tasks import TASKS
from backend import compiled

SYMBOLS = (*SPECIAL, *"abcdefghijklmnop")
MASK = len(SYMBOLS)
STEPS = 63
SPLITS = ("train", "validation", "test")


def _card(**changes):
    arrays = {name: {"shape": [STEPS], "dtype": "int32"} for name in ("tokens", "segments")}
    arrays["follows"] = {"shape": [], "dtype": "int32"}
    fields = {"name": "toy", "source": "", "licence": "", "input": "tokens", "split_sizes": {}, "arrays": arrays}
    return Card(**{**fields, "vocabulary": SYMBOLS, **changes})


def _task(name="sentence_pairs", **options):
    return TASKS.build({"name": name, **options}, _card())


def _rows(count):
    random = np.random.default_rng(0)
    return paired(*(random.integers(4, len(SYMBOLS), (count, 30)) for _ in range(2)))["tokens"]


@pytest.fixture(scope="module")
def hidden():
    """4,000 rows with a fifth of their 60 words hidden: as read, the places to tell, how many, and what there was."""
    rows = _rows(4000)
    found = compiled(lambda arrays, seed: tuple(_task(share=0.2).hidden(arrays, seed, 4000)), rows, seed=1)
    return rows, *found


def test_eight_of_ten_are_left_out_one_is_another_word_and_one_stays(hidden):
    rows, read, places, count = hidden
    assert (count == 12).all()
    assert places.shape == (4000, 13)  # a fifth of all 63 places
    told = np.take_along_axis(rows, places[:, :12], axis=1)
    seen = np.take_along_axis(read, places[:, :12], axis=1)
    assert np.mean(seen == MASK) == pytest.approx(0.8, abs=0.01)
    assert np.mean(seen == told) == pytest.approx(0.1 + 0.1 / 16, abs=0.01)  # a drawn word may be the same
    other = seen[(seen != MASK) & (seen != told)]
    assert other.min() == len(SPECIAL)
    assert other.max() == MASK - 1


def test_no_other_place_is_changed_and_every_word_is_as_likely_as_another(hidden):
    rows, read, places, _ = hidden
    chosen = np.zeros(rows.shape, bool)
    np.put_along_axis(chosen, places[:, :12], True, axis=1)
    assert (read == rows)[~chosen].all()
    assert not chosen[rows < len(SPECIAL)].any()
    shares = chosen.mean(axis=0)[(rows >= len(SPECIAL)).all(axis=0)]
    assert shares == pytest.approx(0.2, abs=0.035)


def test_in_evaluation_every_example_is_given_the_same_draws():
    rows = np.repeat(_rows(1), 3, axis=0)
    read = compiled(lambda arrays: tuple(_task().hidden(arrays, 0, 1)), rows)[0]
    assert (read == read[0]).all()
    assert (read[0] == MASK).any()


def test_a_row_of_one_word_has_that_one_to_tell():
    row = np.array([[START, 7, END, END, *[0] * (STEPS - 4)]], "int32")
    _, places, count = compiled(lambda arrays: tuple(_task().hidden(arrays, 0, 1)), row)
    assert (places[0, 0], count.tolist()) == (1, [1])


def _sure(*inputs, part):
    """Knows nothing of words, each as likely as another, and is sure by log 3 that a sentence follows."""
    if part == "encoder":
        tokens, _ = inputs
        return {"states": ops.one_hot(tokens, MASK + 1), "pooled": ops.zeros((tokens.shape[0], 1))}
    if part == "masked":
        return ops.zeros((*inputs[0].shape[:2], MASK + 1))
    return ops.broadcast_to(ops.convert_to_tensor([0.0, math.log(3)]), (inputs[0].shape[0], 2))


_sure.training = False


def test_losses_by_hand():
    batch = {"tokens": _rows(2), "segments": np.zeros((2, STEPS), "int32"), "follows": np.array([1, 0], "int32")}
    found = compiled(lambda arrays: _task().losses(_sure, arrays, 0), batch)
    assert found["masked"] == pytest.approx([math.log(MASK + 1)] * 2, rel=1e-5)
    assert found["follows"] == pytest.approx([math.log(4 / 3), math.log(4)], rel=1e-5)
    assert found["loss"] == pytest.approx(found["masked"] + found["follows"])
    assert found["follows_accuracy"].tolist() == [1, 0]
    assert _task().scores({}, {}, {"masked": math.log(5)}) == pytest.approx({"perplexity": 5.0})


def test_a_text_by_itself_has_the_words_alone():
    task = _task("masked_language_modelling")
    net = lambda *inputs, part: _sure(*inputs, *([None] if part == "encoder" else []), part=part)  # noqa: E731
    net.training = False
    found = compiled(lambda arrays: task.losses(net, arrays, 0), {"tokens": _rows(2)})
    assert set(found) == {"loss", "masked_accuracy"}
    assert found["loss"] == pytest.approx([math.log(MASK + 1)] * 2, rel=1e-5)
    assert task.scores({}, {}, {"loss": math.log(5)}) == pytest.approx({"perplexity": 5.0})
    assert list(task.reads()) == ["tokens"]


def test_what_is_left_out_has_a_token_of_its_own():
    assert _task().outputs() == MASK + 1
    assert {name: spec.dtype for name, spec in _task().reads().items()} == {"tokens": "int32", "segments": "int32"}
    assert _task().share == 0.15


def test_a_network_without_its_parts_and_data_without_words_are_refused():
    with pytest.raises(UserError, match="a part encoder that answers with pooled and states"):
        _task().learn({}, {"encoder": types.SimpleNamespace(output={"states": 0})})
    with pytest.raises(UserError, match="no vocabulary, which SentencePairs needs"):
        TASKS.build("sentence_pairs", _card(vocabulary=()))


def _text(rows, **changes):
    arrays = {"tokens": {"shape": [rows.shape[1]], "dtype": "int32"}}
    card = _card(arrays=arrays, **changes)
    return types.SimpleNamespace(card=card, splits={name: {"tokens": rows} for name in SPLITS})


def test_pairs_are_halves_of_rows_and_half_of_them_follow():
    """Row n of 400 is of the words 2 n and 2 n + 1, three of each: a second half is of an odd word."""
    rows = np.repeat(np.arange(800).reshape(400, 2), 3, axis=1).astype("int32") + 4
    rows = np.concatenate([rows, [[5, 5, 5, 5, 5, 0]]]).astype("int32")  # the last one is not full
    raw = sentence_pairs(None, _text(rows))
    tokens, segments, follows = (raw.train[name] for name in ("tokens", "segments", "follows"))
    assert tokens.shape == (400, 9)
    assert tokens[:, [0, 4, 8]].tolist() == [[START, END, END]] * 400
    assert segments.tolist() == [[0] * 5 + [1] * 4] * 400
    first, second = (tokens[:, 1] - 4) // 2, (tokens[:, 5] - 4) // 2
    assert ((first == second) == (follows == 1)).all()
    assert follows.mean() == pytest.approx(0.5, abs=0.08)
    assert sentence_pairs(None, _text(rows), seed=1).train["follows"].tolist() != follows.tolist()


def test_of_texts_of_unlike_length_pairs_are_halves_of_what_they_begin_with():
    """The first five tokens of those that have as many: two before the end, three after it."""
    texts = [np.arange(4, 4 + count) + 10 * count for count in (5, 3, 9, 7, 4)]
    column = Ragged.of([text.astype("int32") for text in texts])
    card = _card(arrays={"tokens": {"shape": [None], "dtype": "int32"}})
    text = types.SimpleNamespace(card=card, splits={name: {"tokens": column} for name in SPLITS})
    made = sentence_pairs(None, text, length=5).train
    begun = [texts[n][:5] for n in (0, 2, 3)]
    assert made["tokens"][:, 1:3].tolist() == [one[:2].tolist() for one in begun]
    assert made["tokens"].shape == (3, 8)
    seconds = [one[2:].tolist() for one in begun]
    for row, (second, follows) in enumerate(zip(made["tokens"][:, 4:7].tolist(), made["follows"], strict=True)):
        assert (seconds.index(second) == row) == bool(follows)
    with pytest.raises(NoRows, match=r"are of unlike length. Give `length` .* as 32\."):
        sentence_pairs(None, text)
    with pytest.raises(NoRows, match="toy, train has 1 full rows of 8 tokens"):
        sentence_pairs(None, text, length=8)


def test_what_is_no_text_in_rows_is_refused():
    with pytest.raises(NoRows, match="no text in rows of tokens"):
        sentence_pairs(None, _text(np.ones((3, 4), "int32"), vocabulary=()))
    with pytest.raises(NoRows, match="1 full rows of 4 tokens"):
        sentence_pairs(None, _text(np.array([[4, 5, 6, 7], [4, 5, 6, 0]], "int32")))
