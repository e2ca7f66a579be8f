"""Words that were left out, and whether one sentence follows another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.datasets.tokens import SPECIAL, paired, vocabulary
from archbench.layers.draws import uniform
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch

MASKED, CHANGED = 0.8, 0.1
"""Of the words that are to be told: the share that is left out, and that has another word in its place."""


class Hidden(NamedTuple):
    """Tokens of which some are to be told."""

    tokens: Any
    """int32 (batch, place): as the network reads them."""
    places: Any
    """int32 (batch, told): the places to tell, the first `count` of them."""
    count: Any
    """int32 (batch,)."""


@task(
    "masked_language_modelling",
    source="Devlin, Chang, Lee, Toutanova 2018, arXiv:1810.04805, section 3.1, task 1",
    preprocessing="none",
    smoke="deberta",
)
class MaskedLanguageModelling(Task):
    """The words at some places of a text, from all the others.

    Of the words of an example a `share` is to be told, drawn anew for each batch: eight of ten are left out, a token of
    their own in their place, one of ten is any other word, and one stays. The part `encoder` of a network reads the
    tokens, and `masked` its states at those places. Trained on the cross-entropy of these words in nats, and chosen by
    it. In evaluation every example is given the same draws.
    """

    monitor = "loss"
    maximize = False
    needs = ("tokens",)
    predict_every = 0
    parts: ClassVar[Mapping[str, set[str]]] = {"encoder": {"states"}, "masked": set()}
    """The parts that a network must have -> what they answer with, where it has names."""

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Texts of three letters, each of one of them."""
        symbols = vocabulary("abc")
        tokens = random.integers(len(SPECIAL), len(symbols), (examples, 1)).repeat(shape[0], axis=1)
        return Smoke({"tokens": tokens.astype("int32")}, "tokens", vocabulary=symbols)

    def __init__(self, card: Card, *, share: Annotated[float, Field(gt=0, le=0.5)] = 0.15) -> None:
        super().__init__(card)
        if not card.vocabulary:
            raise TaskMismatch(
                f"The data set {card.name!r} has no vocabulary, which {type(self).__name__} needs: its arrays hold no "
                'tokens. Choose another: "archbench list datasets".'
            )
        self.share = share

    def reads(self) -> dict[str, keras.InputSpec]:
        """`tokens`."""
        shape = (None, *self.card.arrays["tokens"]["shape"])
        return {"tokens": keras.InputSpec(shape=shape, dtype="int32")}

    def scaled(self) -> tuple[str, ...]:
        """None: tokens have no scale."""
        return ()

    def outputs(self) -> int:
        """How many tokens the vocabulary has, and the one that stands for what is left out."""
        return len(self.card.vocabulary) + 1

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Nothing; raises `TaskMismatch` for a network that is none for it."""
        for part, answers in self.parts.items():
            if part not in parts or (answers and not answers <= set(parts[part].output)):
                told = f" that answers with {' and '.join(sorted(answers))}" if answers else ""
                raise TaskMismatch(
                    f"{type(self).__name__} needs a network with a part {part}{told}, and this one has none. Choose "
                    'another: "archbench list architectures".'
                )

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss` of the words that are to be told, in nats, and how many of them are right, `masked_accuracy`."""
        _, masked, accuracy = self.told(net, batch, seed)
        return {"loss": masked, "masked_accuracy": accuracy}

    def encoded(self, net: Net, tokens: Any, batch: Batch) -> Any:
        """What the encoder makes of `tokens` in place of those of `batch`."""
        return net(tokens, part="encoder")

    def told(self, net: Net, batch: Batch, seed: Seed) -> tuple[Any, Any, Any]:
        """What the encoder made of a batch with words hidden, and of these words the loss and the accuracy (batch,)."""
        tokens = batch["tokens"]
        hidden = self.hidden(tokens, seed, examples=tokens.shape[0] if net.training else 1)
        encoded = self.encoded(net, hidden.tokens, batch)
        states = ops.take_along_axis(encoded["states"], hidden.places[..., None], axis=1)
        truth = ops.take_along_axis(tokens, hidden.places, axis=1)
        counts = ops.cast(ops.arange(truth.shape[1]) < hidden.count[:, None], "float32")
        logits = net(states, part="masked")

        def mean(values: Any) -> Any:
            return ops.sum(ops.cast(values, "float32") * counts, axis=1) / ops.maximum(ops.sum(counts, axis=1), 1.0)

        nats = ops.sparse_categorical_crossentropy(truth, logits, from_logits=True)
        return encoded, mean(nats), mean(ops.cast(ops.argmax(logits, axis=-1), "int32") == truth)

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """int32 (batch, place): the tokens as they were `read`, a share of the words hidden, and the likeliest ones,
        `guessed`."""
        tokens = self.hidden(batch["tokens"], seed, examples=1).tokens
        logits = net(self.encoded(net, tokens, batch)["states"], part="masked")
        return {"read": ops.cast(tokens, "int32"), "guessed": ops.cast(ops.argmax(logits, axis=-1), "int32")}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`perplexity` of the words that are to be told, beside the means of `losses`."""
        return {"perplexity": float(np.exp(means["loss"]))}

    def hidden(self, tokens: Any, seed: Seed, examples: int) -> Hidden:
        """`tokens` (batch, place) with a share of the words hidden; where `examples` is 1, by the same draws."""
        steps = tokens.shape[1]
        order, kind, other = (uniform((examples, steps), seed=_each(seed, n)) for n in range(3))
        words = tokens >= len(SPECIAL)
        order = ops.where(words, order, -1.0)
        count = ops.cast(ops.round(self.share * ops.sum(ops.cast(words, "float32"), axis=1)), "int32")
        count = ops.minimum(ops.maximum(count, 1), ops.sum(ops.cast(words, "int32"), axis=1))
        highest, places = ops.top_k(order, max(1, round(self.share * steps)))
        least = ops.take_along_axis(highest, ops.maximum(count - 1, 0)[:, None], axis=1)
        chosen = ops.logical_and(words, order >= least)
        most = len(self.card.vocabulary)
        drawn = len(SPECIAL) + ops.cast(other * (most - len(SPECIAL)), "int32")
        instead = ops.where(kind < MASKED, most, ops.where(kind < MASKED + CHANGED, drawn, tokens))
        return Hidden(ops.where(chosen, instead, tokens), ops.cast(places, "int32"), count)


@task(
    "sentence_pairs",
    source="Devlin, Chang, Lee, Toutanova 2018, arXiv:1810.04805, section 3.1",
    preprocessing="none",
    smoke="bert_base",
)
class SentencePairs(MaskedLanguageModelling):
    """The words at some places of two sentences, as in masked_language_modelling, and whether the second one follows.

    The encoder reads which sentence a token is of too, and the part `follows` reads what it pools. Trained on the sum
    of both cross-entropies, and chosen by it.
    """

    needs = ("tokens", "segments", "follows")
    parts: ClassVar[Mapping[str, set[str]]] = {"encoder": {"states", "pooled"}, "masked": set(), "follows": set()}

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Pairs of sentences of a letter each, the same one where the second follows."""
        symbols = vocabulary("abc")
        first = (shape[0] - 3) // 2
        follows = random.integers(2, size=examples).astype("int32")
        one, other = (random.integers(len(SPECIAL), len(symbols), (examples, 1)) for _ in range(2))
        second = np.where(follows[:, None], one, other).repeat(shape[0] - 3 - first, axis=1)
        return Smoke({**paired(one.repeat(first, axis=1), second), "follows": follows}, "tokens", vocabulary=symbols)

    def reads(self) -> dict[str, keras.InputSpec]:
        """`tokens` and `segments`."""
        (spec,) = super().reads().values()
        return {"tokens": spec, "segments": spec}

    def arrays(self, split: Arrays) -> dict[str, np.ndarray]:
        """`follows`, 1 where the second sentence does."""
        return {"follows": np.asarray(split["follows"], "int32")}

    def encoded(self, net: Net, tokens: Any, batch: Batch) -> Any:
        """What the encoder makes of `tokens` in place of those of `batch`."""
        return net(tokens, batch["segments"], part="encoder")

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, the sum of `masked` and `follows`, in nats; and how many of each are right."""
        encoded, masked, accuracy = self.told(net, batch, seed)
        logits, truth = net(encoded["pooled"], part="follows"), batch["follows"]
        follows = ops.sparse_categorical_crossentropy(truth, logits, from_logits=True)
        right = ops.cast(ops.argmax(logits, axis=-1), "int32") == truth
        return {
            "loss": masked + follows,
            "masked": masked,
            "follows": follows,
            "masked_accuracy": accuracy,
            "follows_accuracy": ops.cast(right, "float32"),
        }

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`perplexity` of the words that are to be told, beside the means of `losses`."""
        return {"perplexity": float(np.exp(means["masked"]))}


def _each(seed: Seed, number: int) -> Seed:
    """Another number for each draw, where a seed is one; a generator gives another draw by itself."""
    return seed + number if isinstance(seed, int) else seed
