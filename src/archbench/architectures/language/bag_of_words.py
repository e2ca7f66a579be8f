"""Logistic regression on how often each word stands in a text.

Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4; the bag of words: Salton, Wong, Yang 1975, "A
Vector Space Model for Automatic Indexing", Communications of the ACM 18(11).
"""

from __future__ import annotations

from keras import layers, ops

from archbench.architectures import architecture
from archbench.datasets.tokens import PADDING
from archbench.layers.bias import Bias
from archbench.options import Count
from archbench.parts import Parts

PAPER = Parts(initializer="zeros")


@architecture(
    "bag_of_words",
    source="Salton, Wong, Yang 1975, Communications of the ACM 18(11); Bishop 2006, section 4.3.4",
    task="classification",
    minimum=1,
    paper_input=(53,),
    paper_outputs=2,
    swaps=("initializer", "regularizer"),
    smoke={"vocabulary": 12},
    smoke_input=(7,),
)
def bag_of_words(tokens, outputs: int, *, vocabulary: Count = 18_765, parts: Parts = PAPER):
    """W x + b, where x counts the words of a text: each word adds its row of W.

    `tokens` (batch, place), 0 where a text has ended, to logits (batch, `outputs`). `vocabulary` is the number of
    tokens, which training knows of the data set.
    """
    rows = parts.layer(layers.Embedding, vocabulary, outputs)(tokens)
    return Bias()(ops.sum(rows * ops.expand_dims(ops.cast(tokens != PADDING, rows.dtype), -1), axis=1))
