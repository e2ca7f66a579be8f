"""Saying a sequence token by token: with the truth as the words before, or by beam search.

A `step` maps tokens (row,) and a state, a tensor or a tree of them with the rows first, to logits (row, token) and the
state after it. Beam search as in Sutskever et al. 2014, arXiv:1409.3215, section 3.2; the length's weight as in Wu et
al. 2016, arXiv:1609.08144, equation 14.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import layers, ops

Step = Callable[[Any, Any], tuple[Any, Any]]
IMPOSSIBLE = float("-inf")
"""The score of a sequence that is none."""


class Said(NamedTuple):
    """The sequences that a beam search ends with, the best one first."""

    tokens: Any
    """int32 (batch, width, place); padding after the end, and everywhere where there are fewer than `width`."""
    scores: Any
    """float32 (batch, width): log P over the length's weight; minus infinity where there is none."""


def forced(step: Step, state: Any, tokens: Any) -> Any:
    """What `step` answers after each of `tokens` (batch, place), from `state` on: (batch, place, ...).

    It goes through Keras's recurrent layer, which can be differentiated on every backend, compiled or not: `ops.scan`
    cannot on TensorFlow under XLA, `ops.while_loop` not on JAX.
    """
    told = layers.RNN(_Cell(step, state), return_sequences=True)
    return told(ops.expand_dims(tokens, -1), initial_state=keras.tree.flatten(state))


class _Cell:
    """A step as the recurrent layer wants it."""

    compute_dtype = "float32"

    def __init__(self, step: Step, state: Any) -> None:
        self.step, self.state = step, state
        self.state_size = [one.shape[-1] for one in keras.tree.flatten(state)]

    def __call__(self, tokens: Any, states: Any) -> tuple[Any, list[Any]]:
        answer, state = self.step(tokens[:, 0], keras.tree.pack_sequence_as(self.state, states))
        return answer, keras.tree.flatten(state)

    call = __call__


def length_weight(lengths: Any, alpha: float) -> Any:
    """What log P of a sequence of a length is divided by: Wu et al. 2016, equation 14."""
    return ((5.0 + lengths) / 6.0) ** alpha


def each_beam(tree: Any, width: int) -> Any:
    """Every row of the tensors of `tree` `width` times, one after the other: what a step reads beside its state."""
    return keras.tree.map_structure(lambda x: ops.repeat(x, width, axis=0), tree)


def beam_search(
    step: Step,
    state: Any,
    *,
    start: int,
    end: int,
    padding: int,
    width: int,
    longest: int,
    alpha: float = 0.0,
) -> Said:
    """The likeliest sequences from `state` (batch, ...) on, each up to the token `end` or of `longest` tokens.

    In each round every sequence that has not ended is continued by every token, and the best `width` stay, with those
    that have ended among them. `width` 1 is greedy decoding: the likeliest token each time. `step` is given
    `width` rows an example, next to each other.

    Sequences are compared by log P / ((5 + length) / 6)**`alpha`, their length with the end; `alpha` 0 is log P.
    """
    state = each_beam(state, width)
    batch = keras.tree.flatten(state)[0].shape[0] // width
    places = ops.arange(longest)
    weights = length_weight(ops.cast(places, "float32") + 1.0, alpha)
    sums = ops.broadcast_to(ops.where(ops.arange(width) == 0, 0.0, IMPOSSIBLE), (batch, width))

    def unfinished(place, tokens, last, sums, length, state):
        return ops.logical_and(place < longest, ops.any(last != end))

    def advance(place, tokens, last, sums, length, state):
        logits, after = step(ops.reshape(last, (-1,)), state)
        nats = ops.reshape(ops.log_softmax(ops.cast(logits, "float32"), axis=-1), (batch, width, -1))
        choices = nats.shape[-1]
        over = ops.expand_dims(last == end, -1)
        nothing = ops.where(ops.arange(choices) == padding, 0.0, IMPOSSIBLE)
        total = ops.expand_dims(sums, -1) + ops.where(over, nothing, nats)  # (batch, width, token)
        long = ops.where(over[..., 0], length, place + 1)
        weight = ops.take(weights, long - 1)
        _, best = ops.top_k(ops.reshape(total / ops.expand_dims(weight, -1), (batch, -1)), width)
        best = ops.cast(best, "int32")
        parent, token = best // choices, best % choices
        sums = ops.take_along_axis(ops.reshape(total, (batch, -1)), best, axis=1)
        ended = ops.take_along_axis(over[..., 0], parent, axis=1)
        tokens = ops.take_along_axis(tokens, ops.expand_dims(parent, -1), axis=1)
        tokens = ops.where(places == place, ops.expand_dims(token, -1), tokens)
        rows = ops.reshape(parent + width * ops.expand_dims(ops.arange(batch), -1), (-1,))
        state = keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), after)
        length = ops.take_along_axis(long, parent, axis=1)
        return place + 1, tokens, ops.where(ended, end, token), sums, length, state

    tokens = ops.full((batch, width, longest), padding, dtype="int32")
    last = ops.full((batch, width), start, dtype="int32")
    length = ops.ones((batch, width), dtype="int32")
    _, tokens, _, sums, length, _ = ops.while_loop(
        unfinished, advance, (0, tokens, last, sums, length, state), maximum_iterations=longest
    )
    scores = sums / ops.take(weights, length - 1)
    return Said(ops.where(ops.expand_dims(scores > IMPOSSIBLE, -1), tokens, padding), scores)
