"""GloVe: vectors of words whose products are the logarithms of how often the words stand near each other.

Pennington, Socher, Manning 2014, "GloVe: Global Vectors for Word Representation", EMNLP, section 3; initial values as
in the authors' glove.c.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from archbench.architectures import architecture
from archbench.options import Width
from archbench.parts import Parts

PAPER = Parts(initializer={"name": "small_uniform", "bound": 0.5 / 301})
"""glove.c: within 0.5 / (d + 1) of 0, vectors and biases, here with d = 300."""


@architecture(
    "glove",
    source="Pennington, Socher, Manning 2014, EMNLP, section 3",
    task="cooccurrence",
    minimum=1,
    paper_input=(2,),
    paper_outputs=400_000,
    swaps=("initializer", "regularizer"),
    smoke={"embedding": 4},
    smoke_input=(2,),
)
def glove(tokens, outputs: int, *, embedding: Width = 300, parts: Parts = PAPER):
    """Two tables of vectors, of words and of those near them, each vector with a bias behind it.

    The part `input` and the part `output` each give for words (batch, place) what they have of them, (batch, place,
    `embedding` + 1).
    """
    near = keras.Input((None,), dtype="int32", name="words")
    read = {"input": tokens, "output": near}
    return {name: keras.Model(words, _rows(words, outputs, embedding, parts)) for name, words in read.items()}


def _rows(words, outputs, embedding, parts):
    vectors, biases = (parts.layer(layers.Embedding, outputs, width)(words) for width in (embedding, 1))
    return ops.concatenate([vectors, biases], axis=-1)
