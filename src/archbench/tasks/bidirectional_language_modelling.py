"""Each word of a text from those before it, and from those after it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.datasets.spelled import spelling
from archbench.datasets.tokens import PADDING, SPECIAL, vocabulary
from archbench.metrics.tokens import token_accuracy
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch

BEGIN, END = -2, -1
"""Of the words of a spelling, those that begin and end a text."""


@task(
    "bidirectional_language_modelling",
    source="Peters et al. 2018, arXiv:1802.05365, section 3.1",
    preprocessing="none",
    smoke="elmo",
)
class BidirectionalLanguageModelling(Task):
    """The next word of a text and the one before, by networks that read the `letters` of words from either end.

    The part `encoder` answers with the layers (batch, word, layer, 2 width) that it makes of the `letters` of a row
    (batch, word, place), whose first and last words begin and end the text; in the first half of the last one it has
    read up to each word, in the other down to it. The part `softmax` makes logits of either. Rows stand for themselves.
    Trained on the mean cross-entropy of both, a token, and chosen by it; `perplexity` is the mean of the two ways'.
    """

    monitor = "loss"
    maximize = False
    needs = ("letters", "tokens")
    predict_every = 0

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Texts of three words of one letter each."""
        symbols = vocabulary("abc")
        words, longest = shape[0] - 2, shape[1]
        tokens = random.integers(len(SPECIAL), len(symbols), (examples, words)).astype(np.int32)
        framed = np.pad(tokens, ((0, 0), (1, 1)))
        framed[:, 0], framed[:, -1] = BEGIN, END
        return Smoke({"letters": spelling(symbols, longest)[framed], "tokens": tokens}, "letters", vocabulary=symbols)

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        if not card.vocabulary or card.input_shape[0] is None:
            raise TaskMismatch(
                f"The data set {card.name!r} has no rows of words of one length with a vocabulary, which language "
                "models of both directions need. Choose one of them: {name: spelled, of: prose}."
            )

    def reads(self) -> dict[str, keras.InputSpec]:
        """`letters`, of rows of any length."""
        return {"letters": keras.InputSpec(shape=(None, None, self.card.input_shape[1]), dtype="int32")}

    def outputs(self) -> int:
        """How many tokens the vocabulary has."""
        return len(self.card.vocabulary)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """Nothing; raises `TaskMismatch` for a network that is none for it."""
        missing = {"encoder", "softmax"} - set(parts)
        if missing:
            raise TaskMismatch(
                f"Language models of both directions need a network with the parts encoder and softmax, and this one "
                f'lacks {", ".join(sorted(missing))}. Choose another: "archbench list architectures".'
            )

    def arrays(self, split: Arrays) -> dict[str, Any]:
        """`tokens`, what the words are."""
        return {"tokens": split["tokens"]}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, the mean of `forward` and `backward`, each a token's mean cross-entropy in nats."""
        known = ops.cast(batch["tokens"] != PADDING, "float32")
        count = ops.sum(known, axis=1)
        ways = {
            way: ops.sum(self._nats(batch, logits) * known, axis=1) / ops.maximum(count, 1.0)
            for way, logits in self._logits(net, batch).items()
        }
        return {"loss": (ways["forward"] + ways["backward"]) / 2, **ways, "weight": count}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """By each way the likeliest token, `forward` and `backward`, int32, and what the true one costs, `forward_nats`
        and `backward_nats`: all (batch, place).
        """
        told = self._logits(net, batch)
        likeliest = {way: ops.cast(ops.argmax(logits, axis=-1), "int32") for way, logits in told.items()}
        return {**likeliest, **{f"{way}_nats": self._nats(batch, logits) for way, logits in told.items()}}

    def calls(self) -> dict[str, float]:
        """The encoder reads each word of a row, and each is told twice."""
        words = self.card.arrays["tokens"]["shape"][0]
        return {"encoder": words, "softmax": 2 * words}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`perplexity`, the mean of both ways', and how often the likeliest token is right by each."""
        ways = ("forward", "backward")
        return {
            "perplexity": sum(math.exp(means[way]) for way in ways) / 2,
            **{f"{way}_accuracy": token_accuracy(arrays["tokens"], predictions[way]) for way in ways},
        }

    def _logits(self, net: Net, batch: Batch) -> dict[str, Any]:
        """Of each token by those before it, and by those after it: (batch, place, token) each."""
        last = net(batch["letters"], part="encoder")[:, :, -1]
        forward, backward = ops.split(last, 2, axis=-1)
        return {"forward": net(forward[:, :-2], part="softmax"), "backward": net(backward[:, 2:], part="softmax")}

    def _nats(self, batch: Batch, logits: Any) -> Any:
        """What each token costs: (batch, place)."""
        return ops.sparse_categorical_crossentropy(batch["tokens"], logits, from_logits=True)
