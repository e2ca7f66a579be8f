"""ELMo: words read by their letters, by language models of both directions, and all layers of them mixed.

Peters et al. 2018, "Deep Contextualized Word Representations", arXiv:1802.05365, section 3, with the sizes and the
limits of its authors' code, allenai/bilm-tf. Differs from there: no state is carried from one text to the next, the
softmax is over all words, and the penalty on the numbers that mix the layers is left out.
"""

from __future__ import annotations

from typing import Annotated

import keras
from keras import layers, ops
from pydantic import Field

from archbench.architectures import architecture
from archbench.datasets.spelled import FILLS, LETTERS
from archbench.layers.layer_mix import LayerMix
from archbench.layers.recurrent import ProjectedLSTMCell
from archbench.options import Width
from archbench.parts import Parts

PAPER = Parts(activation="relu", initializer="xavier_uniform", dropout=0.1)
CLASSIFIER = PAPER.swapped({"dropout": 0.5})
FILTERS = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
HIGHWAYS, DEPTH = 2, 2
CLOSED = -2.0
"""Of a highway's gate, its bias at first."""

Filters = Annotated[
    tuple[tuple[Annotated[int, Field(ge=1, le=50)], Annotated[int, Field(ge=1, le=10_000)]], ...],
    Field(min_length=1, max_length=20),
]
"""How many letters a filter looks at, and how many there are of the kind; for each kind."""
FACTS = {
    "minimum": 2,
    "paper_input": (22, 50),
    "swaps": ("activation", "initializer", "regularizer", "dropout"),
    "smoke": {"letter": 3, "filters": ((1, 3), (3, 4)), "units": 5, "width": 4},
    "smoke_input": (6, 5),
}


@architecture(
    "elmo",
    source="Peters et al. 2018, arXiv:1802.05365, section 3.1; allenai/bilm-tf",
    task="bidirectional_language_modelling",
    paper_outputs=793_471,
    **FACTS,
)
def elmo(
    letters,
    outputs: int,
    *,
    letter: Width = 16,
    filters: Filters = FILTERS,
    units: Width = 4096,
    width: Width = 512,
    parts: Parts = PAPER,
):
    """Two language models, one from each end of a text, over words that are read by their letters.

    `letters` (batch, word, place), zeros where there is no word. The part `encoder` answers with the layers (batch,
    word, 3, 2 * `width`): the word by itself, twice, and each of two LSTM layers, from the beginning up to a word, and
    from the end down to it. The part `softmax` makes of either half of the last of them, (batch, word, `width`), the
    logits (batch, word, `outputs`) of the word that comes next in that direction: both directions have it in common.
    Words have codes of `width` numbers, and so have the outputs of the LSTMs, whose cells have `units`.
    """
    told = keras.Input((None, width), name="told")
    return {
        "encoder": keras.Model(letters, read(letters, letter, filters, units, width, parts), name="encoder"),
        "softmax": keras.Model(told, parts.dense(told, outputs), name="softmax"),
    }


@architecture(
    "elmo_classifier",
    source="Peters et al. 2018, arXiv:1802.05365, sections 3.2 and 3.3",
    task="classification",
    paper_outputs=5,
    **FACTS,
)
def elmo_classifier(
    letters,
    outputs: int,
    *,
    letter: Width = 16,
    filters: Filters = FILTERS,
    units: Width = 4096,
    width: Width = 512,
    parts: Parts = CLASSIFIER,
):
    """What the layers of ELMo's `encoder` tell of each word, mixed; its mean over a text; and a dense layer.

    `letters` (batch, word, place) to logits (batch, `outputs`). `encoder`, a model within this one, is that of `elmo`
    but for its dropout, and may start from one.
    """
    encoder = keras.Model(letters, read(letters, letter, filters, units, width, parts), name="encoder")
    known = ops.expand_dims(ops.cast(known_words(letters), "float32"), -1)
    told = parts.drop(LayerMix()(encoder(letters)))
    mean = ops.sum(told * ops.cast(known, told.dtype), axis=1) / ops.cast(ops.sum(known, axis=1), told.dtype)
    return parts.dense(mean, outputs)


def read(letters, letter, filters, units, width, parts):
    """The layers (batch, word, 3, 2 * `width`) of `letters` (batch, word, place)."""
    known = known_words(letters)
    word = spelled(letters, letter, filters, width, parts)
    found = [ops.concatenate([word, word], axis=-1)]
    ways = [word, word]
    for depth in range(DEPTH):
        for way, below in enumerate(ways):
            cell = parts.layer(ProjectedLSTMCell, units, width)
            above = layers.RNN(cell, return_sequences=True, go_backwards=way == 1)(parts.drop(below), mask=known)
            above = ops.flip(above, axis=1) if way else above
            ways[way] = above + below if depth else above
        found.append(ops.concatenate(ways, axis=-1))
    return ops.stack(found, axis=2)


def known_words(letters):
    """Which places of a text hold a word: (batch, word)."""
    return ops.any(letters != 0, axis=-1)


def spelled(letters, letter, filters, width, parts):
    """A vector (batch, word, `width`) for each word, from the strongest answer of each filter to its letters."""
    short = max(size for size, _ in filters) - letters.shape[-1]
    if short > 0:  # the widest filter sees a word and what fills it up
        letters = ops.pad(letters, ((0, 0), (0, 0), (0, short)), constant_values=FILLS)
    codes = parts.layer(layers.Embedding, LETTERS, letter)(letters)
    found = []
    for size, count in filters:
        seen = parts.layer(layers.Conv2D, count, (1, size))(codes)  # the letters of each word by themselves
        found.append(parts.act(ops.max(seen, axis=2)))
    x = ops.concatenate(found, axis=-1)
    for _ in range(HIGHWAYS):
        x = _highway(parts, x)
    return parts.dense(x, width)


def _highway(parts, x):
    """Srivastava, Greff, Schmidhuber 2015, arXiv:1505.00387, equation 3: most of `x` goes on as it is, at first."""
    closed = keras.initializers.Constant(CLOSED)
    gate = ops.sigmoid(parts.layer(layers.Dense, x.shape[-1], bias_initializer=closed)(x))
    return gate * parts.act(parts.dense(x, x.shape[-1])) + (1 - gate) * x
