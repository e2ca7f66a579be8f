"""Words from those around them: what vectors of words are learnt by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.datasets.tokens import PADDING, UNKNOWN, vocabulary
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
        """Count how often each word stands in the training text."""
        width = check_tables(parts, "input", "output")
        tokens = np.asarray(training["tokens"])
        counts = np.bincount(tokens[tokens > UNKNOWN], minlength=self.outputs()).astype(float)
        shares = counts / max(counts.sum(), 1)
        self.chance = np.ones_like(shares)
        if self.subsample is not None:
            self.chance = np.minimum(1, np.sqrt(self.subsample / np.maximum(shares, 1e-12)))
        noise = counts**POWER
        self.noise = (np.cumsum(noise) / max(noise.sum(), 1)).astype("float32")
        pairs = 2 * self.window if self.foretells == "context" else 1
        numbers = width * (2 * self.window + pairs * self.negatives) if self.negatives else self.outputs()
        self.swells = max(1.0, numbers / 64)

    def arrays(self, split: Arrays) -> dict[str, Any]:
        """`tokens`: what is foretold is what is read."""
        return {"tokens": split["tokens"]}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, in nats, the mean over the pairs of a row, or over its words; a row weighs as much as it has."""
        words, contexts, weight = self.pairs(batch["tokens"], net.training, seed)
        if self.foretells == "context":
            read, targets = net(words, part="input"), contexts  # (batch, step, width), (batch, step, place)
        else:
            there = ops.expand_dims(weight, -1)
            codes = _vectors(net, contexts, "input")
            read = ops.sum(codes * there, axis=2) / ops.maximum(ops.sum(there, axis=2), 1e-6)
            targets = ops.expand_dims(words, -1)
            any_there = ops.cast(ops.any(weight > 0, axis=2, keepdims=True), "float32")
            weight = any_there * self._chance(targets, net.training)
        nats = self._sampled(net, read, targets, seed) if self.negatives else self._softmax(net, read, targets)
        total = ops.sum(weight, axis=(1, 2))
        return {"loss": ops.sum(nats * weight, axis=(1, 2)) / ops.maximum(total, 1e-6), "weight": total}

    def pairs(self, tokens: Any, training: bool, seed: Seed) -> tuple[Any, Any, Any]:
        """The words that are read (batch, step), those around each (batch, step, place), and what each pair weighs."""
        known = tokens > UNKNOWN
        if training:
            shape = ops.shape(tokens)
            read = ops.take(ops.convert_to_tensor(self.chance, "float32"), tokens)
            words = packed(tokens, known & (keras.random.uniform(shape, seed=seed) < read))
            near = 1 + ops.floor(keras.random.uniform(shape, seed=seed) * self.window)
            likely = ops.cast(distances(self.window) <= ops.expand_dims(near, -1), "float32")
        else:
            words = packed(tokens, known)
            likely = (self.window + 1 - distances(self.window).astype("float32")) / self.window
        contexts = around(words, self.window)
        there = ops.cast((contexts > UNKNOWN) & ops.expand_dims(words > UNKNOWN, -1), "float32") * likely
        if not training:
            there = there * self._chance(contexts, training) * self._chance(ops.expand_dims(words, -1), training)
        return words, contexts, there

    def _chance(self, words: Any, training: bool) -> Any:
        """How likely a word is to be read: in training, where that is drawn, those that are here were."""
        if training:
            return 1.0
        return ops.take(ops.convert_to_tensor(self.chance, "float32"), words)

    def _softmax(self, net: Net, read: Any, targets: Any) -> Any:
        """Of each of `targets`, among all words: (batch, step, place)."""
        table = net(ops.expand_dims(ops.arange(self.outputs()), 0), part="output")[0]
        shares = ops.log_softmax(ops.matmul(read, ops.transpose(table)), axis=-1)
        return -ops.take_along_axis(shares, targets, axis=-1)

    def _sampled(self, net: Net, read: Any, targets: Any, seed: Seed) -> Any:
        """Of each of `targets`, apart from words drawn at random, of which those that are the target do not count."""
        steps, places = targets.shape[1:]
        shape = (steps, places, self.negatives)
        numbers = (
            keras.random.uniform((ops.shape(targets)[0], *shape), seed=seed)
            if net.training
            else even_numbers(targets[:, :, 0], shape)
        )
        others = drawn(ops.convert_to_tensor(self.noise), numbers)
        right = ops.einsum("bsd,bspd->bsp", read, _vectors(net, targets, "output"))
        wrong = ops.einsum("bsd,bspnd->bspn", read, _vectors(net, others, "output"))
        told = ops.cast(others != ops.expand_dims(targets, -1), "float32")
        return ops.softplus(-right) + ops.sum(told * ops.softplus(wrong), axis=-1)

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """How many `words` of each row are read: what is learnt is no prediction, but the vectors."""
        return {"words": ops.sum(ops.cast(batch["tokens"] > UNKNOWN, "int32"), axis=1)}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """The `vector` of each token, and its nearest `neighbor`s with their `likeness`."""
        table = net(ops.expand_dims(ops.arange(self.outputs()), 0), part="input")[0]
        return neighbors(table, batch["tokens"])

    def calls(self) -> dict[str, float]:
        """Looking up multiplies nothing."""
        return {}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """Of the loss alone."""
        return {}


def _vectors(net: Net, words: Any, part: str) -> Any:
    """Of words (batch, ...), with an axis more."""
    shape = ops.shape(words)
    found = net(ops.reshape(words, (shape[0], -1)), part=part)
    return ops.reshape(found, (*shape, found.shape[-1]))
