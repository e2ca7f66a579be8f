"""Translation: what a token costs, what is said by itself, and how it is scored; with a network made up by hand."""

import math
import types

import keras
import numpy as np
import pytest
from keras import ops

from archbench.datasets.card import Card
from archbench.datasets.columns import Ragged
from archbench.datasets.tokens import END, SPECIAL
from archbench.errors import UserError
from archbench.tasks import TASKS
from backend import compiled

SYMBOLS = (*SPECIAL, "a", "b", "c")
ARRAYS = {name: {"shape": [None], "dtype": "int32"} for name in ("source", "target")}


def _part(reads, answers):
    """A part of a network that reads and answers with these names."""
    inputs = [keras.KerasTensor((None, 1), name=name) for name in reads]
    return types.SimpleNamespace(inputs=inputs, output=dict.fromkeys(answers))


READS = ("token", "state", "annotations", "keys", "known")
PARTS = {
    "encoder": _part(["source"], ["state", "annotations", "keys", "known"]),
    "decoder": _part(READS, ["logits", "state", "attention"]),
}
TRAINING = {
    "source": Ragged.of(np.array(row, np.int32) for row in ([4, 5], [6], [4])),
    "target": Ragged.of(np.array(row, np.int32) for row in ([4, 5, 6, END], [6, END], [4, END])),
}


def _card(**changes):
    fields = {"name": "toy", "source": "", "licence": "", "input": "source", "split_sizes": {}, "arrays": ARRAYS}
    return Card(**{**fields, "vocabulary": SYMBOLS, **changes})


def _task(**options):
    task = TASKS.build({"name": "translation", **options}, _card())
    task.learn(TRAINING, PARTS)
    return task


def _echo(*inputs, part):
    """Says the source again, word for word, and looks at the word that it says.

    The state is which word comes next; its logit is log 6 and that of each of the six others 0, so that a word that is
    expected costs log 2 and another one log 12.
    """
    if part == "encoder":
        (source,) = inputs
        known = source != 0
        words = ops.one_hot(ops.where(known, source, END), len(SYMBOLS))
        place = ops.zeros((source.shape[0], 1))
        return {"state": place, "annotations": words, "keys": words, "known": known}
    _, state, words, _, _ = inputs
    steps = words.shape[1]
    looks = ops.one_hot(ops.cast(ops.minimum(state[:, 0], steps - 1), "int32"), steps)
    past = ops.cast(state >= steps, "float32")
    said = ops.einsum("bs,bsw->bw", looks, words) * (1 - past) + past * ops.one_hot(END, len(SYMBOLS))
    return {"logits": said * math.log(6), "state": state + 1, "attention": looks}


def _parrot(*inputs, part):
    """Says again the token that it was told, at the same costs."""
    if part == "encoder":
        return _echo(*inputs, part=part)
    token, state, *_ = inputs
    return {"logits": ops.one_hot(token, len(SYMBOLS)) * math.log(6), "state": state, "attention": state}


def _run(method, task, source, target=(), net=_echo):
    arrays = {"source": np.array(source, "int32")}
    if target:
        arrays["target"] = np.array(target, "int32")
    return compiled(lambda batch: getattr(task, method)(net, batch, 0), arrays)


def test_the_loss_is_the_mean_of_a_rows_tokens_and_its_weight_their_number():
    found = _run("losses", _task(), [[4, 5], [6, 0]], [[4, 5, END, 0], [5, 4, 4, END]])
    assert found["weight"].tolist() == [3, 4]
    expected, other = math.log(2), math.log(12)
    assert found["loss"] == pytest.approx([expected, (3 * other + expected) / 4], rel=1e-5)


def test_the_decoder_is_told_the_token_before():
    """Of 4, 4, 5 and the end it is told the start, 4, 4 and 5: what it says again is expected once."""
    found = _run("losses", _task(), [[4]], [[4, 4, 5, END]], net=_parrot)
    assert found["loss"] == pytest.approx([(3 * math.log(12) + math.log(2)) / 4], rel=1e-5)


def test_a_row_of_padding_alone_costs_and_weighs_nothing():
    found = _run("losses", _task(), [[4, 5]], [[0, 0]])
    assert (found["loss"].tolist(), found["weight"].tolist()) == ([0.0], [0.0])


def test_padding_changes_no_loss():
    task = _task()
    short, long = (_run("losses", task, [[4, 5]], [[4, 4, END, *[0] * more]]) for more in (0, 3))
    assert long["loss"] == pytest.approx(short["loss"], rel=1e-6)


def test_means_count_every_token_once():
    """Two rows of 3 and 1 tokens, at 1 and 2 nats: (3 * 1 + 1 * 2) / 4."""
    losses = {"loss": np.array([1.0, 2.0]), "weight": np.array([3.0, 1.0])}
    means = _task().means(losses, {}, lambda values, weight: np.average(values, weights=weight))
    assert means == {"loss": 1.25}


@pytest.mark.parametrize("width", [1, 3])
def test_it_says_at_most_as_many_tokens_as_the_longest_target_of_training(width):
    said = _run("predict", _task(width=width), [[4, 5, 0, 0, 0], [6, 6, 6, 4, 5]])["said"]
    assert said.tolist() == [[4, 5, END, 0], [6, 6, 6, 4]]
    assert said.dtype == "int32"


def test_the_weight_of_the_length_reaches_the_search():
    """Each token halves the probability at best: the shortest sequence is likeliest, unless length counts for it."""
    plain, long = (_run("predict", _task(width=50, alpha=alpha), [[6, 6, 6]])["said"][0] for alpha in (0.0, 5.0))
    assert plain.tolist() == [END, 0, 0, 0]
    assert long.tolist() == [6, 6, 6, END]


def test_it_shows_where_it_looked_at_each_token_that_it_said():
    attention = _run("show", _task(), [[4, 5, 0]])["attention"]
    assert attention[0, :3].argmax(axis=-1).tolist() == [0, 1, 2]
    assert attention.shape == (1, 4, 3)


def test_scores_by_hand():
    targets = {"target": TRAINING["target"][:]}
    said = np.array([[4, 5, 6, END], [6, END, 0, 0], [5, END, 0, 0]], "int32")
    found = _task().scores(targets, {"said": said}, {"loss": math.log(3)})
    assert found == pytest.approx({"exact_match": 2 / 3, "token_accuracy": 7 / 8, "perplexity": 3.0})


def test_up_to_half_of_what_is_shown_are_sentences_with_a_mistake():
    targets, said = np.array([[4, END]] * 6), np.array([[4, END], [4, END], [5, END], [4, END], [4, 4], [5, END]])
    assert _task().picked({"target": targets}, {"said": said}, 4).tolist() == [0, 1, 2, 4]


def test_a_decoder_runs_once_a_token_of_the_targets():
    assert _task().calls()["decoder"] == pytest.approx(8 / 3)
    assert TASKS.build("translation", _card()).calls()["decoder"] == 1.0  # a plan is made before there are data


def test_tokens_are_read_as_whole_numbers_and_the_vocabulary_counts_the_outputs():
    task = _task()
    (spec,) = task.reads().values()
    assert (list(task.reads()), spec.dtype, spec.shape) == (["source"], "int32", (None, None))
    assert task.outputs() == 7
    assert task.arrays(TRAINING)["target"] is TRAINING["target"]


def test_defaults_are_greedy_decoding_by_plain_probability_in_one_feed():
    task = _task()
    assert (task.width, task.alpha, task.buckets, task.smoothing) == (1, 0.0, 1, 0.0)
    assert (_task(buckets=4).buckets, task.predict_every, task.monitor, task.maximize) == (4, 0, "loss", False)


def test_a_data_set_without_a_vocabulary_is_refused():
    with pytest.raises(UserError, match="no vocabulary, which translation needs"):
        TASKS.build("translation", _card(vocabulary=()))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"network": _part(["x"], [])}, "a part decoder that answers with logits"),
        ({**PARTS, "decoder": _part(READS, ["state"])}, "a part decoder that answers with logits"),
        ({**PARTS, "encoder": _part(["source"], ["state", "keys"])}, "reads annotations, known, which its encoder"),
    ],
)
def test_a_network_that_is_none_for_it_is_refused(parts, message):
    with pytest.raises(UserError, match=message):
        TASKS.build("translation", _card()).learn(TRAINING, parts)


def test_smoothed_by_hand():
    """At smoothing 0.3 an expected token, of log 2 where the six others cost log 12, costs 0.7 and a share of all."""
    found = _run("losses", _task(smoothing=0.3), [[4, 5]], [[4, 5, END]])
    every = (math.log(2) + 6 * math.log(12)) / 7
    assert found["loss"] == pytest.approx([0.7 * math.log(2) + 0.3 * every], rel=1e-5)
    assert found["nats"] == pytest.approx([math.log(2)], rel=1e-5)
    assert found["weight"].tolist() == [3]
    scores = _task(smoothing=0.3).scores(
        {"target": TRAINING["target"][:]}, {"said": TRAINING["target"][:]}, {"loss": 5.0, "nats": math.log(3)}
    )
    assert scores["perplexity"] == pytest.approx(3.0)


def test_a_network_that_looks_nowhere_shows_nothing():
    task = TASKS.build("translation", _card())
    task.learn(TRAINING, {**PARTS, "decoder": _part(READS, ["logits", "state"])})
    assert task.show(_echo, {}, 0) == {}


def test_state_that_the_encoder_does_not_give_begins_as_zeros_with_a_place_for_each_token_that_is_said():
    """A decoder that writes down what it was told, and says how many places it has and the token that it was told."""
    kept = keras.KerasTensor((None, None, 2), dtype="int32", name="kept")
    parts = {
        "encoder": _part(["source"], ["known"]),
        "decoder": types.SimpleNamespace(
            inputs=[keras.KerasTensor((None,), name="token"), kept, keras.KerasTensor((None, 1), name="known")],
            output=dict.fromkeys(("logits", "kept")),
        ),
    }
    task, seen = TASKS.build("translation", _card()), []
    task.learn(TRAINING, parts)

    def net(*inputs, part):
        if part == "encoder":
            return {"known": inputs[0] != 0}
        token, kept, known = inputs
        seen.append((kept.shape, str(kept.dtype), known.shape))
        return {"logits": ops.one_hot(token, len(SYMBOLS)), "kept": kept + 1}

    _run("predict", task, [[4, 5], [6, 0]], net=net)
    assert all("int32" in dtype for _, dtype, _ in seen)
    _run("losses", task, [[4, 5], [6, 0]], [[4, END], [5, END]], net=net)
    assert {tuple(shape) for shape, _, _ in seen} == {(2, 4, 2)}


def test_a_part_that_makes_all_steps_at_once_is_asked_in_training_and_for_where_it_looked():
    parts = {**PARTS, "forced": _part(["tokens", "keys"], ["logits", "attention"])}
    task, asked = TASKS.build("translation", _card()), []
    task.learn(TRAINING, parts)

    def net(*inputs, part):
        asked.append(part)
        if part == "forced":
            tokens, keys = inputs
            assert keys.shape == (1, 2, len(SYMBOLS))
            return {"logits": ops.one_hot(tokens, len(SYMBOLS)) * math.log(6), "attention": tokens[..., None]}
        return _echo(*inputs, part=part)

    found = _run("losses", task, [[4, 5]], [[4, 4, 5, END]], net=net)
    assert found["loss"] == pytest.approx([(3 * math.log(12) + math.log(2)) / 4], rel=1e-5)
    assert asked == ["encoder", "forced"]
    assert _run("show", task, [[4, 5]], net=net)["attention"][0, :, 0].tolist() == [1, 4, 5, END]


def test_its_tiny_data_set_is_one_that_it_takes():
    entry = TASKS["translation"]
    smoke = entry.build.smoke((7,), 40, np.random.default_rng(0))
    source, target = smoke.arrays["source"], smoke.arrays["target"]
    assert (len(source), source.lengths.min(), source.lengths.max()) == (40, 1, 7)
    assert (target.lengths.min(), target.lengths.max()) == (2, 4)
    assert max(int(column[:].max()) for column in (source, target)) == len(smoke.vocabulary) - 1
    TASKS.build("translation", _card(vocabulary=smoke.vocabulary)).learn(smoke.arrays, PARTS)
    assert entry.facts["smoke"] == "bahdanau"
