"""Translation from one state: a deep LSTM reads a sentence, and another one says it from what the first one holds.

Sutskever, Vinyals, Le, "Sequence to Sequence Learning with Neural Networks", 2014, arXiv:1409.3215, section 3. Differs
from the paper: both languages share one vocabulary (each with a table of its own), where theirs have 160,000 words and
80,000; biases, of which the paper's count has none, start at 0.
"""

import keras
from keras import layers

from archbench.architectures import architecture
from archbench.blocks import deep_lstm
from archbench.options import Depth, Width
from archbench.parts import Parts

PAPER = Parts(initializer={"name": "small_uniform", "bound": 0.08})


@architecture(
    "seq2seq",
    source="Sutskever, Vinyals, Le 2014, arXiv:1409.3215, section 3",
    task="translation",
    minimum=1,
    paper_input=(50,),
    paper_outputs=80_000,
    swaps=("initializer", "regularizer"),
    smoke={"units": 6, "embedding": 5, "depth": 2},
    smoke_input=(7,),
)
def seq2seq(
    source,
    outputs: int,
    *,
    units: Width = 1000,
    embedding: Width = 1000,
    depth: Depth = 4,
    backwards: bool = True,
    parts: Parts = PAPER,
):
    """LSTM layers over the source, and as many that go on from their state, a token of the target at a time.

    `source` holds tokens (batch, step), 0 where a sentence has ended; both languages have the `outputs` tokens of one
    vocabulary. `units` is the width of each of `depth` layers, `embedding` that of a token's code. Read `backwards`,
    the first word of the source is near the first of the target.
    """
    _, state, _ = deep_lstm.read(parts, source, outputs, embedding, units, depth, backwards=backwards)
    token, before = keras.Input((), dtype="int32", name="token"), keras.Input(state.shape[1:], name="state")
    code = parts.layer(layers.Embedding, outputs, embedding)(token)
    top, after = deep_lstm.step(parts, code, before)
    return {
        "encoder": keras.Model(source, {"state": state}, name="encoder"),
        "decoder": keras.Model([token, before], {"logits": parts.dense(top, outputs), "state": after}, name="decoder"),
    }
