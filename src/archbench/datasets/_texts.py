"""Many texts with a class each, as data: a row of tokens for every text, as long as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import split
from archbench.datasets._text import BrokenText, encoded, numbered, words_of
from archbench.datasets.columns import Arrays, Ragged, ends
from archbench.datasets.tokens import PADDING, SPECIAL, UNKNOWN

Longest = Annotated[int, Field(ge=1, le=1_000_000)]
"""Words of a text that are read, at most."""


@dataclass(frozen=True)
class Text:
    """One text of a file."""

    where: str
    """Its file and line, or its file."""
    label: int
    words: Sequence[str]

    @classmethod
    def of(cls, where: str, label: int, text: str) -> Text:
        """A text with its words; raises `BrokenText` where it has none."""
        words = words_of(text)
        if not words:
            raise BrokenText(f"{where}: there is no word in this text. Delete the file to have it downloaded again.")
        return cls(where, label, words)


@dataclass(frozen=True)
class Options:
    """How the texts of a data set are read and divided."""

    vocabulary: int | None
    longest: int | None
    validation: float
    seed: int


def texts_raw(
    source: str,
    licence: str,
    parts: Mapping[str, Sequence[Text]],
    classes: Sequence[str],
    options: Options,
    where: str,
    odd_files: Sequence[tuple[str, str]] = (),
) -> Raw:
    """Texts of the parts `train` and `test`, of which some of the first validate unless there is a part that does, as
    `tokens` with their `label`.

    Every class is divided in the same proportions. The vocabulary are the most frequent words of what trains. The card
    counts the texts that are longer than `longest` and read only so far, and the splits with words that it lacks.
    """
    splits = {"train": parts["train"]}
    if "validation" not in parts:
        label = np.array([text.label for text in parts["train"]], np.int32)
        chosen = split(len(label), {"validation": options.validation}, options.seed, label)
        splits = {name: [parts["train"][row] for row in rows] for name, rows in chosen.items()}
    splits |= {name: texts for name, texts in parts.items() if name != "train"}
    kept = {name: [text.words[: options.longest] for text in texts] for name, texts in splits.items()}
    stream = numbered(chain.from_iterable(chain.from_iterable(kept.values())))
    sizes = [sum(map(len, texts)) for texts in kept.values()]
    tokens, vocabulary = encoded(stream, stream.numbers[: sizes[0]], options.vocabulary, where)
    made: dict[str, Arrays] = {}
    odd = [*odd_files] + [
        (text.where, f"cut: {options.longest} of its {len(text.words)} words are read")
        for texts in splits.values()
        for text in texts
        if options.longest and len(text.words) > options.longest
    ]
    for name, piece in zip(kept, np.split(tokens, np.cumsum(sizes)[:-1]), strict=True):
        column = Ragged(piece, ends([len(words) for words in kept[name]]), PADDING)
        made[name] = {"tokens": column, "label": np.array([text.label for text in splits[name]], np.int32)}
        strange = int(np.count_nonzero(piece == UNKNOWN))
        odd += [(name, f"unknown: {strange:,} of {len(piece):,} words, which the vocabulary lacks")] * bool(strange)
    return Raw(
        source,
        licence,
        "tokens",
        made.pop("train"),
        official=made,
        class_names=tuple(classes),
        vocabulary=vocabulary,
        odd_files=tuple(odd),
        **ONE_CLASS,
    )


def holds(sizes: Mapping[str, int], classes: int, vocabulary: int) -> dict[str, Any]:
    """The fact `contains` of texts in these official parts."""
    arrays = {
        "tokens": {"shape": [None], "dtype": "int32", "storage": "ragged", "pad": PADDING},
        "label": {"shape": [], "dtype": "int32"},
    }
    return {"input": "tokens", "arrays": arrays, **sizes, "classes": classes, "vocabulary": len(SPECIAL) + vocabulary}


def divided(texts: Sequence[Text], test: float, seed: int) -> dict[str, list[Text]]:
    """Texts without a part to test on, of which a share becomes one, every class in proportion."""
    label = np.array([text.label for text in texts], np.int32)
    return {name: [texts[row] for row in rows] for name, rows in split(len(label), {"test": test}, seed, label).items()}
