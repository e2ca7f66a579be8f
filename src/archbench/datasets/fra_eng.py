"""Sentences in English and French from Tatoeba, character by character.

tatoeba.org; manythings.org/anki, whose file is made anew again and again: this is d2l.ai's copy, which stays. There
a sentence often stands several times, each with another translation: none is in two splits. The space before French
marks is of several kinds there, and is one kind here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from archbench.datasets import _fetch, _text, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._raw import Raw
from archbench.datasets.tokens import encode, vocabulary
from archbench.errors import UserError
from archbench.options import Inside, Seed

SOURCE = "tatoeba.org, manythings.org/anki; the copy of d2l-ai/d2l-en 23d7a5ae"
LIMIT = 100_000_000
PAIRS, SIGNS = 160_000, 120
"""Of the whole file and its characters, about: nobody published how many there are."""


class NoSentences(UserError):
    """A limit that leaves nothing to learn from."""


def _contains(*, validation: float, test: float, **_: object) -> dict:
    sizes = {"validation": round(validation * PAIRS), "test": round(test * PAIRS)}
    arrays = {name: {"shape": [None], "dtype": "int32"} for name in ("source", "target", "sentence")}
    arrays["sentence"]["shape"] = []
    sizes["train"] = PAIRS - sum(sizes.values())
    return {"input": "source", "arrays": arrays, **sizes, "classes": 0, "vocabulary": SIGNS}


@dataset("fra_eng", source=SOURCE, **_fetch.facts("fra_eng"), contains=_contains)
def fra_eng(
    raw: Path,
    *,
    source: Literal["eng", "fra"] = "eng",
    longest: Annotated[int, Field(ge=1, le=10_000)] | None = None,
    seed: Seed = 0,
    validation: Inside = 0.05,
    test: Inside = 0.05,
) -> Raw:
    """Short sentences in English and French: from the language of `source` to the other one, by characters.

    `source` int32 (character) and `target` int32 (character), with the token that ends it; `sentence` int32 tells the
    different sources apart, of which every split has its own, drawn by `seed`. With `longest`, pairs of which either
    side has more characters are left out; the card counts them. Raises `BrokenText` with file and line, and
    `NoSentences`.
    """
    archive = _fetch.fetch("fra_eng", raw)["fra-eng.zip"]
    with extracted(archive, LIMIT, lambda name: name == "fra-eng/fra.txt") as folder:
        pairs = _pairs((folder / "fra-eng" / "fra.txt").read_bytes())
    if source == "fra":
        pairs = [pair[::-1] for pair in pairs]
    kept = [pair for pair in pairs if longest is None or max(map(len, pair)) <= longest]
    if not kept:
        raise NoSentences(f"No pair of fra_eng has at most {longest} characters a side. Let `longest` be larger.")
    symbols = vocabulary(sign for pair in kept for side in pair for sign in side)
    places = {symbol: token for token, symbol in enumerate(symbols)}
    sources, targets = zip(*kept, strict=True)
    numbers = {sentence: number for number, sentence in enumerate(dict.fromkeys(sources))}
    train = {
        "source": encode(sources, places),
        "target": encode(targets, places, end=True),
        "sentence": np.array([numbers[sentence] for sentence in sources], np.int32),
    }
    left = len(pairs) - len(kept)
    odd = (("fra.txt", f"left out: {left:,} pairs of more than {longest} characters a side"),) if left else ()
    licence = str(_fetch.facts("fra_eng")["licence"])
    return Raw(SOURCE, licence, "source", train, validation, test, vocabulary=symbols, group="sentence", odd_files=odd)


def _pairs(content: bytes) -> list[tuple[str, str]]:
    """English and French of every line, which may tell who wrote them after a second tab."""
    found = []
    for number, line in _text.lines(content, "fra.txt"):
        sides = [" ".join(side.split()) for side in line.split("\t")[:2]]  # spaces of any kind, as before "?" in French
        if len(sides) < 2 or not all(sides):
            raise _text.BrokenText(
                f"fra.txt, line {number}: this is no sentence, tab, and its translation, but {line!r:.80}. Delete "
                "fra-eng.zip to have it downloaded again."
            )
        found.append((sides[0], sides[1]))
    return found
