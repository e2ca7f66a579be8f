"""Pieces of a text in pairs: the second follows the first, or comes from anywhere else.

Devlin et al. 2018, arXiv:1810.04805, section 3.1, task 2. Differs from there: a piece is half of a row of the other
data set, or of the beginning of a text, wherever sentences begin, and all are of one length.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets.columns import Arrays
from archbench.datasets.store import Prepared
from archbench.datasets.tokens import PADDING, paired
from archbench.errors import UserError
from archbench.options import Seed

SOURCE = "Devlin et al. 2018, arXiv:1810.04805, section 3.1"


class NoRows(UserError):
    """A data set that is no text in rows of tokens, or too short a one."""


@dataset(
    "sentence_pairs",
    source=SOURCE,
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "prose"},
)
def sentence_pairs(
    raw: Path, of: Prepared, *, length: Annotated[int, Field(ge=2)] | None = None, seed: Seed = 0
) -> Raw:
    """Pairs of pieces of a text, `follows` int32 (example,) 1 where the second does in the text, which half of them do.

    `tokens` int32 (example, place) of a start, the first piece, an end, the second, an end; `segments` int32 tells with
    0 and 1 which is which. The pieces are the halves of each full row of `tokens` of the data set `of`, in its splits;
    with `length`, which texts of unlike length need, the halves of its first so many tokens. Raises `NoRows`.
    """
    card = of.card
    if not card.vocabulary or "tokens" not in card.arrays:
        raise NoRows(
            f"The data set {card.name!r} is no text in rows of tokens. It has: {', '.join(card.arrays)}. Choose "
            "another `of` in the datasets section of params.yaml."
        )
    if length is None and None in card.arrays["tokens"]["shape"]:
        raise NoRows(
            f"The texts of {card.name!r} are of unlike length. Give `length` in the datasets section of params.yaml: "
            "how many tokens of each make a pair, as 32."
        )
    splits = {
        name: _paired(
            np.asarray(arrays["tokens"][:])[:, :length],
            np.random.default_rng((seed, number)),
            f"{card.name}, {name}",
            length,
        )
        for number, (name, arrays) in enumerate(of.splits.items())
    }
    train = splits.pop("train")
    return Raw(
        f"{card.source}; pairs after {SOURCE}",
        card.licence,
        "tokens",
        train,
        official=splits,
        vocabulary=card.vocabulary,
    )


def _paired(rows: np.ndarray, random: np.random.Generator, where: str, length: int | None) -> Arrays:
    full = rows[(rows != PADDING).all(axis=1)]
    count, steps = full.shape
    if count < 2 or steps < (length or 2):
        raise NoRows(
            f"{where} has {count} full rows of {length or steps} tokens; pairs need two of two. Choose shorter rows."
        )
    follows = random.random(count) < 0.5
    others = (np.arange(count) + random.integers(1, count, count)) % count  # any row but its own
    first, second = np.split(full, [steps // 2], axis=1)
    second = np.where(follows[:, None], second, second[others])
    return {**paired(first, second), "follows": follows.astype("int32")}
