"""Texts read from files: what cannot be read is told with its file and line, and nothing is cut unseen."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from archbench.datasets.tokens import SPECIAL, UNKNOWN, VocabularyTooLarge
from archbench.errors import UserError

WORD = re.compile(r"[a-z0-9]+(?:['’][a-z]+)*|[^\sa-z0-9]")
"""A word of lower-case letters and digits, with what an apostrophe ties to it; or any other sign by itself."""


Size = Annotated[int, Field(ge=1, le=10_000_000)]
"""Of a vocabulary, the special tokens not counted."""


class BrokenText(UserError):
    """Bytes that are not the text that they should be: no UTF-8, or a line of another form."""


DOWNLOADED = "Save the file as UTF-8, or delete it to have it downloaded again."


def read(content: bytes, file: str, mend: str = DOWNLOADED) -> str:
    """The text of a file in UTF-8; raises `BrokenText` with the line of the first byte that is none, and `mend`."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenText(f"{file}, line {line}: the byte 0x{content[error.start]:02x} is no UTF-8. {mend}") from error


def lines(content: bytes, file: str) -> Iterator[tuple[int, str]]:
    """Every line of a file in UTF-8, without its end, with its number from 1; raises `BrokenText`."""
    text = read(content, file).replace("\r\n", "\n")
    return enumerate(text.removesuffix("\n").split("\n"), 1)  # splitlines would end lines at other signs too


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, signs apart."""
    return WORD.findall(text.lower())


class Stream(NamedTuple):
    """Symbols, words or characters, one after the other."""

    numbers: np.ndarray
    """int32 (symbol,): which of `names` each is."""
    names: Sequence[str]
    """Every symbol once, in the order in which they first come."""


def numbered(symbols: Iterable[str]) -> Stream:
    """Symbols by number; none of them is kept but once, however many there are."""
    places: defaultdict[str, int] = defaultdict()
    places.default_factory = places.__len__
    numbers = np.fromiter(map(places.__getitem__, symbols), np.int32)
    return Stream(numbers, list(places))


def encoded(stream: Stream, training: np.ndarray, size: int | None, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The tokens of a stream, int32 (symbol,), and what they stand for: the special ones, then `size` others.

    These are the most frequent of `training`, some of the stream's numbers, by default all there; the most frequent
    first, equally frequent ones in the order of Unicode. What is not among them is `UNKNOWN`. Raises
    `VocabularyTooLarge`, naming `where` that stands.
    """
    counts = np.bincount(training, minlength=len(stream.names))
    special = {name: token for token, name in enumerate(SPECIAL)}
    own = [number for number in np.flatnonzero(counts).tolist() if stream.names[number] not in special]
    if size is not None and size > len(own):
        raise VocabularyTooLarge(
            f"The training part of {where} has {len(own):,} different words, and the vocabulary was to have {size:,}. "
            f"Ask for at most {len(own):,} in the datasets section of params.yaml, or leave `vocabulary` out."
        )
    chosen = sorted(own, key=lambda number: (-counts[number], stream.names[number]))[:size]
    token = np.array([special.get(name, UNKNOWN) for name in stream.names], np.int32)
    token[chosen] = len(SPECIAL) + np.arange(len(chosen))
    return token[stream.numbers], SPECIAL + tuple(stream.names[number] for number in chosen)
