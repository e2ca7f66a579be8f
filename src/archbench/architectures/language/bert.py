"""BERT: a Transformer's encoder that learns language from words left out and from pairs of sentences.

Devlin, Chang, Lee, Toutanova 2018, arXiv:1810.04805, sections 3 and 3.1. GELU is the tanh approximation of its authors'
code, whose normalizations add 1e-12 to the variance. No dropout on the shares of attention. A text to
classify is of one piece, without the end after it.
"""

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.blocks.transformer import Attending, Feeding, Summed
from archbench.datasets.tokens import PADDING, START
from archbench.layers.attention import Numbered, TooManyPlaces
from archbench.layers.bias import Bias
from archbench.options import Count, Depth, Width
from archbench.parts import Parts

PAPER = Parts(activation="gelu_tanh", initializer={"name": "truncated_normal", "deviation": 0.02}, dropout=0.1)
EPSILON = 1e-12
SEGMENTS = 2


@architecture(
    {"bert_base": {}, "bert_large": {"width": 1024, "hidden": 4096, "heads": 16, "depth": 24}},
    source="Devlin, Chang, Lee, Toutanova 2018, arXiv:1810.04805, section 3",
    task="sentence_pairs",
    minimum=2,
    paper_input=(512,),
    paper_outputs=30_522,
    swaps=("initializer", "regularizer", "dropout"),
    smoke={"width": 8, "hidden": 12, "heads": 2, "depth": 2, "positions": 9},
    smoke_input=(9,),
)
def bert(
    tokens,
    segments,
    outputs: int,
    *,
    width: Width = 768,
    hidden: Width = 3072,
    heads: Width = 12,
    depth: Depth = 12,
    positions: Count = 512,
    parts: Parts = PAPER,
):
    """Layers that look at all tokens at once, and what is told of the words left out and of the second sentence.

    `tokens` (batch, place), 0 where there are none, and which sentence each is of, `segments` (batch, place), 0 or 1.
    The part `encoder` answers with `states` (batch, place, `width`) and `pooled` (batch, `width`), made of the first
    place; `masked` reads states of places (batch, place, `width`) and answers with logits (batch, place, `outputs`), by
    the table of the `outputs` tokens; `follows` reads `pooled`: two logits, of any sentence and of the next one.
    `width`, `hidden`, `heads` and `depth` are those of a Transformer; there are codes for `positions` places.
    """
    table = parts.layer(layers.ReversibleEmbedding, outputs, width)
    pooled = keras.Input((width,), name="pooled")
    return {
        "encoder": keras.Model(
            [tokens, segments],
            encode(tokens, segments, table, parts, width, hidden, heads, depth, positions),
            name="encoder",
        ),
        "masked": _masked(table, width, parts),
        "follows": keras.Model(pooled, parts.dense(pooled, 2), name="follows"),
    }


@architecture(
    "bert_classifier",
    source="Devlin, Chang, Lee, Toutanova 2018, arXiv:1810.04805, section 4.1",
    task="classification",
    minimum=1,
    paper_input=(511,),
    paper_outputs=2,
    swaps=("initializer", "regularizer", "dropout"),
    smoke={"vocabulary": 12, "width": 8, "hidden": 12, "heads": 2, "depth": 2, "positions": 9},
    smoke_input=(7,),
)
def bert_classifier(
    tokens,
    outputs: int,
    *,
    vocabulary: Count = 30_521,
    width: Width = 768,
    hidden: Width = 3072,
    heads: Width = 12,
    depth: Depth = 12,
    positions: Count = 512,
    parts: Parts = PAPER,
):
    """The class of a text from what BERT's `encoder`, a model within this one, pools of it; it may start from one.

    `tokens` (batch, place), 0 where a text has ended, to logits (batch, `outputs`). A start is put before them, which
    takes one of the `positions`; nothing is put after them. `vocabulary` is the number of tokens, which training knows
    of the data set; the table has one more, for what is left out. The other options are those of the encoder.
    """
    told = ops.concatenate([ops.full_like(tokens[:, :1], START), tokens], axis=1)
    read = [keras.Input(told.shape[1:], dtype=told.dtype, name=name) for name in ("tokens", "segments")]
    table = parts.layer(layers.ReversibleEmbedding, vocabulary + 1, width)
    encoded = encode(*read, table, parts, width, hidden, heads, depth, positions, before=1)
    pooled = keras.Model(read, encoded, name="encoder")([told, ops.zeros_like(told)])["pooled"]
    return parts.dense(parts.drop(pooled), outputs)


def encode(tokens, segments, table, parts, width, hidden, heads, depth, positions, before=0):
    """`states` (batch, place, `width`) and `pooled` (batch, `width`) of `tokens`, whose codes are in `table`.

    The first `before` of them are none of the text's own.
    """
    if tokens.shape[1] is not None and tokens.shape[1] > positions:
        raise TooManyPlaces(
            f"Texts are of {tokens.shape[1]} tokens, and this network has codes for {positions} places. Set its option "
            "`positions` to as many, or make the texts shorter in the datasets section of params.yaml."
        )
    known = tokens != PADDING
    place = parts.layer(layers.Embedding, positions, width)(Numbered(positions - before)(tokens))
    segment = parts.layer(layers.Embedding, SEGMENTS, width)(segments)
    x = parts.drop(_norm()(table(tokens) + segment + place))
    for _ in range(depth):
        own, feed = Attending(parts, width, heads), Feeding(parts, width, hidden)
        x = Summed(parts, EPSILON)(x, own.among(x, known))
        x = Summed(parts, EPSILON)(x, feed(x))
    return {"states": x, "pooled": layers.Activation("tanh")(parts.dense(x[:, 0], width))}


def _masked(table, width, parts):
    """Which token stood at each place: section 3.1, task 1."""
    states = keras.Input((None, width), name="states")
    told = _norm()(parts.act(parts.dense(states, width)))
    return keras.Model(states, Bias()(table(told, reverse=True)), name="masked")


def _norm():
    return layers.LayerNormalization(epsilon=EPSILON)
