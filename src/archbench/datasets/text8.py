"""text8: the first hundred million characters of a Wikipedia of 2006, letters and spaces alone.

M. Mahoney 2011, "About the Test Data", mattmahoney.net/dc/textdata; divided as is usual since Mikolov et al. 2012,
"Subword Language Modeling with Neural Networks": the last twentieth is tested, the one before it chooses the epoch.
"""

from __future__ import annotations

import hashlib
import re
from operator import methodcaller
from pathlib import Path

from archbench.datasets import _fetch, _text, dataset
from archbench.datasets._corpus import Steps, Unit, corpus, holds, shares
from archbench.datasets._extract import extracted
from archbench.datasets._raw import Raw

SOURCE = 'M. Mahoney 2011, "About the Test Data", mattmahoney.net/dc/textdata'
COUNTS = {"characters": 100_000_000, "words": 17_005_207}
LETTERS, WORDS = 27, 50_000
"""With the space; and of how many words the vocabulary is, unless another size is asked for."""
SHARE = 0.05
"""Of the validation and of the test part each."""
SHA256 = "6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7"
"""Of the file in the archive: the checksums that are often given for text8.zip are of this one."""


def _contains(*, unit: Unit, steps: int, vocabulary: int | None) -> dict:
    types = WORDS if unit == "words" else LETTERS
    return holds(shares(COUNTS[unit], SHARE, SHARE), types, steps=steps, size=vocabulary)


@dataset("text8", source=SOURCE, **_fetch.facts("text8"), contains=_contains)
def text8(raw: Path, *, unit: Unit = "words", steps: Steps = 64, vocabulary: _text.Size | None = None) -> Raw:
    """English Wikipedia of 2006 without signs and digits: 17,005,207 words, or a hundred million characters.

    `tokens` int32 (`steps`,): the text in rows one after the other, the last filled up with 0. `vocabulary` is how
    many symbols it has, the most frequent of the training part, by default 50,000 words or every character; all others
    are one token. Raises `BrokenText` where
    the file in the archive is another.
    """
    archive = _fetch.fetch("text8", raw)["text8.zip"]
    with extracted(archive, COUNTS["characters"], lambda name: name == "text8") as folder:
        content = (folder / "text8").read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise _text.BrokenText(
            f"{archive} holds another text8: its sha256 is {found}, published is {SHA256}. Delete it: rm {archive}"
        )
    text = content.decode("ascii")
    whole = unit == "characters"
    stream = _text.numbered(text if whole else map(methodcaller("group"), re.finditer("[a-z]+", text)))
    sizes = shares(len(stream.numbers), SHARE, SHARE)
    licence = str(_fetch.facts("text8")["licence"])
    size = vocabulary or (None if whole else WORDS)
    return corpus(SOURCE, licence, stream, sizes, steps=steps, size=size, where="text8")
