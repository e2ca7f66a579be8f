"""Each token of a text from those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from archbench.datasets.card import Card
from archbench.datasets.tokens import PADDING, START, vocabulary
from archbench.layers.draws import uniform
from archbench.metrics.tokens import bits, perplexity, token_accuracy
from archbench.tasks import task
from archbench.tasks.base import Arrays, Batch, Net, Seed, Smoke, Task, TaskMismatch

FOLLOWING = "following"
"""What an input is called that is no state, but the token after each."""
SAMPLED = 60
"""Tokens that are said after each text that is shown."""


@task(
    "language_modelling",
    source="Mikolov et al. 2010, Interspeech, Recurrent neural network based language model; perplexity: Jelinek et "
    "al. 1977, J. Acoust. Soc. Am. 62, S63",
    preprocessing="none",
    smoke="deep_lstm",
)
class LanguageModelling(Task):
    """The next token of a text, which goes on from each row of `tokens` to the next.

    The part `network` answers the tokens of a row with the `logits` of the token after each of them. What else it
    reads, and answers with under the same name, is its state: it is carried from row to row, zeros at first, and
    gradients stop there (truncated back-propagation through time, as long as a row). One that also reads the tokens
    that are `following` answers with the `nats` that these cost: it can look that up, and need not know all others.

    Trained on the cross-entropy of each token, averaged over all tokens of a batch, and chosen by it. `perplexity` is
    its exponential and `bits` are those of a token; the token that ends a paragraph counts, and that for an unknown
    word is a word as any other. `token_accuracy` counts the likeliest token.
    """

    monitor = "loss"
    maximize = False
    needs = ("tokens",)
    predict_every = 0

    @classmethod
    def smoke(cls, shape: Sequence[int], examples: int, random: np.random.Generator) -> Smoke:
        """A text of three letters, whose last row is not full."""
        symbols = vocabulary("abc")
        tokens = random.integers(START + 1, len(symbols), (examples, *shape)).astype(np.int32)
        tokens[-1, -1] = PADDING
        return Smoke({"tokens": tokens}, "tokens", vocabulary=symbols)

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        if not card.vocabulary:
            raise TaskMismatch(
                f"The data set {card.name!r} has no vocabulary, which language modelling needs: its arrays hold no "
                'tokens. Choose another: "archbench list datasets".'
            )

    def reads(self) -> dict[str, keras.InputSpec]:
        """`tokens`, of rows of any length."""
        return {"tokens": keras.InputSpec(shape=(None, None), dtype="int32")}

    def outputs(self) -> int:
        """How many tokens the vocabulary has."""
        return len(self.card.vocabulary)

    def meet(self, parts: Mapping[str, keras.Model]) -> None:
        """See what the state of the network is: `carry` has it, and `before`, the last token of the row before."""
        network = parts.get("network")
        answers = network.output if network and isinstance(network.output, Mapping) else {}
        others = network.inputs[1:] if network else []
        states = [one for one in others if one.name != FOLLOWING]
        self.looks_up = len(states) < len(others)
        needed = {"logits", *(state.name for state in states), *(["nats"] if self.looks_up else [])}
        missing = needed - set(answers)
        if missing:
            raise TaskMismatch(
                "Language modelling needs a network that answers with the logits of the next token and with each "
                f"state that it reads, and this one lacks {', '.join(sorted(missing))}. Choose another: "
                '"archbench list architectures".'
            )
        self.states = {state.name: tuple(state.shape[1:]) for state in states}
        self.carry = {"before": (), **self.states}

    def arrays(self, split: Arrays) -> dict[str, Any]:
        """`tokens`: what is foretold is what is read next."""
        return {"tokens": split["tokens"]}

    def losses(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`loss`, a token's mean cross-entropy in nats; a row weighs as much as it has tokens."""
        tokens = batch["tokens"]
        answers = self._answers(net, tokens, net.carried)
        net.carried = {
            "before": ops.cast(tokens[:, -1], "float32"),
            **{name: answers[name] for name in self.states},
        }
        known = ops.cast(tokens != PADDING, "float32")
        count = ops.sum(known, axis=1)
        return {"loss": ops.sum(answers["nats"] * known, axis=1) / ops.maximum(count, 1.0), "weight": count}

    def predict(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`likeliest` int32 and `nats`, what the true token costs: both (batch, place)."""
        answers = self._answers(net, batch["tokens"], net.carried)
        likeliest = ops.cast(ops.argmax(answers["logits"], axis=-1), "int32")
        return {"likeliest": likeliest, "nats": answers["nats"]}

    def show(self, net: Net, batch: Batch, seed: Seed) -> dict[str, Any]:
        """`sampled` int32 (batch, place): how the network would go on after each row, every token drawn as likely as
        it holds it to be.
        """
        tokens = batch["tokens"]
        rows = tokens.shape[0]
        begun = {"before": ops.zeros((rows,)), **{name: ops.zeros((rows, *of)) for name, of in self.states.items()}}
        answers = self._answers(net, tokens, begun)
        draws = uniform((SAMPLED, rows), seed)

        def say(place, last, state, said):
            said_before = ops.expand_dims(last, 1)
            unknown = [ops.zeros_like(said_before)] if self.looks_up else []
            answers = net(said_before, *state.values(), *unknown)
            shares = ops.cumsum(ops.softmax(answers["logits"][:, 0], axis=-1), axis=-1)
            token = ops.sum(ops.cast(shares < ops.expand_dims(draws[place], 1), "int32"), axis=-1)
            token = ops.minimum(token, self.outputs() - 1)  # the shares may add up to a little less than 1
            said = ops.where(ops.arange(SAMPLED) == place, ops.expand_dims(token, 1), said)
            return place + 1, token, {name: answers[name] for name in state}, said

        said = ops.zeros((rows, SAMPLED), "int32")
        within = lambda place, *_: place < SAMPLED  # noqa: E731
        state = {name: answers[name] for name in self.states}
        *_, said = ops.while_loop(within, say, (0, tokens[:, -1], state, said), maximum_iterations=SAMPLED)
        return {"sampled": said}

    def kept(self, arrays: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
        """Of every row, what its tokens cost, `row_nats`, and how many they are, `row_tokens`: both (row,)."""
        known = np.asarray(arrays["tokens"]) != PADDING
        return {"row_nats": (predictions["nats"] * known).sum(axis=1), "row_tokens": known.sum(axis=1)}

    def calls(self) -> dict[str, float]:
        """The network runs once for each token of a row."""
        return {"network": self.card.arrays["tokens"]["shape"][0]}

    def scores(self, arrays: Arrays, predictions: Arrays, means: Mapping[str, float]) -> dict[str, float]:
        """`perplexity` and `bits` of a token, and `token_accuracy`."""
        return {
            "perplexity": perplexity(arrays["tokens"], predictions["nats"]),
            "bits": bits(arrays["tokens"], predictions["nats"]),
            "token_accuracy": token_accuracy(arrays["tokens"], predictions["likeliest"]),
        }

    def _answers(self, net: Net, tokens: Any, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the network says of each of `tokens`, told those before them, with the `nats` that each costs.

        `state` is what the row before left.
        """
        before = ops.cast(state["before"], "int32")
        first = ops.where(before == PADDING, START, before)  # a text begins
        told = ops.concatenate([ops.expand_dims(first, 1), tokens[:, :-1]], axis=1)
        states = [state[name] for name in self.states]
        if self.looks_up:
            return net(told, *states, tokens)
        answers = net(told, *states)
        nats = ops.sparse_categorical_crossentropy(tokens, answers["logits"], from_logits=True)
        return {**answers, "nats": nats}
