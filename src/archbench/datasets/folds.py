"""k-fold cross-validation over the training and validation examples of a prepared data set; the test split stays out.

Stone 1974, "Cross-validatory choice and assessment of statistical predictions", JRSS B 36(2).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from archbench.datasets._split import spread
from archbench.datasets.store import Prepared, statistics
from archbench.errors import UserError

ORDER_SEED = 0
"""Every study cuts the same folds, so that their scores can be compared."""


class TooManyFolds(UserError):
    """More folds than there are examples for."""


def fold(prepared: Prepared, number: int, folds: int) -> Prepared:
    """Fold `number` of `folds` as the validation split, the others as the training split.

    Where there are labels, every fold holds the classes in proportion. The card's statistics are those of the new
    training split. The arrays are copied into memory: folds are for small data.
    """
    both = {
        name: np.concatenate([prepared.splits["train"][name], prepared.splits["validation"][name]])
        for name in prepared.card.arrays
    }
    examples = len(both[prepared.card.input])
    if folds > examples:
        raise TooManyFolds(
            f"{folds} folds need as many examples, but {prepared.card.name!r} has {examples}. Choose fewer."
        )
    order = np.random.default_rng(ORDER_SEED).permutation(examples)
    if "label" in both and prepared.card.class_names:
        order = spread(order, both["label"][order])
    # Every folds-th of a spread order is a stratified sample of it.
    held_out = np.arange(examples) % folds == number
    splits = {
        "train": {name: array[np.sort(order[~held_out])] for name, array in both.items()},
        "validation": {name: array[np.sort(order[held_out])] for name, array in both.items()},
        "test": prepared.splits["test"],
    }
    sizes = {name: len(arrays[prepared.card.input]) for name, arrays in splits.items()}
    counts = {
        split: np.bincount(arrays["label"], minlength=len(prepared.card.class_names)).tolist()
        for split, arrays in splits.items()
        if "label" in arrays and prepared.card.class_names
    }
    card = dataclasses.replace(
        prepared.card,
        split_sizes=sizes,
        class_counts=counts,
        statistics=statistics(splits["train"][prepared.card.input]),
    )
    return Prepared(card, splits)
