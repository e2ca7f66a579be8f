"""Translation with global attention after the recurrent layers.

Luong, Pham, Manning, "Effective Approaches to Attention-based Neural Machine Translation", 2015, arXiv:1508.04025,
sections 3.1 and 3.3. Differs from the paper: both languages share one vocabulary, each with a table of its own; LSTMs
and logits have biases, which start at 0; no dropout.
"""

from typing import Literal

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.blocks import deep_lstm
from archbench.layers.attention import NOWHERE
from archbench.options import Depth, Width
from archbench.parts import Parts

PAPER = Parts(initializer={"name": "small_uniform", "bound": 0.1})


@architecture(
    "luong",
    source="Luong, Pham, Manning 2015, arXiv:1508.04025, sections 3.1 and 3.3",
    task="translation",
    minimum=1,
    paper_input=(50,),
    paper_outputs=50_000,
    swaps=("initializer", "regularizer"),
    smoke={"units": 6, "embedding": 5, "depth": 2},
    smoke_input=(7,),
)
def luong(
    source,
    outputs: int,
    *,
    units: Width = 1000,
    embedding: Width = 1000,
    depth: Depth = 4,
    score: Literal["dot", "general", "concat"] = "general",
    feeding: bool = True,
    backwards: bool = True,
    parts: Parts = PAPER,
):
    """LSTM layers over the source, as many over the target, and attention of the last one's state to the source.

    `source` holds tokens (batch, step), 0 where a sentence has ended; both languages have the `outputs` tokens of one
    vocabulary. `units` is the width of each of `depth` layers, `embedding` that of a token's code. A `score` of h_t and
    h_s is h_t . h_s, "general" h_t . W h_s, or "concat" v . tanh(W [h_t; h_s]); with `feeding` the first layer is told
    the attentional state of the step before; the source is read `backwards` unless told otherwise.
    """
    annotations, state, known = deep_lstm.read(parts, source, outputs, embedding, units, depth, backwards=backwards)
    keys = annotations if score == "dot" else parts.dense(annotations, units, bias=False)
    made = {"annotations": annotations, "keys": keys, "known": known, "state": state}
    return {
        "encoder": keras.Model(source, made, name="encoder"),
        "decoder": _decoder(outputs, units, embedding, depth, score, feeding, parts),
    }


def _decoder(words, units, embedding, depth, score, feeding, parts):
    """The token before and the state before to the `logits` of a token (batch, word) and the next `state`.

    `fed` (batch, `units`) is the attentional state of a step, `attention` (batch, step) how much each word counts.
    """
    token, state = keras.Input((), dtype="int32", name="token"), keras.Input((depth, 2, units), name="state")
    annotations, keys = (keras.Input((None, units), name=name) for name in ("annotations", "keys"))
    known = keras.Input((None,), dtype="bool", name="known")
    fed = [keras.Input((units,), name="fed")] if feeding else []
    code = parts.layer(layers.Embedding, words, embedding)(token)
    top, after = deep_lstm.step(parts, ops.concatenate([code, *fed], axis=-1), state)
    scores = ops.where(known, ops.cast(_scores(parts, top, keys, score), "float32"), NOWHERE)
    attention = ops.cast(ops.softmax(scores, axis=-1), annotations.dtype)
    context = ops.einsum("bs,bsf->bf", attention, annotations)
    attentional = ops.tanh(parts.dense(ops.concatenate([context, top], axis=-1), units, bias=False))
    answer = {"logits": parts.dense(attentional, words), "state": after, "attention": attention}
    if feeding:
        answer["fed"] = attentional
    return keras.Model([token, state, *fed, annotations, keys, known], answer, name="decoder")


def _scores(parts, top, keys, score):
    """Equation 8 of every step (batch, step): `keys` are h_s, or W h_s."""
    if score != "concat":
        return ops.einsum("bf,bsf->bs", top, keys)
    query = parts.dense(top, keys.shape[-1], bias=False)
    return parts.dense(ops.tanh(ops.expand_dims(query, 1) + keys), 1, bias=False)[..., 0]
