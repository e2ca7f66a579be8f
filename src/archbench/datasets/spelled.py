"""Words by their letters: what a network reads that knows no vocabulary.

Peters et al. 2018, arXiv:1802.05365, section 3; the signs are those of its authors' code, allenai/bilm-tf: the bytes of
UTF-8, and five more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets.columns import Column, Ragged, ends, lengths
from archbench.datasets.store import Prepared
from archbench.datasets.tokens import PADDING
from archbench.errors import UserError

SOURCE = "Peters et al. 2018, arXiv:1802.05365"
BYTES = 256
BEGINS_TEXT, ENDS_TEXT, BEGINS, ENDS, FILLS = range(BYTES + 1, BYTES + 6)
"""What stands for the ends of a text, for those of a word, and in a word after its end; 0 is where there is no word."""
LETTERS = FILLS + 1
"""How many signs there are: byte b is the sign b + 1."""


class NoTokens(UserError):
    """A data set without tokens that words could be spelled from."""


@dataset(
    "spelled",
    source=SOURCE,
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "prose", "longest": 8},
)
def spelled(raw: Path, of: Prepared, *, longest: Annotated[int, Field(ge=3, le=1_000)] = 50) -> Raw:
    """Another data set of texts, with the letters of every word.

    `letters` int32 (word, `longest`), beside all arrays of the data set `of`: the signs of a word between one that
    begins it and one that ends it, filled up; a word that is longer is cut, as the card counts. Before the first word
    of each row and after the last one stand two words of a sign each, that begin and end a text. A token for what the
    vocabulary lacks is spelled as that is written. Raises `NoTokens`.
    """
    card = of.card
    if card.input != "tokens" or not card.vocabulary:
        raise NoTokens(
            f"The data set {card.name!r} is no text of tokens. Choose another `of` in the datasets section of "
            "params.yaml, as prose, brown or ag_news."
        )
    table = spelling(card.vocabulary, longest)
    splits = {name: {**arrays, "letters": _letters(arrays["tokens"], table)} for name, arrays in of.splits.items()}
    cut = [word for word in card.vocabulary if len(word.encode()) > longest - 2]
    return Raw(
        f"{card.source}; {SOURCE}",
        card.licence,
        "letters",
        splits.pop("train"),
        official=splits,
        class_names=card.class_names,
        labels=card.labels,
        strata=card.strata,
        ordered=False,
        vocabulary=card.vocabulary,
        odd_files=((card.name, f"cut: {len(cut):,} words of its vocabulary are longer"),) if cut else (),
    )


def spelling(words: Sequence[str], longest: int) -> np.ndarray:
    """The signs int32 (word + 2, `longest`) of words by their token, then those of what begins and ends a text."""
    contents = [[byte + 1 for byte in word.encode()[: longest - 2]] for word in words]
    contents += [[BEGINS_TEXT], [ENDS_TEXT]]
    table = np.full((len(contents), longest), FILLS, np.int32)
    for row, signs in zip(table, contents, strict=True):
        row[: len(signs) + 2] = [BEGINS, *signs, ENDS]
    table[PADDING] = 0
    return table


def _letters(tokens: Column, table: np.ndarray) -> Column:
    """Those of each row, with the words that begin and end it."""
    begin, end = len(table) - 2, len(table) - 1
    if lengths(tokens) is None:
        rows = np.asarray(tokens)
        count = (rows != PADDING).sum(axis=1)
        framed = np.pad(rows, ((0, 0), (1, 1)), constant_values=PADDING)
        framed[:, 0] = begin
        framed[np.arange(len(rows)), count + 1] = end
        return table[framed]
    framed = [np.concatenate([[begin], tokens[row], [end]]) for row in range(len(tokens))]
    return Ragged(table[np.concatenate(framed)], ends([len(row) for row in framed]), 0)
