"""Long short-term memory.

Hochreiter, Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, with the forget gate of
Gers, Schmidhuber, Cummins, "Learning to Forget", Neural Computation 12(10), 2000. Differs from the papers:
no memory-cell blocks (every cell has its own gates), forget gates start open (bias 1), Glorot's and
orthogonal initial weights.
"""

from keras import layers

from archbench.architectures import architecture
from archbench.options import Depth, Width
from archbench.parts import Parts

PAPER = Parts(initializer="xavier_uniform", initializer_of={"recurrent": "orthogonal"})


@architecture(
    "lstm",
    source="Hochreiter, Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000",
    task="sequence_regression",
    minimum=1,
    paper_input=(100, 2),
    paper_outputs=1,
    swaps=("initializer", "regularizer", "dropout"),
    smoke={"units": 8, "depth": 2},
    smoke_input=(6, 2),
)
def lstm(
    sequence,
    outputs: int,
    *,
    units: Width = 128,
    depth: Depth = 1,
    parts: Parts = PAPER,
):
    """LSTM layers over a sequence, and a dense layer on the last state.

    `sequence` (batch, step, feature) to values (batch, `outputs`). `units` is the width of each of `depth`
    layers.
    """
    x = sequence
    for layer in range(depth):
        x = parts.drop(_layer(x, units, last=layer == depth - 1, parts=parts))
    return parts.dense(x, outputs)


def _layer(x, units: int, last: bool, parts: Parts):
    # cuDNN's kernel cannot be part of an XLA program, and the whole training step is one.
    return parts.layer(layers.LSTM, units, return_sequences=not last, use_cudnn=False)(x)
