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
from archbench.datasets.tokens import END, PADDING, START, decode, encode, in_pieces, vocabulary
from archbench.layers.decoding import beam_search, each_beam, forced, length_weight
from archbench.metrics.texts import bleu
from archbench.metrics.tokens import exact_match, matches, token_accuracy
from archbench.options import Fraction, NonNegative
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch
from archbench.tasks.labels import wrong_and_right


@task(
    "translation",
    source="Sutskever, Vinyals, Le 2014, arXiv:1409.3215; Bahdanau, Cho, Bengio 2014, arXiv:1409.0473",
    preprocessing="none",
    smoke="bahdanau",
)
class Translation(Task):
    """What `source` is in the language of `target`, said token by token.

    The part `encoder` of a network reads the source at once. The part `decoder` is one step: from the token before, the
    state before and what the encoder made to the `logits` of a token, the next state and, where it looks anywhere, its
    `attention`. It reads by name: what it both reads and answers with is state, which begins as the encoder's answer of
    that name, or as zeros, with as many places as are ever said where its input has any number of them. A part `forced`
    makes the steps of a whole target at once, where that can be: it reads the tokens before each, and the same answers.

    Trained on the cross-entropy of each token after the true ones before it, averaged over all tokens of a batch, and
    chosen by it; the truth counts for 1 - `smoothing`, and all tokens alike for the rest (arXiv:1512.00567, section 7).
    Scored by what it says by itself, by beam search of `width` (1 is greedy) with the weight `alpha` for
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
        smoothing: Fraction = 0.0,
    ) -> None:
        super().__init__(card)
        if not card.vocabulary:
            raise TaskMismatch(
                f"The data set {card.name!r} has no vocabulary, which translation needs: its arrays hold no tokens. "
                'Choose another: "archbench list datasets".'
            )
        self.width, self.alpha, self.buckets, self.smoothing = width, alpha, buckets, smoothing

    def reads(self) -> dict[str, keras.InputSpec]:
        """`source`, tokens."""
        return {"source": keras.InputSpec(shape=(None, *self.card.arrays["source"]["shape"]), dtype="int32")}

    def outputs(self) -> int:
        """How many tokens the vocabulary has."""
        return len(self.card.vocabulary)

    def learn(self, training: Arrays, parts: Mapping[str, keras.Model]) -> None:
        """See how many tokens are said, on average and at most, and what the decoder reads."""
        encoder, decoder = (parts.get(name) for name in ("encoder", "decoder"))
        made = set(getattr(encoder, "output", ()) or ())
        answers = set(getattr(decoder, "output", ()) or ())
        if "logits" not in answers:
            raise TaskMismatch(
                "Translation needs a network with a part encoder and a part decoder that answers with logits, and this "
                'one has none. Choose another: "archbench list architectures".'
            )
        _, *inputs = decoder.inputs
        if missing := [one.name for one in inputs if one.name not in made | answers]:
            raise TaskMismatch(
                f"The decoder of this network reads {', '.join(missing)}, which its encoder does not make. Choose "
                'another: "archbench list architectures".'
            )
        self.reads_of = {name: [one.name for one in part.inputs[1:]] for name, part in parts.items()}
        self.fresh = {one.name: one for one in inputs if one.name not in made}
        self.state = [one.name for one in inputs if one.name in answers]
        self.looks = "attention" in answers
        said = training["target"].lengths
        self.typical, self.longest = float(said.mean()), int(said.max())

    def arrays(self, split: Arrays) -> dict[str, Any]:
        """`target`, tokens with the one that ends them."""
        return {"target": split["target"]}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, a token's mean cross-entropy in nats; an example weighs as many as it has tokens."""
        encoded, target = net(batch["source"], part="encoder"), batch["target"]
        logits = ops.cast(self._forced(net, encoded, target, "logits"), "float32")
        known = ops.cast(target != PADDING, "float32")
        tokens = ops.sum(known, axis=1)
        truth = ops.sparse_categorical_crossentropy(target, logits, from_logits=True)
        nats = ops.sum(truth * known, axis=1) / ops.maximum(tokens, 1.0)
        if not self.smoothing:
            return {"loss": nats, "weight": tokens}
        every = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
        smoothed = (1 - self.smoothing) * truth + self.smoothing * every
        return {
            "loss": ops.sum(smoothed * known, axis=1) / ops.maximum(tokens, 1.0),
            "nats": nats,
            "weight": tokens,
        }

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`said`, int32 (batch, place): the best sequence that the search finds; and its `score` (batch,) there."""
        encoded = net(batch["source"], part="encoder")
        search = partial(beam_search, start=START, end=END, padding=PADDING)
        step = self._step(net, each_beam(encoded, self.width))
        said = search(step, self._begun(encoded), width=self.width, longest=self.longest, alpha=self.alpha)
        return {"said": said.tokens[:, 0], "score": said.scores[:, 0]}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`attention` (batch, place said, place of the source): where each said token looked, if anywhere."""
        if not self.looks:
            return {}
        encoded, said = net(batch["source"], part="encoder"), self.predict(net, batch, seed)["said"]
        return {"attention": self._forced(net, encoded, said, "attention")}

    def picked(self, arrays: Arrays, predictions: Arrays, most: int) -> np.ndarray:
        """Up to half of them wrong ones."""
        return wrong_and_right(self.mistakes(arrays, predictions), most)

    def mistakes(self, arrays: Arrays, predictions: Arrays) -> np.ndarray:
        """Whether anything is said otherwise."""
        return ~matches(arrays["target"], predictions["said"])

    def calls(self) -> dict[str, float]:
        """The decoder runs once for each token that is said: in training, those of the target, or all in `forced`."""
        return {"decoder": self.typical, "forced": 0.0}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`exact_match` and `token_accuracy` of what is said, `bleu` where it is words; `perplexity` of the truth."""
        pair = arrays["target"], predictions["said"]
        found = {"exact_match": exact_match(*pair), "token_accuracy": token_accuracy(*pair)}
        if self.says_words:
            found["bleu"] = bleu(*(self.texts(rows) for rows in pair))
        return {**found, "perplexity": float(np.exp(means.get("nats", means["loss"])))}

    @property
    def says_words(self) -> bool:
        """Whether what is said are pieces of words, and not characters."""
        return in_pieces(self.card.vocabulary)

    def comparable(self, nats: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """log P of sequences of these lengths (example,), as the search compares them."""
        return nats / length_weight(lengths, self.alpha)

    def texts(self, tokens: np.ndarray) -> list[str]:
        """What rows of tokens (example, place) say."""
        return [decode(row, self.card.vocabulary) for row in tokens]

    def _forced(self, net: Net, encoded: Mapping[str, Any], tokens: Any, answer: str) -> Any:
        """What the decoder answers at each of `tokens` (batch, place), told the ones before it: (batch, place, ...)."""
        before = _before(tokens)
        if "forced" in self.reads_of:
            return net(before, *(encoded[name] for name in self.reads_of["forced"]), part="forced")[answer]
        return forced(self._step(net, encoded, answer), self._begun(encoded), before)

    def _begun(self, encoded: Mapping[str, Any]) -> dict[str, Any]:
        """The state before the first token."""
        batch = keras.tree.flatten(encoded)[0].shape[0]
        begun = {name: encoded[name] for name in self.state if name not in self.fresh}
        for name, one in self.fresh.items():
            places = (self.longest if side is None else side for side in one.shape[1:])
            begun[name] = ops.zeros((batch, *places), one.dtype)
        return begun

    def _step(self, net: Net, encoded: Mapping[str, Any], answer: str = "logits") -> Any:
        """A step of the decoder, which looks at what the encoder made."""

        def step(token: Any, state: Mapping[str, Any]) -> tuple[Any, Any]:
            read = {**encoded, **state}
            found = net(token, *(read[name] for name in self.reads_of["decoder"]), part="decoder")
            return found[answer], {name: found[name] for name in self.state}

        return step


def _before(tokens: Any) -> Any:
    """The tokens that stand before each of `tokens` (batch, place): the start, then those but for the last."""
    return ops.concatenate([ops.full_like(tokens[:, :1], START), tokens[:, :-1]], axis=1)
