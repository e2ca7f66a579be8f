"""Translation with attention: RNNsearch.

Bahdanau, Cho, Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2014, arXiv:1409.0473,
appendix A; its unit is that of Cho et al. 2014, arXiv:1406.1078. Differs from the papers: the update gate keeps the old
state where theirs takes the new one, which is the same net with that gate's weights negated; the recurrent weights of
the three gates are orthogonal side by side, not each by itself. The paper leaves biases out of its equations: here
every sum has one, but the score of an alignment, on which it would change nothing.
"""

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.datasets.tokens import PADDING
from archbench.layers.attention import NOWHERE
from archbench.options import Width
from archbench.parts import Parts

PAPER = Parts(
    initializer="small_normal",
    initializer_of={
        "recurrent": "orthogonal",
        "alignment": {"name": "small_normal", "deviation": 0.001},
        "score": "zeros",
    },
)


@architecture(
    "bahdanau",
    source="Bahdanau, Cho, Bengio 2014, arXiv:1409.0473, appendix A",
    task="translation",
    minimum=1,
    paper_input=(50,),
    paper_outputs=30_000,
    swaps=("initializer", "regularizer"),
    smoke={"units": 6, "embedding": 5, "alignment": 4, "maxout": 3},
    smoke_input=(7,),
)
def bahdanau(
    source,
    outputs: int,
    *,
    units: Width = 1000,
    embedding: Width = 620,
    alignment: Width = 1000,
    maxout: Width = 500,
    parts: Parts = PAPER,
):
    """An encoder that reads the source both ways, and one step of a decoder that looks at it through attention.

    `source` holds tokens (batch, step), 0 where a sentence has ended; both languages share the `outputs` tokens of one
    vocabulary. `units` is the width of every recurrent layer, `embedding` that of a token's code, `alignment` that of
    the alignment model, `maxout` that of the layer before the logits.
    """
    return {
        "encoder": _encoder(source, outputs, units, embedding, alignment, parts),
        "decoder": _decoder(source.shape[1], outputs, units, embedding, alignment, maxout, parts),
    }


def _encoder(source, words, units, embedding, alignment, parts):
    """A.2.1: `annotations` h (batch, step, 2 `units`), the decoder's first `state` (batch, `units`), and for its
    alignment model `keys` U h (batch, step, `alignment`) and `known` (batch, step), false for padding.
    """
    known = source != PADDING
    codes = parts.layer(layers.Embedding, words, embedding)(source)
    forward = _gru(parts, units)(codes, mask=known)
    backward = ops.flip(_gru(parts, units, go_backwards=True)(codes, mask=known), axis=1)
    annotations = ops.concatenate([forward, backward], axis=-1)
    encoded = {
        "annotations": annotations,
        "keys": _aligned(parts, annotations, alignment),
        "known": known,
        "state": ops.tanh(parts.dense(backward[:, 0], units)),
    }
    return keras.Model(source, encoded, name="encoder")


def _decoder(steps, words, units, embedding, alignment, maxout, parts):
    """A.2.2: the token before and the state before to the `logits` of a token (batch, `words`) and the next `state`.

    `attention` (batch, step) is how much each annotation counts in the context: the shares add up to 1.
    """
    token, state = keras.Input((), dtype="int32", name="token"), keras.Input((units,), name="state")
    annotations = keras.Input((steps, 2 * units), name="annotations")
    keys, known = keras.Input((steps, alignment), name="keys"), keras.Input((steps,), dtype="bool", name="known")
    attention = _attention(parts, _aligned(parts, state, alignment, bias=True), keys, known)
    context = ops.einsum("bs,bsf->bf", attention, annotations)
    before = parts.layer(layers.Embedding, words, embedding)(token)
    told = layers.concatenate([before, context])
    _, after = parts.layer(layers.GRUCell, units, reset_after=False)(told, state)
    pieces = parts.dense(layers.concatenate([state, told]), 2 * maxout)
    logits = parts.dense(ops.max(ops.reshape(pieces, (-1, maxout, 2)), axis=-1), words)
    answer = {"logits": logits, "state": after, "attention": attention}
    return keras.Model([token, state, annotations, keys, known], answer, name="decoder")


def _attention(parts, query, keys, known):
    """The softmax of e = v . tanh(W s + U h) over the tokens that are `known`: (batch, step)."""
    score = parts.kernel("score")["score_initializer"]
    summed = ops.tanh(ops.expand_dims(query, 1) + keys)
    scores = parts.layer(layers.Dense, 1, use_bias=False, kernel_initializer=score)(summed)[..., 0]
    scores = ops.where(known, ops.cast(scores, "float32"), NOWHERE)
    return ops.cast(ops.softmax(scores, axis=-1), keys.dtype)


def _aligned(parts, x, width, bias=False):
    initializer = parts.kernel("alignment")["alignment_initializer"]
    return parts.layer(layers.Dense, width, use_bias=bias, kernel_initializer=initializer)(x)


def _gru(parts, units, **options):
    # cuDNN's kernel cannot be part of an XLA program, and has the reset gate after its product.
    return parts.layer(layers.GRU, units, return_sequences=True, reset_after=False, use_cudnn=False, **options)
