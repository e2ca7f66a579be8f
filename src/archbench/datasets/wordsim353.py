"""WordSim-353: how alike people find two words.

Finkelstein et al. 2002, "Placing Search in Context: The Concept Revisited", ACM TOIS 20(1).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archbench.datasets import _fetch, dataset
from archbench.datasets._raw import Raw
from archbench.datasets._text import BrokenText, lines
from archbench.datasets._word_tests import declared, word_table
from archbench.datasets.tokens import SPECIAL

SOURCE = "Finkelstein et al. 2002, Placing Search in Context: The Concept Revisited, ACM TOIS 20(1)"
ROWS, WORDS = 353, 437
MOST = 10.0


@dataset(
    "wordsim353",
    source=SOURCE,
    **_fetch.facts("wordsim353"),
    same_splits=True,
    contains=lambda: declared(ROWS, 2, len(SPECIAL) + WORDS, target={"shape": [1], "dtype": "float32"}),
)
def wordsim353(raw: Path) -> Raw:
    """353 pairs of words with how alike people found them, from 0 to 10.

    `words` int32 (2,), written as published, and `target` float32 (1,). A tiger and a tiger are a pair; two pairs,
    money and cash, bank and money, stand there twice, once each way. Every split holds all of them: it is a test.
    """
    file = _fetch.fetch("wordsim353", raw)["wordsim353.tsv"]
    words, alike = [], []
    for number, line in lines(file.read_bytes(), str(file)):
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 3 or not all(cells) or not 0 <= _number(cells[2]) <= MOST:
            raise BrokenText(f"{file}, line {number}: this is no pair of words with a number to 10. Delete the file.")
        words.append(cells[:2])
        alike.append(_number(cells[2]))
    licence = str(_fetch.facts("wordsim353")["licence"])
    return word_table("wordsim353", SOURCE, licence, words, {"target": np.array(alike, np.float32)[:, None]})


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
