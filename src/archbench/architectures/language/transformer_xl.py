"""Transformer-XL: a Transformer that reads a text segment by segment and looks back at what it made of earlier ones.

Dai, Yang, Yang, Carbonell, Le, Salakhutdinov 2019, arXiv:1901.02860, section 3; of 12 layers, as for enwik8 in table 2.
What the paper leaves open is as in its authors' code: projections without bias, codes of tokens times sqrt(width), one
u and one v for all layers, one table for codes and logits. Differs from it: u and v start at 0, there is no dropout
inside of a feed-forward net, sines and cosines take turns. Adaptive softmax is left out, and with it its sizes for
WikiText-103.
"""

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.blocks.transformer import Feeding, Summed, check_heads
from archbench.layers.bias import Bias
from archbench.layers.relative import Behind, Latest, RelativeAttention
from archbench.options import Count, Depth, Width
from archbench.parts import Parts

PAPER = Parts(initializer={"name": "small_normal", "deviation": 0.02}, dropout=0.1)
EPSILON = 1e-5


@architecture(
    "transformer_xl",
    source="Dai, Yang, Yang, Carbonell, Le, Salakhutdinov 2019, arXiv:1901.02860, section 3, table 2",
    task="language_modelling",
    minimum=1,
    paper_input=(512,),
    paper_outputs=204,
    swaps=("initializer", "regularizer", "dropout"),
    smoke={"width": 8, "hidden": 12, "heads": 2, "depth": 2, "kept": 4},
    smoke_input=(6,),
)
def transformer_xl(
    tokens,
    outputs: int,
    *,
    width: Width = 512,
    hidden: Width = 2048,
    heads: Width = 8,
    depth: Depth = 12,
    kept: Count = 512,
    parts: Parts = PAPER,
):
    """Layers that look at the tokens before each, those of earlier segments among them, by how far away they are.

    `tokens` (batch, place) and what each layer read of the `kept` tokens before them, `memory` (batch, `depth`, `kept`,
    `width`), to `logits` (batch, place, `outputs`) of the token after each, and the `memory` after the last. Of a text
    that has just begun it is zeros, which are looked at as all else. `width`, `hidden`, `heads` and `depth` are those
    of a Transformer.
    """
    check_heads(width, heads)
    memory = keras.Input((depth, kept, width), name="memory")
    table = parts.layer(layers.ReversibleEmbedding, outputs, width)
    biases = Bias(), Bias()
    x, far, after = parts.drop(table(tokens) * width**0.5), None, []
    for number in range(depth):
        before = memory[:, number]
        after.append(Latest()(before, x))
        seen = ops.concatenate([before, x], axis=1)
        far = parts.drop(Behind()(seen)) if far is None else far
        x = Summed(parts, EPSILON)(x, _attended(x, seen, far, biases, heads, parts))
        x = Summed(parts, EPSILON)(x, Feeding(parts, width, hidden)(x))
    answers = {"logits": Bias()(table(parts.drop(x), reverse=True)), "memory": ops.stack(after, axis=1)}
    return {"network": keras.Model([tokens, memory], answers)}


def _attended(x, seen, far, biases, heads, parts):
    """`x` (batch, place, width) looks at what was `seen` (batch, key, width), itself last; `far` tells distances."""
    width = x.shape[-1]
    query, keys, values = (parts.dense(read, width, bias=False) for read in (x, seen, seen))
    far = parts.dense(far, width, bias=False)
    of_content, of_place = (bias(query) for bias in biases)
    return parts.dense(RelativeAttention(heads)(of_content, of_place, keys, values, far), width, bias=False)
