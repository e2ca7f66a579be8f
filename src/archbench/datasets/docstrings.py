"""Paragraphs of docstrings of Python's standard library, by the package that they are of.

What they say differs a little by Python's version; the card has the version, and the digest of the files that were
read.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np

from archbench.datasets import dataset
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets._text import Size, encoded, numbered
from archbench.datasets.columns import Ragged, ends
from archbench.datasets.prose import (
    LICENCE,
    SOURCE,
    WORD,
    common_words,
    docstrings_of,
    library_files,
    paragraphs_of,
)
from archbench.datasets.tokens import PADDING, encode
from archbench.options import Inside

PACKAGES = ("asyncio", "email", "http", "importlib", "logging", "unittest", "xml")
"""The largest that come with every Python."""


def package_files(raw: Path, *, like_prose: bool = False, **_) -> dict[str, Path]:
    """Name -> file, of the modules of these packages; of all there are, where `prose` has the say in the vocabulary."""
    files = library_files(raw)
    return files if like_prose else {name: path for name, path in files.items() if _package(name) in PACKAGES}


@dataset(
    "docstrings",
    source=SOURCE,
    licence=LICENCE,
    kind="generated",
    bytes=0,
    smoke={"vocabulary": 300},
    reads=package_files,
)
def docstrings(
    raw: Path,
    *,
    vocabulary: Size = 2_000,
    like_prose: bool = False,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Which of seven packages of Python's standard library a paragraph documents: about 2,700 of them.

    `tokens` int32 (word) in lower case, and `label` int32. The `vocabulary` are so many words, the most frequent of all
    paragraphs, or with `like_prose` of those of `prose`, so that a network which was trained there knows its words;
    others are unknown. Paragraphs that look like code are left out, as are those that were there before.
    """
    found: dict[str, int] = {}
    for name, path in package_files(raw).items():
        for paragraph in chain.from_iterable(map(paragraphs_of, docstrings_of(path))):
            found.setdefault(paragraph.lower(), PACKAGES.index(_package(name)))
    texts = [WORD.findall(paragraph) for paragraph in found]
    if like_prose:
        symbols = common_words(raw, vocabulary)
        tokens = encode(texts, {symbol: token for token, symbol in enumerate(symbols)})
    else:
        stream = numbered(chain.from_iterable(texts))
        flat, symbols = encoded(stream, stream.numbers, vocabulary, "the docstrings")
        tokens = Ragged(flat, ends([len(text) for text in texts]), PADDING)
    train = {"tokens": tokens, "label": np.array(list(found.values()), np.int32)}
    return Raw(
        SOURCE, LICENCE, "tokens", train, validation, test, class_names=PACKAGES, vocabulary=symbols, **ONE_CLASS
    )


def _package(name: str) -> str:
    """Of a module, by the name of its file."""
    return name.split("/")[0]
