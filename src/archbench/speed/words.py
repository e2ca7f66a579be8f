"""Words to batches: how fast a text becomes pairs of words with negative samples, and a loop word by word."""

from __future__ import annotations

import time
from collections.abc import Iterator

import keras
import numpy as np

from archbench.datasets.card import Card
from archbench.datasets.tokens import SPECIAL
from archbench.layers.draws import uniform
from archbench.layers.word_pairs import drawn
from archbench.speed.pairs import interleave, row
from archbench.speed.workshop import Site
from archbench.tasks.word_vectors import WordVectors

WORDS, STEPS, ROWS = 50_000, 64, 128
"""Of the vocabulary, of a row, and rows of a batch."""
BATCHES = 200
"""In one turn of ours, as many as make some seconds; the loop gets one."""


def text(words: int, rows: int, steps: int) -> np.ndarray:
    """Random tokens int32 (row, step) with the frequencies of a text: the n-th word stands 1 / n as often (Zipf)."""
    ranks = np.arange(1, words + 1)
    shares = 1 / ranks / (1 / ranks).sum()
    return len(SPECIAL) + np.random.default_rng(0).choice(words, (rows, steps), p=shares).astype(np.int32)


def task_of(tokens: np.ndarray, words: int) -> WordVectors:
    """The task of skip-gram with negative sampling, which has seen how often each word stands there."""
    card = Card(
        name="text",
        source="",
        licence="",
        input="tokens",
        arrays={"tokens": {"shape": [tokens.shape[1]], "dtype": "int32"}},
        split_sizes={},
        vocabulary=tuple(map(str, range(words + len(SPECIAL)))),
    )
    task = WordVectors(card)
    task.count({"tokens": tokens})
    return task


class Compiled:
    """Batches of pairs and of negative samples, made as training makes them, in a compiled program."""

    def __init__(self, task: WordVectors, tokens: np.ndarray, batches: int) -> None:
        self._tokens, self._batches = tokens, batches
        generator = keras.random.SeedGenerator(0)

        def batch(tokens):
            words, contexts, weight, _ = task.pairs(tokens, True, generator)
            numbers = uniform((*contexts.shape, task.negatives), seed=generator)
            return words, contexts, weight, drawn(task.noise, numbers)

        self._batch = _compiled(batch, generator)

    def __call__(self) -> float:
        """Words of the text a second."""
        start = time.perf_counter()
        for _ in range(self._batches):
            made = self._batch(self._tokens)
        np.asarray(made[-1])
        return self._batches * self._tokens.size / (time.perf_counter() - start)


class WordByWord:
    """The same pairs, from a loop over the words, with NumPy's random numbers."""

    def __init__(self, task: WordVectors, tokens: np.ndarray) -> None:
        self._task, self._tokens = task, tokens
        self._random = np.random.default_rng(0)

    def __call__(self) -> float:
        """Words of the text a second."""
        start = time.perf_counter()
        for line in self._tokens:
            for _ in self._pairs(line):
                pass
        return self._tokens.size / (time.perf_counter() - start)

    def _pairs(self, line: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        task, random = self._task, self._random
        kept = [word for word in line.tolist() if random.random() < task.chance[word]]
        for place, word in enumerate(kept):
            near = random.integers(1, task.window + 1)
            for other in kept[max(0, place - near) : place] + kept[place + 1 : place + 1 + near]:
                yield word, other, np.searchsorted(task.noise, random.random(task.negatives))


def pairs(site: Site) -> list[dict]:
    """Skip-gram's pairs with five negative samples each, sub-sampled at 1e-5, in windows of up to five words."""
    tokens = text(WORDS, ROWS, STEPS)
    task = task_of(tokens, WORDS)
    pair = interleave(Compiled(task, tokens, BATCHES), WordByWord(task, tokens), site.options.repeats)
    note = f"batches of {ROWS} x {STEPS} words of a vocabulary of {WORDS:,}, with the frequencies of Zipf's law"
    return [row("word-pairs", "words/s", pair, note)]


def _compiled(function, generator):
    if keras.backend.backend() == "jax":
        import jax

        def stateless(tokens, state):
            with keras.StatelessScope(state_mapping=[(generator.state, state)]) as scope:
                made = function(tokens)
            return made, scope.get_current_value(generator.state)

        step = jax.jit(stateless)

        def run(tokens):
            made, state = step(tokens, generator.state.value)
            generator.state.assign(state)
            return made

        return run
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)
