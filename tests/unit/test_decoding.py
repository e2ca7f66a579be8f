"""Saying token by token: beam search against every sequence there is, and against a greedy loop in NumPy."""

import itertools
from functools import partial

import numpy as np
import pytest
from keras import ops

from archbench.layers.decoding import beam_search, each_beam, forced
from backend import compiled

PADDING, START, END = 0, 1, 2
search = partial(beam_search, start=START, end=END, padding=PADDING)


class Model:
    """A small recurrent model with random weights: h' = tanh(U h + E[token]), logits = W h'."""

    def __init__(self, seed, tokens=4, units=3, sharpness=2.0):
        random = np.random.default_rng(seed)
        self.u, self.e, self.w = (
            (sharpness * random.normal(size=shape)).astype("float32")
            for shape in ((units, units), (tokens, units), (units, tokens))
        )
        self.start = random.normal(size=(5, units)).astype("float32")

    def step(self, token, state):
        state = ops.tanh(state @ ops.convert_to_tensor(self.u) + ops.take(ops.convert_to_tensor(self.e), token, axis=0))
        return state @ ops.convert_to_tensor(self.w), state

    def nats(self, row, sequence):
        """-log P of each token of a sequence after the ones before it, in NumPy."""
        state, before, found = self.start[row].astype("float64"), START, []
        for token in sequence:
            state = np.tanh(state @ self.u + self.e[before])
            logits = state @ self.w
            found.append(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[token])
            before = token
        return np.array(found)

    def greedy(self, row, longest):
        """The likeliest token each time, in NumPy."""
        said = []
        while len(said) < longest and END not in said:
            choices = [self.nats(row, [*said, token])[-1] for token in range(self.w.shape[1])]
            said.append(int(np.argmin(choices)))
        return said


def every_sequence(tokens, longest):
    """All that end once, at their end, or are of full length without one."""
    for length in range(1, longest + 1):
        for sequence in itertools.product(range(tokens), repeat=length):
            if END not in sequence[:-1] and (sequence[-1] == END or length == longest):
                yield list(sequence)


def padded(sequence, longest):
    return sequence + [PADDING] * (longest - len(sequence))


def say(model, **options):
    return compiled(lambda state: tuple(search(model.step, state, **options)), model.start)


@pytest.mark.parametrize("seed", range(2))
def test_width_one_is_greedy_decoding(seed):
    model = Model(seed, tokens=7)
    tokens, _ = say(model, width=1, longest=6)
    assert tokens[:, 0].tolist() == [padded(model.greedy(row, 6), 6) for row in range(5)]


@pytest.mark.parametrize(("tokens", "alpha"), [(3, 2.0), (4, 0.0), (4, 0.6)])
def test_a_beam_as_wide_as_the_space_finds_the_best_of_all_sequences(tokens, alpha):
    model, longest = Model(tokens, tokens), 4
    said, scores = say(model, width=tokens**longest, longest=longest, alpha=alpha)
    for row in range(5):
        values = {
            tuple(padded(sequence, longest)): -model.nats(row, sequence).sum() / ((5 + len(sequence)) / 6) ** alpha
            for sequence in every_sequence(tokens, longest)
        }
        best = sorted(values.values(), reverse=True)
        assert tuple(said[row, 0]) == max(values, key=values.get)
        assert scores[row, : len(best)] == pytest.approx(best, rel=1e-4)
        assert (scores[row, len(best) :] == -np.inf).all()
        assert (said[row, len(best) :] == PADDING).all()


@pytest.mark.parametrize(("alpha", "best", "score"), [(0.0, [END, 0, 0], -0.9163), (2.0, [3, 3, 3], -0.8620)])
def test_the_length_has_a_say_in_which_sequence_is_best(alpha, best, score):
    """By hand: END has 0.4 and 3 has 0.6 each time; log 0.4 = -0.9163, and 3 log 0.6 / (8/6)^2 = -0.8620."""

    def step(token, state):
        return ops.broadcast_to(ops.log(ops.convert_to_tensor([1e-30, 1e-30, 0.4, 0.6])), (token.shape[0], 4)), state

    said = search(step, ops.zeros((1, 1)), width=8, longest=3, alpha=alpha)
    assert np.asarray(said.tokens)[0, 0].tolist() == best
    assert float(np.asarray(said.scores)[0, 0]) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("width", [1, 3])
def test_scores_are_the_sums_of_what_was_said(width):
    model = Model(5, tokens=6)
    tokens, scores = say(model, width=width, longest=5)
    assert (np.diff(scores, axis=1) <= 0).all()
    for row in range(5):
        for sequence, score in zip(tokens[row], scores[row], strict=True):
            length = 1 + list(sequence).index(END) if END in sequence else 5
            assert score == pytest.approx(-model.nats(row, sequence[:length]).sum(), rel=1e-4)


def test_an_example_does_not_depend_on_its_batch():
    model = Model(6, tokens=6)
    together = say(model, width=3, longest=5)
    for row in range(5):
        alone = search(model.step, ops.convert_to_tensor(model.start[row : row + 1]), width=3, longest=5)
        assert np.asarray(alone.tokens)[0].tolist() == together[0][row].tolist()
        assert np.asarray(alone.scores)[0] == pytest.approx(together[1][row], rel=1e-5)


def test_what_ends_at_once_is_the_end_and_padding():
    def step(token, state):
        return ops.broadcast_to(ops.convert_to_tensor([0.0, 0.0, 50.0, 0.0]), (token.shape[0], 4)), state

    tokens, scores = search(step, ops.zeros((2, 1)), width=1, longest=3)
    assert np.asarray(tokens).tolist() == [[[END, PADDING, PADDING]]] * 2
    assert np.asarray(scores) == pytest.approx(0.0, abs=1e-6)


def test_what_has_ended_is_padded_while_others_go_on():
    def step(token, state):
        return ops.take(ops.convert_to_tensor([[0.0, 0.0, 50.0, 0.0], [0.0, 0.0, 0.0, 50.0]]), state, axis=0), state

    tokens, scores = search(step, ops.arange(2), width=1, longest=3)
    assert np.asarray(tokens).tolist() == [[[END, PADDING, PADDING]], [[3, 3, 3]]]
    assert np.asarray(scores) == pytest.approx(0.0, abs=1e-6)


def test_a_state_of_several_tensors_follows_its_sequence():
    """A model that counts what its sequence holds: each beam must count its own tokens."""

    def step(token, state):
        counts = state["counts"] + ops.one_hot(token, 4)
        ending, open_ = ops.convert_to_tensor([[0.0, 0.0, 50.0, 0.0], [-50.0, -50.0, 0.0, 0.4]])
        return ops.where(counts[:, 3:] > 1.5, ending, open_), {"counts": counts, "row": state["row"]}

    state = {"counts": ops.zeros((2, 4)), "row": ops.arange(2)}
    tokens, _ = search(step, state, width=3, longest=5)
    assert np.asarray(tokens)[0].tolist() == [[END, 0, 0, 0, 0], [3, 3, END, 0, 0], [3, END, 0, 0, 0]]


def test_each_beam_repeats_rows_next_to_each_other():
    assert np.asarray(each_beam({"x": ops.arange(2)}, 3)["x"]).tolist() == [0, 0, 0, 1, 1, 1]


def test_forced_answers_with_the_logits_after_each_true_token():
    model, truth = Model(7, tokens=5), np.random.default_rng(8).integers(5, size=(5, 6)).astype("int32")
    given = np.concatenate([np.full((5, 1), START, "int32"), truth[:, :-1]], axis=1)
    logits = compiled(lambda arrays: forced(model.step, *arrays), (model.start, given))
    nats = -np.take_along_axis(np.asarray(ops.log_softmax(logits)), truth[..., None], -1)[..., 0]
    assert nats == pytest.approx(np.array([model.nats(row, truth[row]) for row in range(5)]), rel=1e-4, abs=1e-5)


def test_forced_takes_a_single_token():
    model = Model(9)
    logits = forced(model.step, ops.convert_to_tensor(model.start), ops.full((5, 1), START, dtype="int32"))
    assert np.asarray(logits)[:, 0].argmax(axis=-1).tolist() == [model.greedy(row, 1)[0] for row in range(5)]


def test_forced_carries_a_state_of_several_tensors():
    """Of 1, 3, 3 and 2 the second state counts the 3s, whatever the first one is."""

    def step(token, state):
        counts = state["counts"] + ops.cast(token == 3, "float32")[:, None, None]
        return counts[:, 0], {"counts": counts, "other": state["other"] * 2}

    state = {"other": ops.ones((1, 2)), "counts": ops.zeros((1, 1, 1))}
    found = compiled(lambda arrays: forced(step, *arrays), (state, np.array([[1, 3, 3, 2]], "int32")))
    assert found[0, :, 0].tolist() == [0, 1, 2, 2]
