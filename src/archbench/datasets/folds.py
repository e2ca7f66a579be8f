"""k-fold cross-validation over the training and validation examples of a prepared data set; the test split stays out.

Stone 1974, "Cross-validatory choice and assessment of statistical predictions", JRSS B 36(2).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from archbench.datasets._split import deal, spread
from archbench.datasets.columns import Arrays, concatenate, take
from archbench.datasets.store import Prepared, label_counts, statistics
from archbench.errors import UserError

ORDER_SEED = 0
"""Every study cuts the same folds, so that their scores can be compared."""


class TooManyFolds(UserError):
    """More folds than there are examples, or groups of them, for."""


def fold(prepared: Prepared, number: int, folds: int) -> Prepared:
    """Fold `number` of `folds` as the validation split, the others as the training split.

    Every fold holds the classes of the card's `strata` in proportion. Where the card names a `group`, the examples of
    one are in one fold, and sizes and classes as near to that as whole groups come. The card's statistics are those of
    the new training split, and all other splits stay. The arrays are copied into memory: folds are for small data.
    """
    card, both = prepared.card, together(prepared)
    held_out = numbered(prepared, folds) == number
    rows = {"train": np.flatnonzero(~held_out), "validation": np.flatnonzero(held_out)}
    cut = {split: {name: take(array, chosen) for name, array in both.items()} for split, chosen in rows.items()}
    splits = {**prepared.splits, **cut}
    card = dataclasses.replace(
        card,
        split_sizes={name: len(arrays[card.input]) for name, arrays in splits.items()},
        label_counts=label_counts(splits, card),
        statistics=statistics(splits["train"][card.input]),
    )
    return Prepared(card, splits)


def together(prepared: Prepared) -> Arrays:
    """The training examples and then those for validation, in memory."""
    splits = [prepared.splits[name] for name in ("train", "validation")]
    return {name: concatenate([arrays[name] for arrays in splits]) for name in prepared.card.arrays}


def numbered(prepared: Prepared, folds: int) -> np.ndarray:
    """The number of the fold that each example of `together` is in (example,)."""
    card, splits = prepared.card, [prepared.splits[name] for name in ("train", "validation")]
    strata, group = (
        concatenate([arrays[name] for arrays in splits]) if name else None for name in (card.strata, card.group)
    )
    examples = sum(len(arrays[card.input]) for arrays in splits)
    pieces, what = (examples, "examples") if group is None else (len(np.unique(group)), "groups of examples")
    if folds > pieces:
        raise TooManyFolds(f"{folds} folds need as many {what}, but {card.name!r} has {pieces}. Choose fewer.")
    generator = np.random.default_rng(ORDER_SEED)
    if group is not None:
        return deal(group, [1 / folds] * folds, generator, strata)
    order = generator.permutation(examples)
    if strata is not None:
        order = spread(order, strata[order])
    numbers = np.empty(examples, int)
    numbers[order] = np.arange(examples) % folds  # every folds-th of a spread order is a stratified sample of it
    return numbers
