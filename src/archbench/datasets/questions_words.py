"""Analogies: Athens is to Greece as Baghdad is to Iraq.

Mikolov et al. 2013, "Efficient Estimation of Word Representations in Vector Space", arXiv:1301.3781, section 4.1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archbench.datasets import _fetch, dataset
from archbench.datasets._raw import Raw
from archbench.datasets._text import BrokenText, lines
from archbench.datasets._word_tests import declared, word_table
from archbench.datasets.tokens import SPECIAL

SOURCE = "Mikolov et al. 2013, arXiv:1301.3781"
ROWS, WORDS = 19_544, 905
SEMANTIC = 5
"""The first sections; the others ask for forms of words."""


@dataset(
    "questions_words",
    source=SOURCE,
    **_fetch.facts("questions_words"),
    same_splits=True,
    contains=lambda: declared(ROWS, 4, len(SPECIAL) + WORDS, section={"shape": [], "dtype": "int32"}),
)
def questions_words(raw: Path) -> Raw:
    """19,544 analogies in 14 sections: of capitals, currencies and families, and of the forms of words.

    `words` int32 (4,): the fourth is asked for; `section` int32. Words are written as published, with their case. The
    first five sections are about meaning, the others about form. Every split holds all of them: it is a test.
    """
    file = _fetch.fetch("questions_words", raw)["questions-words.txt"]
    words, section, names = [], [], []
    for number, line in lines(file.read_bytes(), str(file)):
        if line.startswith(": "):
            names.append(line[2:].strip())
            continue
        asked = line.split()
        if len(asked) != 4 or not names:
            raise BrokenText(f"{file}, line {number}: this is no line of four words in a section. Delete the file.")
        words.append(asked)
        section.append(len(names) - 1)
    licence = str(_fetch.facts("questions_words")["licence"])
    others = {"section": np.array(section, np.int32)}
    return word_table("questions_words", SOURCE, licence, words, others, label_names={"section": tuple(names)})
