"""k-fold cross-validation over the training and validation examples of a prepared data set; the test split stays out.

Stone 1974, "Cross-validatory choice and assessment of statistical predictions", JRSS B 36(2).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from archbench.datasets._split import deal, spread
from archbench.datasets.store import Prepared, label_counts, statistics
from archbench.errors import UserError

ORDER_SEED = 0
"""Every study cuts the same folds, so that their scores can be compared."""


class TooManyFolds(UserError):
    """More folds than there are examples, or groups of them, for."""


def fold(prepared: Prepared, number: int, folds: int) -> Prepared:
    """Fold `number` of `folds` as the validation split, the others as the training split.

    Where there are labels, every fold holds the classes in proportion. Where there is a `group`, the examples of one
    are in one fold, and sizes and classes as near to that as whole groups come. The card's statistics are those of the
    new training split. The arrays are copied into memory: folds are for small data.
    """
    both = {
        name: np.concatenate([prepared.splits["train"][name], prepared.splits["validation"][name]])
        for name in prepared.card.arrays
    }
    label = both.get("label") if prepared.card.class_names else None
    held_out = _numbered(len(both[prepared.card.input]), folds, label, both.get("group"), prepared.card.name) == number
    splits = {
        "train": {name: array[~held_out] for name, array in both.items()},
        "validation": {name: array[held_out] for name, array in both.items()},
        "test": prepared.splits["test"],
    }
    sizes = {name: len(arrays[prepared.card.input]) for name, arrays in splits.items()}
    card = dataclasses.replace(
        prepared.card,
        split_sizes=sizes,
        label_counts=label_counts(splits, prepared.card.class_names, prepared.card.label_names),
        statistics=statistics(splits["train"][prepared.card.input]),
    )
    return Prepared(card, splits)


def _numbered(examples: int, folds: int, label: np.ndarray | None, group: np.ndarray | None, name: str) -> np.ndarray:
    """The number of the fold that each example is in (example,)."""
    pieces, what = (examples, "examples") if group is None else (len(np.unique(group)), "groups of examples")
    if folds > pieces:
        raise TooManyFolds(f"{folds} folds need as many {what}, but {name!r} has {pieces}. Choose fewer.")
    generator = np.random.default_rng(ORDER_SEED)
    if group is not None:
        return deal(group, [1 / folds] * folds, generator, label)
    order = generator.permutation(examples)
    if label is not None:
        order = spread(order, label[order])
    numbers = np.empty(examples, int)
    numbers[order] = np.arange(examples) % folds  # every folds-th of a spread order is a stratified sample of it
    return numbers
