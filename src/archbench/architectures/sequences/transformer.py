"""The Transformer: translation by attention alone.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, sections 3 and 5.4; base and big are those of table
3. Every projection of an attention has a bias, of which the paper says nothing; normalizations add 1e-6 to the
variance, as in its authors' code. Initial weights are Glorot's, those of the shared table too.
"""

from dataclasses import replace

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.blocks.transformer import Attending, Feeding, Summed
from archbench.datasets.tokens import PADDING
from archbench.layers.attention import Shares, Sinusoids
from archbench.options import Depth, Width
from archbench.parts import Parts

PAPER = Parts(initializer="xavier_uniform", dropout=0.1)
EPSILON = 1e-6


@architecture(
    {
        "transformer_base": {},
        "transformer_big": {"width": 1024, "hidden": 4096, "heads": 16, "parts": replace(PAPER, dropout=0.3)},
    },
    source="Vaswani et al. 2017, arXiv:1706.03762, sections 3 and 5.4, table 3",
    task="translation",
    task_options={"smoothing": 0.1},
    minimum=1,
    paper_input=(50,),
    paper_outputs=37_000,
    swaps=("initializer", "regularizer", "dropout"),
    smoke={"width": 8, "hidden": 12, "heads": 2, "depth": 2},
    smoke_input=(7,),
)
def transformer(
    source,
    outputs: int,
    *,
    width: Width = 512,
    hidden: Width = 2048,
    heads: Width = 8,
    depth: Depth = 6,
    parts: Parts = PAPER,
):
    """An encoder that looks at all tokens of the source at once, and a decoder that looks at it and at what it said.

    `source` holds tokens (batch, step), 0 where a sentence has ended; both languages share the `outputs` tokens of one
    vocabulary and their table, with which the logits are made too. `width` is that of a token's code and of all heads
    together, `hidden` that of the layer inside a feed-forward net; encoder and decoder have `depth` layers each.

    The decoder comes twice, with the same layers: `forced` reads all tokens of a target at once, `decoder` the next
    one alone, with the keys and values of those before it.
    """
    table = parts.layer(layers.ReversibleEmbedding, outputs, width)
    encoder = [_EncoderLayer(parts, width, hidden, heads) for _ in range(depth)]
    decoder = [_DecoderLayer(parts, width, hidden, heads) for _ in range(depth)]
    seen = [*(_stacked(decoder, name) for name in ("keys", "values")), keras.Input((None,), dtype="bool", name="known")]
    return {
        "encoder": _encoder(source, table, encoder, decoder, parts),
        "forced": _forced(table, decoder, seen, parts),
        "decoder": _step(table, decoder, seen),
    }


class _EncoderLayer:
    """Self-attention and a feed-forward net."""

    def __init__(self, parts, width, hidden, heads):
        self.own, self.feed = Attending(parts, width, heads), Feeding(parts, width, hidden)
        self.after_own, self.after_feed = (Summed(parts, EPSILON) for _ in range(2))

    def __call__(self, x, known):
        x = self.after_own(x, self.own.among(x, known))
        return self.after_feed(x, self.feed(x))


class _DecoderLayer:
    """Self-attention, attention to the source, and a feed-forward net; the source as `_encoder` left it."""

    def __init__(self, parts, width, hidden, heads):
        self.own, self.other = Attending(parts, width, heads), Attending(parts, width, heads)
        self.feed = Feeding(parts, width, hidden)
        self.after_own, self.after_other, self.after_feed = (Summed(parts, EPSILON) for _ in range(3))

    def at_once(self, x, source):
        """All tokens `x` (batch, place, `width`) of a target; and where they looked (batch, place, step)."""
        return self._rest(x, self.own.among(x, causal=True), source)

    def next(self, x, before, place, source):
        """The token `x` (batch, 1, `width`) after those of which `before` holds keys and values; and these with its."""
        told, *both = self.own.next(x, *before, place)
        return *self._rest(x, told, source), both

    def _rest(self, x, told, source):
        keys, values, known = source
        x = self.after_own(x, told)
        looked = Shares(self.other.heads)(self.other.query(x), keys, known)
        x = self.after_other(x, self.other(x, keys, values, known))
        return self.after_feed(x, self.feed(x)), looked


def _encoder(source, table, encoder, decoder, parts):
    """What every layer of the decoder looks at: `keys` and `values` (batch, layer, step, `width`), and which steps
    are `known` (batch, step), false for padding.
    """
    known = source != PADDING
    x = parts.drop(Sinusoids()(table(source)))
    for layer in encoder:
        x = layer(x, known)
    keys, values = zip(*(layer.other.seen(x) for layer in decoder), strict=True)
    seen = {"keys": ops.stack(keys, axis=1), "values": ops.stack(values, axis=1), "known": known}
    return keras.Model(source, seen, name="encoder")


def _forced(table, decoder, seen, parts):
    """The `logits` (batch, place, word) after each of `tokens` (batch, place), and `attention` (batch, place, step)."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = parts.drop(Sinusoids()(table(tokens)))
    for layer, source in zip(decoder, _sources(seen), strict=True):
        x, looked = layer.at_once(x, source)
    return keras.Model([tokens, *seen], {"logits": table(x, reverse=True), "attention": looked}, name="forced")


def _step(table, decoder, seen):
    """The `token` (batch,) at `place` (batch,) to the `logits` (batch, word) of the next one, and where it looked.

    `own_keys` and `own_values` (batch, layer, place, `width`) are those of the tokens before; the answer has its own.
    """
    token, place = (keras.Input((), dtype="int32", name=name) for name in ("token", "place"))
    own = [_stacked(decoder, name) for name in ("own_keys", "own_values")]
    x, kept = Sinusoids()(table(token[:, None]), place), []
    for number, (layer, source) in enumerate(zip(decoder, _sources(seen), strict=True)):
        x, looked, both = layer.next(x, [before[:, number] for before in own], place, source)
        kept.append(both)
    keys, values = (ops.stack(each, axis=1) for each in zip(*kept, strict=True))
    answer = {
        "logits": table(x, reverse=True)[:, 0],
        "attention": looked[:, 0],
        "own_keys": keys,
        "own_values": values,
        "place": place + 1,
    }
    return keras.Model([token, place, *own, *seen], answer, name="decoder")


def _sources(seen):
    """Of what the encoder answers with, what each layer sees: keys, values, and which steps are known."""
    keys, values, known = seen
    return [(keys[:, number], values[:, number], known) for number in range(keys.shape[1])]


def _stacked(decoder, name):
    """An input (batch, layer, place, `width`)."""
    return keras.Input((len(decoder), None, decoder[0].own.key.units), name=name)
