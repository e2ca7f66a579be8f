"""Language modelling: what a token costs, what is carried from row to row, what is said; with networks made by hand."""

import math
import types

import keras
import numpy as np
import pytest
from keras import ops

from archbench.datasets.card import Card
from archbench.datasets.tokens import SPECIAL, START
from archbench.errors import UserError
from archbench.tasks import TASKS
from archbench.training.build import build_learner
from archbench.training.program import Program
from archbench.training.split import open_split
from backend import compiled
from smoke_data import smoke, spec

SYMBOLS = (*SPECIAL, "a", "b", "c")
FIELDS = {"name": "toy", "source": "", "licence": "", "input": "tokens", "split_sizes": {}}
LIKELY, OTHER = math.log(2), math.log(12)
"""What an expected token costs where its logit is log 6 and that of each of the six others 0; and one that is not."""


class Echo:
    """Expects each token to stand again, or with a lag the one before it; `count` is how many it has read."""

    training = False

    def __init__(self, carried=None):
        self.carried = carried or {"before": ops.zeros((1,)), "count": ops.zeros((1, 2))}
        self.told = []

    def __call__(self, tokens, count, part="network"):
        self.told.append(tokens)
        logits = ops.one_hot(tokens, len(SYMBOLS)) * math.log(6)
        return {"logits": logits, "count": count + tokens.shape[1]}


def _card(**changes):
    return Card(**{**FIELDS, "arrays": {"tokens": {"shape": [3], "dtype": "int32"}}, "vocabulary": SYMBOLS, **changes})


def _parts(answers=("logits", "count"), states=("count",)):
    inputs = [types.SimpleNamespace(name="input", shape=(None, None))]
    inputs += [types.SimpleNamespace(name=name, shape=(None, 2)) for name in states]
    return {"network": types.SimpleNamespace(output=dict.fromkeys(answers), inputs=inputs)}


def _task():
    task = TASKS.build("language_modelling", _card())
    task.meet(_parts())
    return task


def _losses(rows, net):
    found = _task().losses(net, {"tokens": ops.convert_to_tensor(np.array(rows, "int32"))}, 0)
    return {name: ops.convert_to_numpy(value).tolist() for name, value in found.items()}


def test_each_token_is_foretold_from_those_before_it():
    """Before 4 4 5 stand the start, 4 and 4: only the second is expected."""
    net = Echo()
    found = _losses([[4, 4, 5]], net)
    assert ops.convert_to_numpy(net.told[0]).tolist() == [[START, 4, 4]]
    assert found["loss"] == pytest.approx([(LIKELY + 2 * OTHER) / 3], rel=1e-5)
    assert found["weight"] == [3]


def test_a_row_goes_on_from_the_last_token_and_the_state_of_the_row_before():
    net = Echo()
    _losses([[4, 4, 5]], net)
    assert ops.convert_to_numpy(net.carried["before"]).tolist() == [5]
    assert ops.convert_to_numpy(net.carried["count"]).tolist() == [[3, 3]]
    found = _losses([[5, 6, 6]], net)
    assert ops.convert_to_numpy(net.told[1]).tolist() == [[5, 5, 6]]
    assert found["loss"] == pytest.approx([(2 * LIKELY + OTHER) / 3], rel=1e-5)
    assert ops.convert_to_numpy(net.carried["count"]).tolist() == [[6, 6]]


def test_padding_costs_and_weighs_nothing():
    found = _losses([[4, 4, 0]], Echo())
    assert found["loss"] == pytest.approx([(LIKELY + OTHER) / 2], rel=1e-5)
    assert found["weight"] == [2]
    assert _losses([[0, 0, 0]], Echo()) == {"loss": [0], "weight": [0]}


def test_a_row_of_one_token():
    net = Echo()
    assert _losses([[4]], net)["loss"] == pytest.approx([OTHER], rel=1e-5)
    assert _losses([[4]], net)["loss"] == pytest.approx([LIKELY], rel=1e-5)


def test_what_is_predicted_is_the_likeliest_token_and_what_the_true_one_cost():
    rows = {"tokens": np.array([[4, 4, 5]], "int32")}
    found = compiled(lambda batch: _task().predict(Echo(), batch, 0), rows)
    assert found["likeliest"].tolist() == [[START, 4, 4]]
    assert found["nats"][0] == pytest.approx([OTHER, LIKELY, OTHER], rel=1e-5)


def test_scores_by_hand():
    """2 bits a token; of three tokens, of which the padding is none, two are foretold."""
    rows, said = np.array([[4, 5], [6, 0]]), np.array([[4, 6], [6, 6]])
    nats = math.log(2) * np.array([[1.0, 2.0], [3.0, 50.0]])
    found = _task().scores({"tokens": rows}, {"likeliest": said, "nats": nats}, {})
    assert found == pytest.approx({"perplexity": 4, "bits": 2, "token_accuracy": 2 / 3})


def test_it_goes_on_token_by_token_from_the_last_one_and_from_the_state():
    """A net that holds the next letter for certain says the alphabet; the state tells how far it has read."""

    class Alphabet(Echo):
        def __call__(self, tokens, count, part="network"):
            logits = 1e3 * ops.one_hot(4 + (tokens - 4 + 1) % 3, len(SYMBOLS))
            return {"logits": logits, "count": count + tokens.shape[1]}

    rows = {"tokens": np.array([[6, 4], [4, 6]], "int32")}
    said = compiled(lambda batch: _task().show(Alphabet(), batch, 0), rows)["sampled"]
    assert said[:, :4].tolist() == [[5, 6, 4, 5], [4, 5, 6, 4]]
    assert said.shape == (2, 60)


def test_tokens_are_drawn_as_likely_as_they_are():
    """Of a token at log 6 and six others at 0 the first comes up in half of the draws: 600 of 1,200, within 4 sigma."""
    same = lambda tokens, count, part="network": {  # noqa: E731
        "logits": ops.one_hot(ops.full_like(tokens, 4), len(SYMBOLS)) * math.log(6),
        "count": count,
    }
    said = compiled(lambda batch: _task().show(same, batch, 0), {"tokens": np.full((20, 2), 5, "int32")})["sampled"]
    counts = np.bincount(said.ravel(), minlength=len(SYMBOLS))
    assert abs(counts[4] - 600) < 4 * math.sqrt(300)
    assert (abs(np.delete(counts, 4) - 100) < 4 * math.sqrt(92)).all()


def test_what_it_carries_and_what_it_costs():
    task = _task()
    assert task.carry == {"before": (), "count": (2,)}
    assert task.calls() == {"network": 3}
    assert task.outputs() == len(SYMBOLS)


def test_a_data_set_without_a_vocabulary_is_refused():
    with pytest.raises(UserError, match="no vocabulary, which language modelling needs"):
        TASKS.build("language_modelling", _card(vocabulary=()))


@pytest.mark.parametrize(
    ("parts", "lacks"),
    [
        (_parts(answers=("count",)), "logits"),
        (_parts(answers=("logits",)), "count"),
        ({"encoder": None}, "logits"),
        ({"network": types.SimpleNamespace(output=None, inputs=[])}, "logits"),
    ],
)
def test_a_network_that_is_none_for_it_is_refused(parts, lacks):
    with pytest.raises(UserError, match=f"lacks {lacks}"):
        TASKS.build("language_modelling", _card()).meet(parts)


def _learner(examples=10, batch_size=2):
    card, arrays = smoke("language_modelling", examples=examples)
    settings = {
        "architecture": spec("deep_lstm"),
        "parts": {"dropout": 0, "initializer": "xavier_uniform"},
        "precision": "float32",
        "preprocessing": {"name": "none"},
        "augmentation": [],
        "optimizer": {"name": "adam"},
        "clip": None,
        "batch_size": batch_size,
    }
    task = TASKS.build("language_modelling", card)
    return build_learner(settings, card, task, seed=0), arrays


@pytest.mark.parametrize("xla", [False, True])
def test_rows_in_streams_cost_what_the_streams_cost_whole(xla):
    """Evaluation in rows of 6 tokens, with the state carried, is evaluation of each stream of 30 at once."""
    learner, arrays = _learner()
    assert {name: tuple(value.shape) for name, value in learner.carried.items()} == {
        "before": (2,),
        "state": (2, 2, 2, 5),
    }
    program = Program(learner, xla=xla or keras.backend.backend() == "jax")
    split = open_split(program, arrays, batch_size=2, resident_bytes=10**9, group=None)
    for _ in range(2):  # each evaluation begins anew
        found = split.answer("predictions", 2)
        whole = arrays["tokens"].reshape(2, 30)
        told = np.concatenate([np.full((2, 1), START), whole[:, :-1]], axis=1).astype("int32")
        logits = learner.parts["network"]([told, np.zeros((2, 2, 2, 5), "float32")])["logits"]
        costs = ops.convert_to_numpy(ops.sparse_categorical_crossentropy(whole, logits, from_logits=True))
        np.testing.assert_allclose(found["nats"].reshape(2, 30)[whole > 0], costs[whole > 0], atol=1e-5)
        known = whole.reshape(10, 6) > 0
        expected = (costs.reshape(10, 6) * known).sum(axis=1) / known.sum(axis=1)
        np.testing.assert_allclose(found["loss/loss"], expected, atol=1e-5)
        assert found["loss/weight"].tolist() == known.sum(axis=1).tolist()


def test_it_learns_a_text_that_repeats_itself_and_a_step_carries_the_state_on():
    learner, _ = _learner(40)
    tokens = np.resize([4, 5, 6, 6, 5], 240).reshape(40, 6).astype("int32")
    program = Program(learner, xla=True)
    split = open_split(program, {"tokens": tokens}, batch_size=2, resident_bytes=10**9, group=None)
    before = split.scores(2)[0]
    for epoch in range(30):
        for data, rows, count in split.chunks(0, epoch, 2, 20):
            program.train(data, rows, count, np.full(len(rows), 0.02), {})
            carried = ops.convert_to_numpy(learner.carried["before"])
            np.testing.assert_array_equal(carried, tokens[rows[count - 1], -1])
    after = split.scores(2)[0]
    # The token before alone leaves a choice of two in four of five places: 0.8 bits, a perplexity of 1.74.
    assert after["perplexity"] < 1.5 < before["perplexity"]
    assert after["token_accuracy"] > 0.8
