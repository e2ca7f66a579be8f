"""How often words stand near each other in a text: the numbers that GloVe learns from.

Pennington, Socher, Manning 2014, "GloVe: Global Vectors for Word Representation", section 3; GloVe's cooccur.c.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets.store import Prepared
from archbench.datasets.tokens import UNKNOWN
from archbench.errors import UserError
from archbench.options import Inside, Seed

SOURCE = "Pennington, Socher, Manning 2014, GloVe: Global Vectors for Word Representation, EMNLP"


class NoRunningText(UserError):
    """A data set that has no running text to count words in."""


@dataset(
    "cooccurrences",
    source=SOURCE,
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "prose", "window": 3},
)
def cooccurrences(
    raw: Path,
    of: Prepared,
    *,
    window: Annotated[int, Field(ge=1, le=1_000)] = 10,
    seed: Seed = 0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Pairs of words with how often they stand near each other in the training text of another data set.

    `words` int32 (2,) and `times` float32 (): a pair that stands d places apart, up to `window`, counts 1 / d times,
    either way. Special tokens, unknown words among them, take up no place. Pairs that never were are left out. `seed`
    draws which pairs validate and test, both ways of one together: what they tell is how well the counts of unseen
    pairs are foretold. Raises `NoRunningText`.
    """
    card = of.card
    if card.input != "tokens" or not card.vocabulary or card.input_shape == (None,):
        raise NoRunningText(
            f"The data set {card.name!r} is no running text in rows of tokens. Choose another `of` in the datasets "
            "section of params.yaml, as prose, brown or text8."
        )
    tokens = np.asarray(of.splits["train"]["tokens"]).ravel()
    keys, times = counted(tokens[tokens > UNKNOWN].astype(np.int64), window, len(card.vocabulary))
    words = np.stack(np.divmod(keys, len(card.vocabulary)), axis=1).astype(np.int32)
    both_ways = np.sort(words, axis=1) @ np.array([len(card.vocabulary), 1])
    _, pair = np.unique(both_ways, return_inverse=True)
    draws = np.random.default_rng(seed).random(pair.max() + 1)[pair]
    chosen = {"train": draws >= validation + test, "validation": draws < validation}
    chosen["test"] = ~chosen["train"] & ~chosen["validation"]
    splits = {name: {"words": words[rows], "times": times[rows]} for name, rows in chosen.items()}
    source = f"{card.source}; {SOURCE}"
    return Raw(source, card.licence, "words", splits.pop("train"), official=splits, vocabulary=card.vocabulary)


def counted(text: np.ndarray, window: int, words: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of a text (word,), first * `words` + second, sorted, and how often each is, by the nearness of both."""
    keys, times = np.zeros(0, np.int64), np.zeros(0)
    for distance in range(1, min(window, len(text) - 1) + 1):
        first, second = text[:-distance], text[distance:]
        new = np.concatenate([first * words + second, second * words + first])
        every = np.concatenate([keys, new])
        weights = np.concatenate([times, np.full(len(new), 1 / distance)])
        keys, place = np.unique(every, return_inverse=True)
        times = np.bincount(place, weights)
    return keys, times.astype(np.float32)
