"""BERT: a Transformer's encoder that learns language from words left out and from pairs of sentences.

Devlin, Chang, Lee, Toutanova 2018, arXiv:1810.04805, sections 3 and 3.1. GELU is the tanh approximation of its authors'
code, whose normalizations add 1e-12 to the variance. No dropout on the shares of attention.
"""

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.blocks.transformer import Attending, Feeding, Summed
from archbench.datasets.tokens import PADDING
from archbench.errors import UserError
from archbench.layers.attention import Numbered
from archbench.layers.bias import Bias
from archbench.options import Count, Depth, Width
from archbench.parts import Parts

PAPER = Parts(activation="gelu_tanh", initializer={"name": "truncated_normal", "deviation": 0.02}, dropout=0.1)
EPSILON = 1e-12
SEGMENTS = 2


class TooManyPlaces(UserError):
    """Texts longer than a network has codes of places."""


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


def encode(tokens, segments, table, parts, width, hidden, heads, depth, positions):
    """`states` (batch, place, `width`) and `pooled` (batch, `width`) of `tokens`, whose codes are in `table`."""
    if tokens.shape[1] is not None and tokens.shape[1] > positions:
        raise TooManyPlaces(
            f"Texts are of {tokens.shape[1]} tokens, and this network has codes for {positions} places. Set its option "
            "`positions` to as many, or make the texts shorter in the datasets section of params.yaml."
        )
    known = tokens != PADDING
    place = parts.layer(layers.Embedding, positions, width)(Numbered()(tokens))
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
