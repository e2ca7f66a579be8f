"""Words from those around them: what vectors of words are learnt by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.datasets.tokens import PADDING, UNKNOWN, vocabulary
from archbench.layers.draws import uniform
from archbench.layers.word_pairs import around, distances, drawn, even_numbers, packed
from archbench.options import Part
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch
from archbench.tasks.neighbors import check_tables, neighbors

POWER = 0.75
"""Of the frequencies that negative samples are drawn by."""


@task(
    "word_vectors",
    source="Mikolov et al. 2013, arXiv:1301.3781 and arXiv:1310.4546",
    preprocessing="none",
    smoke="skipgram_negative",
)
class WordVectors(Task):
    """The words around each word of a row of text (`context`), or that word from the mean of those around it (`word`).

    The parts `input` and `output` of a network give words their vectors; how well two go together is their product.
    With `negatives` 0 the word is told from all others, by the cross-entropy of the softmax over the vocabulary; else
    from so many words that are drawn with their frequency to the power 0.75, by that of a sigmoid each.

    Words within `window` places are around another; in training the window of each is drawn, from 1 place to as many.
    A word of frequency f is read with the probability sqrt(`subsample` / f) in training, before windows are laid: those
    that are left move up to each other. In evaluation nothing is drawn: a pair weighs as much as it would be likely,
    and negative samples are spread evenly. Special tokens, unknown words among them, are not read. Windows end where
    the row does. Trained on and chosen by the mean loss of all pairs, or words.
    """

    monitor = "loss"
    maximize = False
    needs = ("tokens",)
    predict_every = 0

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """A text of seven words, of which the next is often the one after in the alphabet."""
        symbols = vocabulary("abcdefg")
        steps = random.integers(1, 3, (examples, *shape)).cumsum(axis=1)
        tokens = (UNKNOWN + 1 + steps % 7).astype(np.int32)
        tokens[-1, -1] = PADDING
        return Smoke({"tokens": tokens}, "tokens", vocabulary=symbols)

    def __init__(
        self,
        card: Card,
        *,
        foretells: Literal["context", "word"] = "context",
        negatives: Annotated[int, Field(ge=0, le=1_000)] = 5,
        window: Annotated[int, Field(ge=1, le=100)] = 5,
        subsample: Part | None = 1e-5,
    ) -> None:
        super().__init__(card)
        if not card.vocabulary:
            raise TaskMismatch(
                f"The data set {card.name!r} has no vocabulary, which word vectors need: its arrays hold no tokens. "
                'Choose another: "archbench list datasets".'
            )
        self.foretells, self.negatives, self.window, self.subsample = foretells, negatives, window, subsample

    def reads(self) -> dict[str, keras.InputSpec]:
        """`tokens`, of rows of any length."""
        return {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}

    def outputs(self) -> int:
        """How many tokens the vocabulary has."""
        return len(self.card.vocabulary)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """See how often each word stands in the training text, and how wide vectors are; raises `TaskMismatch`."""
        width = check_tables(parts, "input", "output")
        self.count(training)
        pairs = 2 * self.window if self.foretells == "context" else 1
        numbers = width * (2 * self.window + pairs * self.negatives) if self.negatives else self.outputs()
        self.swells = max(1.0, numbers / 64)

    def count(self, training: Arrays) -> None:
        """Of each word, the `chance` that it is read in training, and the `noise`, by which it is drawn, added up.

        And how many words are `left` of a row: the mean, and the deviation.
        """
        tokens = np.asarray(training["tokens"])
        counts = np.bincount(tokens[tokens > UNKNOWN], minlength=self.outputs()).astype(float)
        shares = counts / max(counts.sum(), 1)
        self.chance = np.ones_like(shares)
        if self.subsample is not None:
            self.chance = np.minimum(1, np.sqrt(self.subsample / np.maximum(shares, 1e-12)))
        chances = np.where(tokens > UNKNOWN, self.chance[tokens], 0)
        spread = (chances * (1 - chances)).sum(axis=1).mean() + chances.sum(axis=1).var()
        self.left = float(chances.sum(axis=1).mean()), float(np.sqrt(spread))
        noise = counts**POWER
        self.noise = (np.cumsum(noise) / max(noise.sum(), 1)).astype("float32")

    def arrays(self, split: Arrays) -> dict[str, Any]:
        """`tokens`: what is foretold is what is read."""
        return {"tokens": split["tokens"]}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, in nats, the mean over the pairs of a row, or over its words; a row weighs as much as it has."""
        rows = batch["tokens"].shape[0]
        words, contexts, weight, row = self.pairs(batch["tokens"], net.training, seed)
        if self.foretells == "context":
            read, targets = _vectors(net, words, "input"), contexts  # (place, width), (place, other)
        else:
            there = ops.expand_dims(weight, -1)
            read = ops.sum(_vectors(net, contexts, "input") * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1e-6)
            targets = ops.expand_dims(words, -1)
            weight = ops.cast(ops.any(weight > 0, axis=1, keepdims=True), "float32") * self._left(targets, net.training)
        nats = self._sampled(net, read, words, targets, seed) if self.negatives else self._softmax(net, read, targets)
        cost, total = (
            ops.segment_sum(ops.sum(values, axis=1), row, num_segments=rows + 1)[:rows]
            for values in (nats * weight, weight)
        )
        return {"loss": cost / ops.maximum(total, 1e-6), "weight": total}

    def pairs(self, tokens: Any, training: bool, seed: Seed) -> tuple[Any, Any, Any, Any]:
        """The words that are read, from all rows of `tokens` (batch, step) one after the other: (place,).

        With those around each (place, other), what each pair weighs (place, other), and the row of each word (place,).
        """
        known, room = tokens > UNKNOWN, tokens.shape[0] * tokens.shape[1]
        likely = (self.window + 1 - distances(self.window)) / self.window
        if training:
            known = known & (uniform(tokens.shape, seed) < ops.take(self._chance(), tokens))
            room = self._room(*tokens.shape)
        words, row = packed(tokens, known, room)
        if training:
            near = 1 + ops.floor(uniform((room, 1), seed) * self.window)
            likely = ops.cast(distances(self.window) <= near, "float32")
        contexts = around(words, self.window)
        together = (contexts > UNKNOWN) & (around(row, self.window, -1) == ops.expand_dims(row, 1))
        together = ops.cast(together & ops.expand_dims(words > UNKNOWN, 1), "float32")
        left = self._left(contexts, training) * self._left(ops.expand_dims(words, 1), training)
        return words, contexts, together * ops.cast(likely, "float32") * left, row

    def _room(self, rows: int, steps: int) -> int:
        """Places for the words that are left of so many rows: more are left once in a thousand million batches."""
        return min(rows * steps, math.ceil(rows * self.left[0] + 6 * math.sqrt(rows) * self.left[1]) + 6)

    def _chance(self) -> Any:
        return ops.convert_to_tensor(self.chance, "float32")

    def _left(self, words: Any, training: bool) -> Any:
        """How likely words are to be read: in training, where that is drawn, those that are here were."""
        return 1.0 if training else ops.take(self._chance(), words)

    def _softmax(self, net: Net, read: Any, targets: Any) -> Any:
        """Of each of `targets`, among all words: (place, other)."""
        table = _vectors(net, ops.arange(self.outputs()), "output")
        shares = ops.log_softmax(ops.matmul(read, ops.transpose(table)), axis=-1)
        return -ops.take_along_axis(shares, targets, axis=-1)

    def _sampled(self, net: Net, read: Any, words: Any, targets: Any, seed: Seed) -> Any:
        """Of each of `targets`, apart from words drawn at random, of which those that are the target do not count."""
        if net.training:
            numbers = uniform((*targets.shape, self.negatives), seed)
        else:
            numbers = even_numbers(words, targets, self.negatives)
        others = drawn(self.noise, numbers)
        right = ops.einsum("pd,pod->po", read, _vectors(net, targets, "output"))
        wrong = ops.einsum("pd,pond->pon", read, _vectors(net, others, "output"))
        told = ops.cast(others != ops.expand_dims(targets, -1), "float32")
        return ops.softplus(-right) + ops.sum(told * ops.softplus(wrong), axis=-1)

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """How many `words` of each row are read: what is learnt is no prediction, but the vectors."""
        return {"words": ops.sum(ops.cast(batch["tokens"] > UNKNOWN, "int32"), axis=1)}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """The `vector` of each token, and its nearest `neighbor`s with their `likeness`."""
        return neighbors(self.vectors(net), batch["tokens"])

    def vectors(self, net: Net) -> Any:
        """Those of all words, (word, width): of the part `input`."""
        return _vectors(net, ops.arange(self.outputs()), "input")

    def calls(self) -> dict[str, float]:
        """Looking up multiplies nothing."""
        return {}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """Of the loss alone."""
        return {}


def _vectors(net: Net, words: Any, part: str) -> Any:
    """Of words of any shape, with an axis more."""
    found = net(ops.reshape(words, (1, -1)), part=part)
    return ops.reshape(found, (*words.shape, found.shape[-1]))
