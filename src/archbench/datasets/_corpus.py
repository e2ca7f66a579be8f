"""Running text as data for language models: its words, or characters, as one stream of tokens cut into rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from archbench.datasets._raw import Raw
from archbench.datasets._text import Stream, encoded
from archbench.datasets.tokens import SPECIAL, UNKNOWN, in_rows

Unit = Literal["words", "characters"]
"""What a token is."""
Steps = Annotated[int, Field(ge=2, le=100_000)]
"""Tokens of a row."""
Sizes = Mapping[str, int]
"""Split -> how many symbols of a stream it takes, one split after the other."""


def corpus(source: str, licence: str, stream: Stream, sizes: Sizes, *, steps: int, size: int | None, where: str) -> Raw:
    """A text as rows of `steps` tokens, its splits one after the other; `where` is what its training part stands in.

    The vocabulary are the `size` most frequent symbols of the training part, or all. The card counts the splits with
    tokens that stand for others, and tells how many these are. Raises `VocabularyTooLarge`.
    """
    tokens, vocabulary = encoded(stream, stream.numbers[: sizes["train"]], size, where)
    pieces = dict(zip(sizes, np.split(tokens, np.cumsum([*sizes.values()])[:-1]), strict=True))
    strange = {split: int(np.count_nonzero(piece == UNKNOWN)) for split, piece in pieces.items()}
    splits = {split: {"tokens": in_rows(piece, steps)} for split, piece in pieces.items()}
    return Raw(
        source,
        licence,
        "tokens",
        splits.pop("train"),
        official=splits,
        vocabulary=vocabulary,
        odd_files=tuple(
            (split, f"unknown: {count:,} of {sizes[split]:,} tokens, for what the vocabulary lacks")
            for split, count in strange.items()
            if count
        ),
    )


def holds(sizes: Sizes, types: int, *, steps: int, size: int | None) -> dict[str, Any]:
    """The fact `contains` of a text with splits of these `sizes`, and `types` symbols in its training part."""
    counts = {split: -(-size // steps) for split, size in sizes.items()}
    arrays = {"tokens": {"shape": [steps], "dtype": "int32"}}
    return {"input": "tokens", "arrays": arrays, **counts, "classes": 0, "vocabulary": len(SPECIAL) + (size or types)}


def shares(count: int, validation: float, test: float) -> Sizes:
    """The sizes of the splits of a text without parts of its own: its end is tested, what is before that validates."""
    sizes = {"validation": round(validation * count), "test": round(test * count)}
    return {"train": count - sum(sizes.values()), **sizes}
