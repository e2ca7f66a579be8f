"""Tiny Shakespeare: forty thousand lines of the plays, one character, or one word, after the other.

Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks"; karpathy/char-rnn. That code trains on the
first 95 % of the text and chooses on the rest; here the shares are options, and the end is tested.
"""

from __future__ import annotations

from pathlib import Path

from archbench.datasets import _fetch, _text, dataset
from archbench.datasets._corpus import Steps, Unit, corpus, holds, shares
from archbench.datasets._raw import Raw
from archbench.options import Inside

SOURCE = "Karpathy 2015, karpathy/char-rnn 6f9487a6"
CHARACTERS, LETTERS = 1_115_394, 65
WORDS, TYPES = 253_593, 11_696
"""Words and signs, and how many different ones the training part has by default, about."""


def _contains(*, unit: Unit, steps: int, vocabulary: int | None, validation: float, test: float) -> dict:
    count, types = (CHARACTERS, LETTERS) if unit == "characters" else (WORDS, TYPES)
    return holds(shares(count, validation, test), types, steps=steps, size=vocabulary)


@dataset("tiny_shakespeare", source=SOURCE, **_fetch.facts("tiny_shakespeare"), contains=_contains)
def tiny_shakespeare(
    raw: Path,
    *,
    unit: Unit = "characters",
    steps: Steps = 64,
    vocabulary: _text.Size | None = None,
    validation: Inside = 0.05,
    test: Inside = 0.05,
) -> Raw:
    """Shakespeare's plays as 1,115,394 characters, of 65 kinds, or as words in lower case.

    `tokens` int32 (`steps`,): the text in rows one after the other, the last filled up with 0. `vocabulary` is how
    many symbols it has, the most frequent of the training part, and by default all; signs count as words.
    """
    file = _fetch.fetch("tiny_shakespeare", raw)["input.txt"]
    text = _text.read(file.read_bytes(), str(file))
    stream = _text.numbered(text if unit == "characters" else _text.words_of(text))
    sizes = shares(len(stream.numbers), validation, test)
    licence = str(_fetch.facts("tiny_shakespeare")["licence"])
    return corpus(SOURCE, licence, stream, sizes, steps=steps, size=vocabulary, where="Tiny Shakespeare")
