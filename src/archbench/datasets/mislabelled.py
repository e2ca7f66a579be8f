"""Wrong labels planted among the training examples of another data set, for learning in spite of them or finding them.

Angluin, Laird 1988, "Learning from Noisy Examples", Machine Learning 2(4): labels that are wrong by chance alone, as
often in every class. There every label is wrong with one probability, and there are two classes; here just so many are
wrong as the share says, and a wrong one is any other class, all alike. Validation and test labels stay right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets.columns import Arrays, lengths
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.options import Seed

SOURCE = 'Angluin, Laird 1988, "Learning from Noisy Examples", Machine Learning 2(4)'
PLANTED = "planted"
"""bool (example,): whether its label was made wrong."""


class NoLabelsToChange(UserError):
    """A data set whose examples are not each of one class."""


@dataset(
    "mislabelled",
    source=SOURCE,
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "iris"},
)
def mislabelled(raw: Path, of: Prepared, *, share: Annotated[float, Field(gt=0, le=1)] = 0.2, seed: Seed = 0) -> Raw:
    """Another data set, a share of whose training labels is replaced by another class.

    All arrays are those of the data set `of`, in its splits, but for the labels of its classes in the training split,
    of which `share` (rounded) are wrong, drawn by `seed`; `planted` bool tells which. Raises `NoLabelsToChange`.
    """
    card = of.card
    label = _label_of(of)
    splits = {name: _with_planted(arrays, np.zeros(len(arrays[label]), bool)) for name, arrays in of.splits.items()}
    right = np.array(of.splits["train"][label])
    wrong, planted = _replaced(right, len(card.class_names), share, seed)
    train = {**_with_planted(splits.pop("train"), planted), label: wrong}
    return Raw(
        f"{card.source}; labels replaced after {SOURCE}",
        card.licence,
        card.input,
        train,
        official=splits,
        class_names=card.class_names,
        labels=card.labels,
        label_names={name: tuple(names) for name, names in card.label_names.items()},
        strata=card.strata,
        group=card.group,
        void=card.void,
    )


def _label_of(of: Prepared) -> str:
    """The array with the class of each example."""
    card = of.card
    for name in card.labels:
        column = of.splits["train"][name]
        if lengths(column) is None and column.ndim == 1 and len(card.class_names) > 1 and PLANTED not in card.arrays:
            return name
    raise NoLabelsToChange(
        f"The data set {card.name!r} has no array with one of several classes for each example whose labels are all "
        f"right: its labels are {', '.join(card.labels) or 'none'}. Choose another `of` in the datasets section of "
        "params.yaml."
    )


def _with_planted(arrays: Arrays, planted: np.ndarray) -> Arrays:
    return {**arrays, PLANTED: planted}


def _replaced(label: np.ndarray, classes: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels with `share` of them wrong, and which these are."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(label))[: round(share * len(label))]
    planted = np.zeros(len(label), bool)
    planted[rows] = True
    wrong = label.copy()
    wrong[rows] = (label[rows] + random.integers(1, classes, len(rows))) % classes
    return wrong, planted
