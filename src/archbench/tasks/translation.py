"""One sequence of tokens from another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from pydantic import Field

from archbench.datasets.card import Card
from archbench.datasets.tokens import END, PADDING, START, encode, vocabulary
from archbench.layers.decoding import beam_search, each_beam, forced
from archbench.metrics.tokens import exact_match, matches, token_accuracy
from archbench.options import NonNegative
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch
from archbench.tasks.labels import wrong_and_right

PARTS = {
    "encoder": {"state", "annotations", "keys", "known"},
    "decoder": {"logits", "state", "attention"},
}
"""The parts that a network must have -> what they answer with."""


@task(
    "translation",
    source="Sutskever, Vinyals, Le 2014, arXiv:1409.3215; Bahdanau, Cho, Bengio 2014, arXiv:1409.0473",
    preprocessing="none",
    smoke="bahdanau",
)
class Translation(Task):
    """What `source` is in the language of `target`, said token by token.

    The part `encoder` of a network reads the source at once. The part `decoder` is one step: from the token before, the
    state before and what the encoder made to the logits of a token, the next state and where it looked.

    Trained on the cross-entropy of each token after the true ones before it, averaged over all tokens of a batch, and
    chosen by it. Scored by what it says by itself, by beam search of `width` (1 is greedy) with the weight `alpha` for
    the length, of no more tokens than the longest target in training.
    """

    monitor = "loss"
    maximize = False
    needs = ("source", "target")
    predict_every = 0
    typical = 1.0
    """Tokens of a target, on average; before the data are there, as for one."""

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """Texts of three letters: sources of up to as many tokens as the shape has, and targets of up to four."""
        symbols = vocabulary("abc")

        def texts(longest: int) -> Iterator[str]:
            return ("".join(random.choice(list("abc"), 1 + random.integers(longest))) for _ in range(examples))

        places = {symbol: token for token, symbol in enumerate(symbols)}
        arrays = {"source": encode(texts(shape[0]), places), "target": encode(texts(3), places, end=True)}
        return Smoke(arrays, "source", vocabulary=symbols)

    def __init__(
        self,
        card: Card,
        *,
        width: Annotated[int, Field(ge=1, le=256)] = 1,
        alpha: NonNegative = 0.0,
        buckets: Annotated[int, Field(ge=1, le=64)] = 1,
    ) -> None:
        super().__init__(card)
        if not card.vocabulary:
            raise TaskMismatch(
                f"The data set {card.name!r} has no vocabulary, which translation needs: its arrays hold no tokens. "
                'Choose another: "archbench list datasets".'
            )
        self.width, self.alpha, self.buckets = width, alpha, buckets

    def reads(self) -> dict[str, keras.InputSpec]:
        """`source`, tokens."""
        return {"source": keras.InputSpec(shape=(None, *self.card.arrays["source"]["shape"]), dtype="int32")}

    def outputs(self) -> int:
        """How many tokens the vocabulary has."""
        return len(self.card.vocabulary)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """See how many tokens are said, on average and at most."""
        for part, answers in PARTS.items():
            missing = answers - set(parts[part].output if part in parts else ())
            if missing:
                raise TaskMismatch(
                    f"Translation needs a network with a part {part} that answers with {', '.join(sorted(answers))}, "
                    f"and this one lacks {', '.join(sorted(missing))}. Choose another: "
                    '"archbench list architectures".'
                )
        said = training["target"].lengths
        self.typical, self.longest = float(said.mean()), int(said.max())

    def arrays(self, split: Arrays) -> dict[str, Any]:
        """`target`, tokens with the one that ends them."""
        return {"target": split["target"]}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, a token's mean cross-entropy in nats; an example weighs as many as it has tokens."""
        encoded, target = net(batch["source"], part="encoder"), batch["target"]
        logits = forced(_step(net, encoded), encoded["state"], _before(target))
        known = ops.cast(target != PADDING, "float32")
        nats = ops.sparse_categorical_crossentropy(target, logits, from_logits=True)
        tokens = ops.sum(known, axis=1)
        return {"loss": ops.sum(nats * known, axis=1) / ops.maximum(tokens, 1.0), "weight": tokens}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`said`, int32 (batch, place): the best sequence that the search finds."""
        encoded = net(batch["source"], part="encoder")
        search = partial(beam_search, start=START, end=END, padding=PADDING)
        step = _step(net, each_beam(encoded, self.width))
        said = search(step, encoded["state"], width=self.width, longest=self.longest, alpha=self.alpha)
        return {"said": said.tokens[:, 0]}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`attention` (batch, place said, place of the source): where each said token looked."""
        encoded, said = net(batch["source"], part="encoder"), self.predict(net, batch, seed)["said"]
        return {"attention": forced(_step(net, encoded, "attention"), encoded["state"], _before(said))}

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """Up to half of them wrong ones."""
        return wrong_and_right(self.mistakes(arrays, predictions), most)

    def mistakes(self, arrays: Arrays, predictions: Arrays) -> np.ndarray:
        """Whether anything is said otherwise."""
        return ~matches(arrays["target"], predictions["said"])

    def calls(self) -> dict[str, float]:
        """The decoder runs once for each token that is said: in training, those of the target."""
        return {"decoder": self.typical}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`exact_match` and `token_accuracy` of what is said; `perplexity` of the true tokens."""
        pair = arrays["target"], predictions["said"]
        return {
            "exact_match": exact_match(*pair),
            "token_accuracy": token_accuracy(*pair),
            "perplexity": float(np.exp(means["loss"])),
        }


def _step(net: Net, encoded: Mapping[str, Any], answer: str = "logits") -> Any:
    """A step of the decoder, which looks at what the encoder made."""
    seen = [encoded[name] for name in ("annotations", "keys", "known")]

    def step(token: Any, state: Any) -> tuple[Any, Any]:
        found = net(token, state, *seen, part="decoder")
        return found[answer], found["state"]

    return step


def _before(tokens: Any) -> Any:
    """The tokens that stand before each of `tokens` (batch, place): the start, then those but for the last."""
    return ops.concatenate([ops.full_like(tokens[:, :1], START), tokens[:, :-1]], axis=1)
