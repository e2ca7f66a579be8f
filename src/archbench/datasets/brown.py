"""The Brown corpus: 500 samples of American English of 1961, a million words.

Francis, Kucera 1964, Brown Corpus Manual; divided as in Bengio et al. 2003, JMLR 3, section 4.1: the first 800,000
words train, the next 200,000 choose the epoch, the rest is tested. Differs from there: this edition, NLTK's, cuts words
otherwise, so that it has 1,161,192 and the paper 1,181,041; a mark ends every paragraph, and none every text; the
vocabulary is that of the training part alone.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from archbench.datasets import _fetch, _text, dataset
from archbench.datasets._corpus import Steps, corpus, holds
from archbench.datasets._extract import extracted
from archbench.datasets._raw import Raw
from archbench.datasets.tokens import END, SPECIAL

SOURCE = "Francis, Kucera 1964, Brown Corpus Manual; NLTK's edition, nltk/nltk_data 5db857e6"
LIMIT = 50_000_000
"""Bytes of all samples together; there are eleven million."""
SAMPLE = re.compile(r"c[a-r]\d\d")
"""What a sample's file is called: its kind and its number."""
SIZES = {"train": 800_000, "validation": 200_000, "test": 176_859}
"""Tokens, the marks after 15,667 paragraphs among them."""
TYPES = 45_984
"""Of the training part."""
PAPER = 16_383 - len(SPECIAL)
"""With the special tokens there are as many as in the paper."""


@dataset(
    "brown",
    source=SOURCE,
    **_fetch.facts("brown"),
    contains=lambda *, steps, vocabulary: holds(SIZES, TYPES, steps=steps, size=vocabulary),
)
def brown(raw: Path, *, steps: Steps = 35, vocabulary: _text.Size | None = PAPER) -> Raw:
    """American English of 1961, 1,161,192 words: the first 800,000 to train with, 200,000 to choose by, then the test.

    `tokens` int32 (`steps`,): the text in rows one after the other, where a token ends each paragraph and the last row
    is filled up with 0. `vocabulary` is how many words it has: the most frequent of the training part; all
    others are one token, which is predicted and counted as any word.
    """
    archive = _fetch.fetch("brown", raw)["brown.zip"]
    with extracted(archive, LIMIT, lambda name: SAMPLE.fullmatch(Path(name).name) is not None) as folder:
        samples = sorted(path for path in (folder / "brown").glob("c*") if path.is_file())
        stream = _text.numbered(chain.from_iterable(paragraphs(path.read_bytes(), path.name) for path in samples))
    licence = str(_fetch.facts("brown")["licence"])
    return corpus(SOURCE, licence, stream, SIZES, steps=steps, size=vocabulary, where="the Brown corpus")


def paragraphs(content: bytes, file: str) -> list[str]:
    """The words of a sample, `word/tag` each, and the mark that ends a paragraph after it; raises `BrokenText`."""
    symbols: list[str] = []
    for number, line in _text.lines(content, file):
        if not line.strip():
            if symbols and symbols[-1] != SPECIAL[END]:
                symbols.append(SPECIAL[END])
            continue
        for token in line.split():
            word, _, _ = token.rpartition("/")
            if not word:
                raise _text.BrokenText(
                    f"{file}, line {number}: {token!r} is no word with its tag, as the/at is. The published file has "
                    "a tag at every word: delete brown.zip to have it downloaded again."
                )
            symbols.append(word)
    return symbols if not symbols or symbols[-1] == SPECIAL[END] else [*symbols, SPECIAL[END]]
