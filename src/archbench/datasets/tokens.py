"""Tokens: whole numbers that stand for the words, or the characters, of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from archbench.datasets.columns import Ragged

PADDING, START, END, UNKNOWN = range(4)
"""What fills a row after its text, stands before it and after it, and stands for what the vocabulary lacks."""
SPECIAL = ("", "<start>", "<end>", "<unknown>")
"""How those four are written; the first tokens of every vocabulary."""


def vocabulary(symbols: Iterable[str]) -> tuple[str, ...]:
    """What the tokens 0, 1, ... stand for: the special ones, then every symbol once, in the order of Unicode."""
    return SPECIAL + tuple(sorted(set(symbols)))


def encode(texts: Iterable[Iterable[str]], places: Mapping[str, int], *, end: bool = False) -> Ragged:
    """Texts as tokens: int32 (text, place), padded where a text is shorter; with `end` each ends with that token.

    `places` tells the token of a symbol; one that is not there is unknown.
    """
    rows = ([*(places.get(symbol, UNKNOWN) for symbol in text), *([END] if end else [])] for text in texts)
    return Ragged.of((np.array(row, np.int32) for row in rows), PADDING)


def decode(tokens: Iterable[int], vocabulary: Sequence[str]) -> str:
    """The text of a row, up to its end or its padding; `vocabulary` says what the tokens stand for."""
    symbols = []
    for token in tokens:
        if token in (PADDING, END):
            break
        symbols.append(str(vocabulary[token]))
    return "".join(symbols)
