"""Recurrent networks: the vanilla RNN, GRUs and LSTMs, one way or both ways, one layer or several.

RNN: Elman, "Finding Structure in Time", Cognitive Science 14(2), 1990. GRU: Cho et al. 2014, arXiv:1406.1078, with its
reset gate before the product or, as in cuDNN, after it. LSTM: Hochreiter, Schmidhuber, Neural Computation 9(8), 1997,
with the forget gate of Gers, Schmidhuber, Cummins, Neural Computation 12(10), 2000, and the peepholes of Gers,
Schmidhuber, IJCNN 2000. Both ways: Schuster, Paliwal, IEEE Transactions on Signal Processing 45(11), 1997.

Differs from the papers: tanh in the RNN (there the logistic function); no memory-cell blocks (every cell has its own
gates); forget gates start open (bias 1), Glorot's and orthogonal initial weights; the update gate of a full GRU keeps
the old state where it is 1, as in Cho et al., that of a simplified one takes the new one, as in Chung et al.
"""

from typing import Literal

from keras import layers, ops

from archbench.architectures import architecture
from archbench.layers.recurrent import PeepholeLSTMCell, SimplifiedGRUCell
from archbench.options import Depth, Width
from archbench.parts import Parts

PAPER = Parts(initializer="xavier_uniform", initializer_of={"recurrent": "orthogonal"})
SHARED = {
    "minimum": 1,
    "paper_input": (100, 2),
    "swaps": ("initializer", "regularizer", "dropout"),
    "smoke_input": (6, 2),
}
Kind = Literal["rnn", "gru_simplified", "gru", "lstm", "lstm_peephole"]


@architecture(
    {kind: {"cell": kind} for kind in ("rnn", "gru_simplified", "gru", "lstm", "lstm_peephole")},
    source="Elman 1990; Cho et al. 2014, arXiv:1406.1078; Hochreiter, Schmidhuber 1997; Gers et al. 2000",
    task="sequence_regression",
    paper_outputs=1,
    smoke={"units": 8, "depth": 2},
    **SHARED,
)
def recurrent(
    sequence,
    outputs: int,
    *,
    cell: Kind,
    units: Width = 128,
    depth: Depth = 1,
    reset: Literal["before", "after"] = "before",
    every_step: bool = False,
    parts: Parts = PAPER,
):
    """Recurrent layers over a sequence, and a dense layer on the last state, or on that of every step.

    `sequence` (batch, step, feature) to values (batch, `outputs`), with `every_step` (batch, step, `outputs`). `units`
    is the width of each of `depth` layers of one kind of `cell`; a full GRU has its `reset` gate before the product
    with the state's weights or after it. Where sequences have no length of their own, steps of zeros alone are padding,
    which no layer sees.
    """
    mask = _known(sequence)
    x = sequence
    for layer in range(depth):
        whole = every_step or layer < depth - 1
        x = parts.drop(_layer(cell, units, reset, parts, return_sequences=whole)(x, mask=mask))
    return parts.dense(x, outputs)


@architecture(
    {f"bi{kind}": {"cell": kind} for kind in ("rnn", "gru", "lstm")},
    source="Schuster, Paliwal 1997, IEEE Transactions on Signal Processing 45(11); Graves, Schmidhuber 2005, Neural "
    "Networks 18(5-6)",
    task="sequence_labelling",
    paper_outputs=61,
    smoke={"units": 8, "depth": 2},
    **{**SHARED, "paper_input": (100, 26)},
)
def bidirectional(
    sequence,
    outputs: int,
    *,
    cell: Kind,
    units: Width = 128,
    depth: Depth = 1,
    reset: Literal["before", "after"] = "before",
    every_step: bool = True,
    parts: Parts = PAPER,
):
    """As the networks of one way, with a layer from the first step to the last beside one from the last to the first.

    `sequence` (batch, step, feature) to (batch, step, `outputs`), without `every_step` (batch, `outputs`) from where
    each of the two ends. Each of the two is `units` wide, and the next layer reads both.
    """
    mask = _known(sequence)
    x = sequence
    for layer in range(depth):
        whole = every_step or layer < depth - 1
        # Two layers of their own: a copy that Keras makes of the first would start with its very weights.
        forth, back = (
            _layer(cell, units, reset, parts, return_sequences=whole, go_backwards=way) for way in (False, True)
        )
        x = parts.drop(layers.Bidirectional(forth, backward_layer=back)(x, mask=mask))
    return parts.dense(x, outputs)


def _known(sequence):
    """Which steps are no padding, (batch, step); None where every sequence has the length of all."""
    return None if sequence.shape[1] is not None else ops.any(sequence != 0, axis=-1)


def _layer(cell: Kind, units: int, reset: str, parts: Parts, **options):
    # cuDNN's kernel cannot be part of an XLA program, and the whole training step is one.
    match cell:
        case "rnn":
            return parts.layer(layers.SimpleRNN, units, **options)
        case "gru":
            return parts.layer(layers.GRU, units, reset_after=reset == "after", use_cudnn=False, **options)
        case "lstm":
            return parts.layer(layers.LSTM, units, use_cudnn=False, **options)
        case "gru_simplified":
            return layers.RNN(parts.layer(SimplifiedGRUCell, units), **options)
        case "lstm_peephole":
            return layers.RNN(parts.layer(PeepholeLSTMCell, units), **options)
