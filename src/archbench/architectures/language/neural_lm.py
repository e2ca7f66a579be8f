"""A neural probabilistic language model: the next word from the codes of the last few.

Bengio, Ducharme, Vincent, Jauvin, "A Neural Probabilistic Language Model", JMLR 3, 2003, section 2.1, equation 1; for
the sizes section 4.2, its best network on Brown. Differs from the paper: Glorot's initial weights, which it does not
tell of.
"""

from __future__ import annotations

from typing import Annotated

import keras
from keras import layers, ops
from pydantic import Field

from archbench.architectures import architecture
from archbench.options import Width
from archbench.parts import Parts

PAPER = Parts(activation="tanh", initializer="xavier_uniform")


@architecture(
    "neural_lm",
    source="Bengio, Ducharme, Vincent, Jauvin 2003, JMLR 3, section 2.1",
    task="language_modelling",
    minimum=1,
    paper_input=(35,),
    paper_outputs=16_383,
    swaps=("activation", "initializer", "regularizer"),
    smoke={"order": 4, "embedding": 5, "units": 6},
    smoke_input=(6,),
)
def neural_lm(
    tokens,
    outputs: int,
    *,
    order: Annotated[int, Field(ge=2, le=64)] = 5,
    embedding: Width = 30,
    units: Width = 100,
    direct: bool = True,
    parts: Parts = PAPER,
):
    """y = b + W x + U tanh(d + H x), where x are the codes of the last `order` - 1 words.

    `tokens` (batch, step), and the words that stand before them, `past` (batch, `order` - 2), to the `logits` (batch,
    step, `outputs`) of the word after each, and the `past` of the words to come. Without `direct` there is no W.
    """
    inputs, words = [tokens], tokens
    if order > 2:
        inputs.append(keras.Input((order - 2,), name="past"))
        words = ops.concatenate([ops.cast(inputs[1], "int32"), ops.cast(tokens, "int32")], axis=1)
    codes = parts.layer(layers.Embedding, outputs, embedding)(words)
    x = ops.concatenate([codes[:, place : (place + 2 - order) or None] for place in range(order - 1)], axis=-1)
    logits = parts.dense(parts.act(parts.dense(x, units)), outputs)
    if direct:
        logits = logits + parts.dense(x, outputs, bias=False)
    answers = {"logits": logits}
    if order > 2:
        answers["past"] = ops.cast(words[:, 2 - order :], "float32")
    return {"network": keras.Model(inputs, answers)}
