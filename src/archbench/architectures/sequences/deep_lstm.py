"""A deep LSTM that foretells the next word.

Zaremba, Sutskever, Vinyals, "Recurrent Neural Network Regularization", 2014, arXiv:1409.2329: the medium model of
section 4.1. Differs from the paper: biases start at 0, not uniform.
"""

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.options import Depth, Width
from archbench.parts import Parts

PAPER = Parts(initializer="small_uniform", dropout=0.5)


@architecture(
    "deep_lstm",
    source="Zaremba, Sutskever, Vinyals 2014, arXiv:1409.2329, section 4.1",
    task="language_modelling",
    minimum=1,
    paper_input=(35,),
    paper_outputs=10_000,
    swaps=("initializer", "regularizer", "dropout"),
    smoke={"units": 5},
    smoke_input=(6,),
)
def deep_lstm(tokens, outputs: int, *, units: Width = 650, depth: Depth = 2, parts: Parts = PAPER):
    """LSTM layers over the words of a text, with dropout on the way up alone, and the logits of the word after each.

    `tokens` (batch, step) and what each layer holds before the first of them, `state` (batch, `depth`, [output, cell],
    `units`), to `logits` (batch, step, `outputs`) and the `state` after the last. Words have codes of `units` numbers.
    """
    state = keras.Input((depth, 2, units), name="state")
    x = parts.drop(parts.layer(layers.Embedding, outputs, units)(tokens))
    after = []
    for layer in range(depth):
        # cuDNN's kernel cannot be part of an XLA program, and the whole training step is one.
        told = {"return_sequences": True, "return_state": True, "unit_forget_bias": False, "use_cudnn": False}
        x, *held = parts.layer(layers.LSTM, units, **told)(x, initial_state=[state[:, layer, 0], state[:, layer, 1]])
        x = parts.drop(x)
        after.append(ops.stack(held, axis=1))
    answers = {"logits": parts.dense(x, outputs), "state": ops.stack(after, axis=1)}
    return {"network": keras.Model([tokens, state], answers)}
