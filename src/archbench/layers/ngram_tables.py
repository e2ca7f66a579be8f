"""What followed what in a text: n-grams with their shares, as weights of a layer that answers whole distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops


class Level(NamedTuple):
    """Every n-gram of one length, in the order of its words: those that differ in their last word stand together."""

    starts: np.ndarray
    """int32 (n-gram without its last word + 1,): where those that begin with it start, and the ones before end."""
    words: np.ndarray
    """int32 (n-gram,): the last word."""
    shares: np.ndarray
    """float32 (n-gram,): what of the probability of its last word, after the others, does not come from fewer words."""
    rest: np.ndarray
    """float32 (n-gram without its last word,): how much the distribution after one word less counts."""


@keras.saving.register_keras_serializable("archbench")
class NgramTables(layers.Layer):
    """The distribution of the word after each of a text: P(w | h) = share(h w) + rest(h) P(w | h without its first).

    After words that never stood together the distribution is that after one less. `fill` sets the tables on the host;
    what they hold are weights, with room for the n-grams of a text of `positions` words. `smoothing` is what they are
    to be made with.
    """

    def __init__(
        self, outputs: int, order: int, positions: int, smoothing: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.outputs, self.order, self.positions = outputs, order, positions
        self.smoothing = dict(smoothing or {})

    def build(self, words_shape, following_shape):
        """The distribution after nothing, and for each longer n-gram the arrays of its `Level`."""
        kept = {"initializer": "zeros", "trainable": False}
        self.first = self.add_weight(shape=(self.outputs,), name="first", **kept)
        self.levels = []
        before = self.outputs  # n-grams of one word less; the place after them stands for those that never were
        for length in range(2, self.order + 1):
            whole = {**kept, "dtype": "int32"}
            self.levels.append(
                Level(
                    self.add_weight(shape=(before + 2,), name=f"starts_{length}", **whole),
                    self.add_weight(shape=(self.positions + 1,), name=f"words_{length}", **whole),
                    self.add_weight(shape=(self.positions + 1,), name=f"shares_{length}", **kept),
                    self.add_weight(shape=(before + 1,), name=f"rest_{length}", **{**kept, "initializer": "ones"}),
                )
            )
            before = self.positions

    def fill(self, first: np.ndarray, levels: Sequence[Level]) -> None:
        """Take over the distribution after nothing, and the levels from two words up."""
        self.first.assign(first)
        for kept, level in zip(self.levels, levels, strict=True):
            places, room = len(level.starts), kept.starts.shape[0]
            kept.starts.assign(np.pad(level.starts, (0, room - places), mode="edge"))
            kept.words.assign(_filled(level.words, kept.words, self.outputs))
            kept.shares.assign(_filled(level.shares, kept.shares, 0))
            kept.rest.assign(_filled(level.rest, kept.rest, 1))

    def call(self, words, following):
        """`words` int32 (batch, order - 2 + step) to the probabilities after each of the last steps.

        `shares` (batch, step, `outputs`), and `share` (batch, step), that of the word that does come, which `following`
        (batch, step) has: a look-up alone, where the others are not used. The first words are those before the text.
        """
        steps = ops.shape(following)[1]
        shares = ops.broadcast_to(self.first, (*ops.shape(following), self.outputs))
        share = ops.take(self.first, following)
        ends = words  # which n-gram ends at each word, of one word, then of two, and so on
        for length, level in enumerate(self.levels, 2):
            last = ends[:, ops.shape(ends)[1] - steps :]
            rest = ops.take(level.rest, last)
            shares = ops.expand_dims(rest, -1) * shares + self._after(level, last)
            share = rest * share + ops.take(level.shares, self._longer(level, last, following))
            if length < self.order:
                ends = self._longer(level, ends[:, :-1], words[:, length - 1 :])
        return {"shares": shares, "share": share}

    def compute_output_shape(self, words_shape, following_shape):
        """The shapes `call` gives."""
        return {"shares": (*following_shape, self.outputs), "share": tuple(following_shape)}

    def get_config(self):
        """The arguments of the constructor."""
        own = {name: getattr(self, name) for name in ("outputs", "order", "positions", "smoothing")}
        return {**super().get_config(), **own}

    def _after(self, level: Level, ngrams: Any) -> Any:
        """The shares of all words after each of `ngrams` (batch, step): (batch, step, `outputs`)."""
        flat = ops.reshape(ngrams, (-1,))
        count = ops.shape(flat)[0]
        start, end = ops.take(level.starts, flat), ops.take(level.starts, flat + 1)
        most = min(self.outputs, self.positions)  # words that follow one n-gram, at most
        places = ops.expand_dims(start, 1) + ops.arange(most)
        there = places < ops.expand_dims(end, 1)
        places = ops.minimum(places, self.positions)
        shares = ops.where(there, ops.take(level.shares, places), 0.0)
        words = ops.where(there, ops.take(level.words, places), self.outputs)  # the place beside all words
        rows = ops.expand_dims(ops.arange(count), 1) * (self.outputs + 1)
        dense = ops.segment_sum(
            ops.reshape(shares, (-1,)), ops.reshape(rows + words, (-1,)), num_segments=count * (self.outputs + 1)
        )
        dense = ops.reshape(dense, (count, self.outputs + 1))[:, :-1]
        return ops.reshape(dense, (*ops.shape(ngrams), self.outputs))

    def _longer(self, level: Level, ngrams: Any, words: Any) -> Any:
        """Which n-gram each of `ngrams` (batch, step) and the word after it are, by bisection."""
        end = ops.take(level.starts, ngrams + 1)

        def halve(_, bounds):
            low, high = bounds
            middle = (low + high) // 2
            below = ops.logical_and(ops.take(level.words, ops.minimum(middle, self.positions)) < words, low < high)
            return ops.where(below, middle + 1, low), ops.where(below, high, ops.maximum(middle, low))

        rounds = math.ceil(math.log2(min(self.outputs, self.positions) + 1)) + 1
        found, _ = ops.fori_loop(0, rounds, halve, (ops.take(level.starts, ngrams), end))
        right = ops.take(level.words, ops.minimum(found, self.positions)) == words
        return ops.where(ops.logical_and(found < end, right), found, self.positions)


def _filled(values: np.ndarray, kept: Any, rest: float) -> np.ndarray:
    """`values`, and `rest` in all the room that they leave."""
    whole = np.full(kept.shape, rest, values.dtype)
    whole[: len(values)] = values
    return whole
