"""Tests of words: small tables of words, of which every split holds all, for nothing is learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from archbench.datasets._raw import Raw
from archbench.datasets._text import encoded, numbered
from archbench.datasets.columns import Arrays


def word_table(
    name: str, source: str, licence: str, words: Sequence[Sequence[str]], others: Arrays, **fields: object
) -> Raw:
    """Rows of `words`, as tokens of a vocabulary of their own, with `others`, in every split."""
    stream = numbered(chain.from_iterable(words))
    tokens, vocabulary = encoded(stream, stream.numbers, None, name)
    arrays = {"words": tokens.reshape(len(words), -1), **others}
    parts = {split: {key: np.copy(array) for key, array in arrays.items()} for split in ("validation", "test")}
    source = f"{source}; every split holds the whole test"
    return Raw(source, licence, "words", arrays, official=parts, vocabulary=vocabulary, **fields)


def declared(rows: int, columns: int, words: int, classes: int = 0, **others: dict) -> dict:
    """The fact `contains` of a table of so many rows, of as many words as it has `columns`."""
    arrays = {"words": {"shape": [columns], "dtype": "int32"}, **others}
    splits = dict.fromkeys(("train", "validation", "test"), rows)
    return {"input": "words", "arrays": arrays, **splits, "classes": classes, "vocabulary": words}
