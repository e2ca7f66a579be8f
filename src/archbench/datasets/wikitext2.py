"""WikiText-2: two million words of good articles of Wikipedia, with their case, numbers and signs.

Merity et al. 2016, "Pointer Sentinel Mixture Models", arXiv:1609.07843. Words that came fewer than three times are one
symbol in the published text already, and a mark ends every line, as in the paper's counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from archbench.datasets import _fetch, _text, dataset
from archbench.datasets._corpus import Steps, corpus, holds
from archbench.datasets._extract import extracted
from archbench.datasets._raw import Raw
from archbench.datasets.tokens import END, SPECIAL, UNKNOWN

SOURCE = "Merity et al. 2016, arXiv:1609.07843"
LIMIT = 50_000_000
PARTS = {"train": "train", "validation": "valid", "test": "test"}
"""Our split -> its name in the archive."""
SIZES = {"train": 2_088_628, "validation": 217_646, "test": 245_569}
"""Tokens, with the marks that end lines."""
TYPES = 33_276
"""The paper's 33,278 without the mark and the unknown, which are special tokens here."""
MEANT = {"<unk>": SPECIAL[UNKNOWN]}
"""What the text writes -> what that is among our tokens."""


@dataset(
    "wikitext2",
    source=SOURCE,
    **_fetch.facts("wikitext2"),
    contains=lambda *, steps, vocabulary: holds(SIZES, TYPES, steps=steps, size=vocabulary),
)
def wikitext2(raw: Path, *, steps: Steps = 35, vocabulary: _text.Size | None = None) -> Raw:
    """Articles of Wikipedia, two million words, in the published parts to train with, to choose by and to test on.

    `tokens` int32 (`steps`,): the text in rows one after the other, where a token ends each line and the last row of a
    part is filled up with 0. `vocabulary` is how many words it has, the most frequent of the training part, and
    by default all.
    """
    archive = _fetch.fetch("wikitext2", raw)["wikitext-2-v1.zip"]
    files = [f"wiki.{part}.tokens" for part in PARTS.values()]
    with extracted(archive, LIMIT, lambda name: Path(name).name in files) as folder:
        parts = [list(_marked((folder / "wikitext-2" / file).read_bytes(), file)) for file in files]
    stream = _text.numbered(chain.from_iterable(parts))
    sizes = dict(zip(PARTS, map(len, parts), strict=True))
    licence = str(_fetch.facts("wikitext2")["licence"])
    return corpus(SOURCE, licence, stream, sizes, steps=steps, size=vocabulary, where="WikiText-2")


def _marked(content: bytes, file: str) -> Iterator[str]:
    """The words of a file, and a mark after each line; a line without words is a mark alone."""
    for _, line in _text.lines(content, file):
        yield from (MEANT.get(word, word) for word in line.split(" ") if word)
        yield SPECIAL[END]
