"""What trained networks get wrong: mistakes counted by category, what ending them could win, and the worst of them.

Ng 2018, Machine Learning Yearning, chapters 14 to 17. It looks at the validation split: who looks at test examples has
none left to test with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from archbench.datasets.card import Card
from archbench.datasets.tokens import decode
from archbench.options import Count
from archbench.probes import Found, probe
from archbench.probes.categories import Kinds, categories, names_of
from archbench.probes.subject import Subject
from archbench.tasks.base import Arrays
from archbench.training.program import Program
from archbench.training.shown import picture_arrays
from archbench.training.split import Split, open_split

SPLIT = "validation"


@probe("error_analysis", source="Ng 2018, Machine Learning Yearning, chapters 14 to 17")
def error_analysis(subjects: Iterator[Subject], *, worst: Count = 12) -> Found:
    """The mistakes of every network, by category and one by one.

    `categories` has a row a network, seed, and category of examples (`categories.py`): how many there are `of` all, how
    many are wrong, and the sum of their mistakes, which is also given as a share of all mistakes. Where a score is the
    mean of what examples do not miss, `score` names it and `win` is how much better it would be without these mistakes,
    at most; categories that differ in another thing hold the same examples again. `worst` are the `worst` mistakes of
    the first seed, and what pictures of them are drawn from is in `worst-<network>`. How far off an example is its task
    says, or its loss.
    """
    counted, listed, pictures = [], [], {}
    for subject in subjects:
        split = _open(subject)
        answers = split.answer("predictions", subject.settings["batch_size"])
        scores, predictions = split.judge(answers)
        told = split.task.mistakes(split.arrays, predictions)
        loss = np.asarray(answers["loss/loss"], "float64")
        mistakes = loss if told is None else np.asarray(told, "float64")
        card, data = subject.prepared.card, subject.prepared.splits[SPLIT]
        kinds = categories(card, data, predictions)
        whose = {"arm": subject.arm, "seed": subject.seed}
        score = explained(scores, mistakes, split.task.monitor)
        counted += [{**whose, "score": score, **row} for row in count(kinds, mistakes, score is not None)]
        if f"worst-{subject.arm}" not in pictures:
            rows = worst_rows(mistakes, loss, worst)
            texts = _texts(card, split.arrays, predictions)
            listed += [{**whose, **row} for row in _listed(rows, mistakes, kinds, texts)]
            shown = picture_arrays(card, split, predictions, rows) if len(rows) else {"row": rows}
            pictures[f"worst-{subject.arm}"] = shown
    tables = {"categories": pd.DataFrame(counted, columns=COUNTED), "worst": pd.DataFrame(listed, columns=LISTED)}
    return {**tables, **{name: arrays for name, arrays in pictures.items() if len(arrays["row"])}}


COUNTED = ("arm", "seed", "score", "kind", "category", "examples", "of", "wrong", "mistakes", "share", "win")
LISTED = ("arm", "seed", "row", "mistake", "true", "answered", "categories")


def _open(subject: Subject) -> Split:
    learner, settings, card = subject.learner(), subject.settings, subject.prepared.card
    arrays = subject.prepared.splits[SPLIT]
    return open_split(
        Program(learner, xla=False),
        arrays,
        batch_size=settings["batch_size"],
        resident_bytes=settings["resident_megabytes"] * 2**20,
        group=np.asarray(arrays[card.group]) if card.group else None,
    )


def explained(scores: Mapping[str, float], mistakes: np.ndarray, monitor: str) -> str | None:
    """The score that is 1 less the mean of `mistakes`, or that mean; `monitor` if it is that, None if there is none."""
    mean = float(mistakes.mean())
    for name in (monitor, *scores):
        if any(math.isclose(scores[name], own, rel_tol=1e-5, abs_tol=1e-6) for own in (mean, 1 - mean)):
            return name
    return None


def count(kinds: Kinds, mistakes: np.ndarray, additive: bool) -> list[dict]:
    """The rows of `categories`, but for whose they are; the most mistakes of each kind first."""
    total, rows = mistakes.sum(), []
    for kind, category in kinds.items():
        own = []
        for name in np.unique(category[category != ""]):
            here = mistakes[category == name]
            own.append(
                {
                    "kind": kind,
                    "category": str(name),
                    "examples": len(here),
                    "of": len(mistakes),
                    "wrong": int((here > 0).sum()),
                    "mistakes": here.sum(),
                    "share": here.sum() / total if total else 0.0,
                    "win": here.sum() / len(mistakes) if additive else math.nan,
                }
            )
        rows += sorted(own, key=lambda row: -row["mistakes"])
    return rows


def worst_rows(mistakes: np.ndarray, loss: np.ndarray, most: int) -> np.ndarray:
    """The examples with the largest mistakes, of equal ones those with the larger loss first; none without any."""
    order = np.lexsort((-loss, -mistakes))[:most]
    return order[mistakes[order] > 0]


def _listed(
    rows: np.ndarray, mistakes: np.ndarray, kinds: Kinds, texts: Mapping[str, Mapping[str, np.ndarray]]
) -> Iterator[dict]:
    """The rows of `worst`, but for whose they are."""
    for row in rows:
        said = {side: "; ".join(str(values[row]) for values in told.values()) for side, told in texts.items()}
        about = "; ".join(f"{kind}: {values[row]}" for kind, values in kinds.items() if values[row])
        yield {"row": int(row), "mistake": mistakes[row], **said, "categories": about}


def _texts(card: Card, arrays: Arrays, predictions: Arrays) -> dict[str, dict[str, np.ndarray]]:
    """What is true and what was answered, as far as words can tell: classes by their names, tokens as texts."""
    return {side: _words(card, values) for side, values in (("true", arrays), ("answered", predictions))}


def _words(card: Card, values: Arrays) -> dict[str, np.ndarray]:
    found = {}
    for name, array in values.items():
        names, array = names_of(card, name), np.asarray(array)
        if names and array.ndim == 1:
            found[name] = np.array([names[number] if 0 <= number < len(names) else "none" for number in array])
        elif card.vocabulary and array.ndim == 2 and np.issubdtype(array.dtype, np.integer):
            found[name] = np.array([decode(row, np.array(card.vocabulary)) for row in array])
    return found
