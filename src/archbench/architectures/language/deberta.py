"""DeBERTa: BERT's encoder, whose attention looks at what a token says and at where it stands apart.

He, Liu, Gao, Chen 2020, arXiv:2006.03654, section 3.1; the base size of appendix A.2. Differs from the paper: words
left out are told from the last states, without the enhanced mask decoder, which knows absolute places. As in its
authors' code, queries and values have a bias and keys have none, and normalizations add 1e-7 to the variance. No
dropout on the shares of attention.
"""

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.blocks.transformer import Feeding, Summed, check_heads
from archbench.datasets.tokens import PADDING
from archbench.layers.bias import Bias
from archbench.layers.disentangled import DisentangledAttention, Distances
from archbench.options import Count, Depth, Width
from archbench.parts import Parts

PAPER = Parts(activation="gelu", initializer={"name": "truncated_normal", "deviation": 0.02}, dropout=0.1)
EPSILON = 1e-7


@architecture(
    "deberta",
    source="He, Liu, Gao, Chen 2020, arXiv:2006.03654, section 3.1",
    task="masked_language_modelling",
    minimum=1,
    paper_input=(512,),
    paper_outputs=50_265,
    swaps=("initializer", "regularizer", "dropout"),
    smoke={"width": 8, "hidden": 12, "heads": 2, "depth": 2, "reach": 3},
    smoke_input=(9,),
)
def deberta(
    tokens,
    outputs: int,
    *,
    width: Width = 768,
    hidden: Width = 3072,
    heads: Width = 12,
    depth: Depth = 12,
    reach: Count = 512,
    parts: Parts = PAPER,
):
    """Layers that look at all tokens at once, and at how far they are away.

    `tokens` (batch, place), 0 where there are none. The part `encoder` answers with `states` (batch, place, `width`);
    `masked` reads states of places and answers with logits (batch, place, `outputs`), by the table of the `outputs`
    tokens. `width`, `hidden`, `heads` and `depth` are those of a Transformer; tokens more than `reach` places away all
    count as so far.
    """
    check_heads(width, heads)
    table = parts.layer(layers.ReversibleEmbedding, outputs, width)
    known = tokens != PADDING
    distances = parts.layer(layers.Embedding, 2 * reach, width)(Distances(2 * reach)(tokens))
    x = parts.drop(_norm()(table(tokens)))
    for _ in range(depth):
        x = Summed(parts, EPSILON)(x, _attended(x, distances, known, width, heads, parts))
        x = Summed(parts, EPSILON)(x, Feeding(parts, width, hidden)(x))
    states = keras.Input((None, width), name="states")
    told = _norm()(parts.act(parts.dense(states, width)))
    return {
        "encoder": keras.Model(tokens, {"states": x}, name="encoder"),
        "masked": keras.Model(states, Bias()(table(told, reverse=True)), name="masked"),
    }


def _attended(x, distances, known, width, heads, parts):
    """`x` (batch, place, `width`) looks at itself; `distances` (1, 2 reach, `width`) are shared by all layers."""
    query, keys, values = parts.dense(x, width), parts.dense(x, width, bias=False), parts.dense(x, width)
    far = parts.drop(distances)
    told, asked = parts.dense(far, width, bias=False), parts.dense(far, width)
    return parts.dense(DisentangledAttention(heads)(query, keys, values, told, asked, known), width)


def _norm():
    return layers.LayerNormalization(epsilon=EPSILON)
