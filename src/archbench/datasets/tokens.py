"""Tokens: whole numbers that stand for the words, or the characters, of texts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from archbench.datasets.columns import Ragged
from archbench.errors import UserError

PADDING, START, END, UNKNOWN = range(4)
"""What fills a row after its text, stands before it and after it, and stands for what the vocabulary lacks."""
SPECIAL = ("", "<start>", "<end>", "<unknown>")
"""How those four are written; the first tokens of every vocabulary."""
SPACE = "▁"
"""How the space before a word is written, where the symbols of a vocabulary are pieces of words."""
BYTES = re.compile("(?:<0x[0-9A-F]{2}>)+")
"""Bytes of UTF-8 among such symbols."""


class VocabularyTooLarge(UserError):
    """A vocabulary of more symbols than the text has."""


def vocabulary(symbols: Iterable[str]) -> tuple[str, ...]:
    """What the tokens 0, 1, ... stand for: the special ones, then every symbol once, in the order of Unicode."""
    return SPECIAL + tuple(sorted(set(symbols)))


def encode(texts: Iterable[Iterable[str]], places: Mapping[str, int], *, end: bool = False) -> Ragged:
    """Texts as tokens: int32 (text, place), padded where a text is shorter; with `end` each ends with that token.

    `places` tells the token of a symbol; one that is not there is unknown.
    """
    rows = ([*(places.get(symbol, UNKNOWN) for symbol in text), *([END] if end else [])] for text in texts)
    return Ragged.of((np.array(row, np.int32) for row in rows), PADDING)


def most_frequent(symbols: Iterable[str], size: int) -> tuple[str, ...]:
    """The vocabulary of the `size` symbols that stand most often in a text, beside the special ones.

    Of those that are equally frequent the first in the order of Unicode. Raises `VocabularyTooLarge`.
    """
    counts = Counter(symbols)
    if size > len(counts):
        raise VocabularyTooLarge(
            f"A vocabulary of {size} was asked for, and the text has only {len(counts)} different symbols. Choose at "
            f"most {len(counts)} in the datasets section of params.yaml."
        )
    return vocabulary(sorted(counts, key=lambda symbol: (-counts[symbol], symbol))[:size])


def one_stream(texts: Iterable[Iterable[str]], places: Mapping[str, int]) -> np.ndarray:
    """Texts as the tokens of one stream, int32 (place,), each text with the token that ends it; see `encode`."""
    return np.fromiter(
        (token for text in texts for token in (*(places.get(symbol, UNKNOWN) for symbol in text), END)), np.int32
    )


def in_rows(tokens: np.ndarray, steps: int) -> np.ndarray:
    """One long text `tokens` (place,) cut into rows int32 (example, `steps`), the last one filled up with padding."""
    rows = np.full((math.ceil(len(tokens) / steps), steps), PADDING, np.int32)
    rows.reshape(-1)[: len(tokens)] = tokens
    return rows


def decode(tokens: Iterable[int], vocabulary: Sequence[str]) -> str:
    """The text of a row, up to its end or its padding; `vocabulary` says what the tokens stand for.

    Of pieces of words, `SPACE` is a space, but for the one before the first word, and a piece like `<0xC3>` a byte.
    """
    symbols = []
    for token in tokens:
        if token in (PADDING, END):
            break
        symbols.append(str(vocabulary[token]))
    text = BYTES.sub(_characters, "".join(symbols))
    return text.replace(SPACE, " ").removeprefix(" ") if SPACE in text else text


def _characters(found: re.Match) -> str:
    return bytes.fromhex("".join(re.findall("<0x(..)>", found[0]))).decode(errors="replace")


def in_pieces(vocabulary: Sequence[str]) -> bool:
    """Whether the symbols are pieces of words."""
    return any(SPACE in symbol for symbol in vocabulary)


def paired(first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Sentences (example, word) of one length each as `tokens` and `segments`: a start, and an end after both."""
    mark = np.ones((len(first), 1), np.int32)
    parts = [START * mark, first, END * mark, second, END * mark]
    segments = np.arange(first.shape[1] + second.shape[1] + 3) > first.shape[1] + 1
    tokens = np.concatenate(parts, axis=1).astype("int32")
    return {"tokens": tokens, "segments": np.broadcast_to(segments, tokens.shape).astype("int32")}
