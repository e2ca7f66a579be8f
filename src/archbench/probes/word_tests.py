"""What vectors of words know: analogies, and how alike people find two words.

Mikolov et al. 2013, arXiv:1301.3781, section 4; Finkelstein et al. 2002, ACM TOIS 20(1). How many questions a
vocabulary covers is told with every number: on a small text few are, and what is answered of these says little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from archbench.datasets import DATASETS
from archbench.datasets.questions_words import SEMANTIC
from archbench.datasets.tokens import SPECIAL
from archbench.errors import UserError
from archbench.metrics.words import answers, cosines, spearman
from archbench.probes import probe
from archbench.probes.subject import Subject
from archbench.project import Folders, project_root
from archbench.training.program import BoundNet


class NoVectors(UserError):
    """A network that has no vectors of words."""


@probe("word_tests", source="Mikolov et al. 2013, arXiv:1301.3781, section 4; Finkelstein et al. 2002, ACM TOIS 20(1)")
def word_tests(subjects: Iterator[Subject]) -> dict[str, pd.DataFrame]:
    """Analogies section by section, and the rank correlation with how alike people find 353 pairs of words.

    Of the questions those count as `covered` whose words all are in the vocabulary, as they are written or in lower
    case; the others are not asked. `right` are those that b - a + c answers. The files of the tests are downloaded.
    Raises `NoVectors`.
    """
    raw = Folders(project_root(), "").raw
    found: dict[str, list[dict]] = {"analogies": [], "similarity": []}
    for subject in subjects:
        vectors, vocabulary = _vectors(subject), subject.prepared.card.vocabulary
        told = {"arm": subject.arm, "seed": subject.seed}
        found["analogies"] += [{**told, **row} for row in analogies(vectors, vocabulary, raw)]
        found["similarity"].append({**told, **similarity(vectors, vocabulary, raw)})
    return {name: pd.DataFrame(rows) for name, rows in found.items()}


def _vectors(subject: Subject) -> np.ndarray:
    learner = subject.learner()
    if not hasattr(learner.task, "vectors"):
        raise NoVectors(
            f"{subject.arm} learns no vectors of words, which word_tests needs. Choose benchmarks of the tasks "
            "word_vectors or cooccurrence."
        )
    return np.asarray(learner.task.vectors(BoundNet(learner, training=False)), float)


def analogies(vectors: np.ndarray, vocabulary: Sequence[str], raw: Path) -> list[dict]:
    """A row a section: its `kind`, how many questions are `asked`, `covered` and answered `right`."""
    test = DATASETS.build("questions_words", raw)
    questions = placed(test.vocabulary, vocabulary)[test.train["words"]]
    known = (questions >= 0).all(axis=1)
    candidates = np.arange(len(SPECIAL), len(vocabulary))
    right = np.zeros(len(questions), bool)
    right[known] = answers(vectors, questions[known, :3], candidates) == questions[known, 3]
    return [
        {
            "section": name,
            "kind": "meaning" if number < SEMANTIC else "form",
            "asked": int((own := test.train["section"] == number).sum()),
            "covered": int((own & known).sum()),
            "right": int((own & right).sum()),
        }
        for number, name in enumerate(test.label_names["section"])
    ]


def similarity(vectors: np.ndarray, vocabulary: Sequence[str], raw: Path) -> dict[str, float]:
    """How many `pairs` there are and are `covered`, and `spearman`, the correlation of ranks with people's opinion."""
    test = DATASETS.build("wordsim353", raw)
    pairs = placed(test.vocabulary, vocabulary)[test.train["words"]]
    known = (pairs >= 0).all(axis=1)
    told = test.train["target"][known, 0]
    agreed = spearman(told, cosines(vectors, pairs[known])) if known.sum() > 1 else float("nan")
    return {"pairs": len(pairs), "covered": int(known.sum()), "spearman": agreed}


def placed(words: Sequence[str], vocabulary: Sequence[str]) -> np.ndarray:
    """Which of a `vocabulary` each of `words` is, (word,): as it is written, else in lower case, else -1."""
    places: Mapping[str, int] = {word: place for place, word in enumerate(vocabulary) if place >= len(SPECIAL)}
    return np.array([places.get(word, places.get(word.lower(), -1)) for word in words])
