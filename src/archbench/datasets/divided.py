"""Another data set divided anew: validation and test splits by its size, and examples cut from its training data.

Ng 2018, Machine Learning Yearning, chapters 7 and 40. Thousands of examples are divided 60 : 20 : 20; of a million,
10,000 to choose by and 10,000 to test tell the difference between two networks just as well, 98 : 1 : 1, and all others
are for training. Examples that come from where the training data come from, and are not trained on, tell variance from
mismatch where validation and test examples come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._options import BadOption
from archbench.datasets._raw import Raw
from archbench.datasets._split import split
from archbench.datasets.columns import Arrays, concatenate, take
from archbench.datasets.store import Prepared
from archbench.options import Inside, Seed

LARGEST_SHARE = 0.2
ENOUGH = 10_000
"""Examples that a validation or test split needs at most."""
TRAIN_DEV = "train_dev"

Cut = Inside | Literal["by_size", "kept"]
"""A share of the examples that are divided, the share that `by_size` gives, or the split as it was."""


@dataset(
    "divided",
    source="Ng 2018, Machine Learning Yearning, chapters 7 and 40",
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "iris"},
)
def divided(
    raw: Path,
    of: Prepared,
    *,
    validation: Cut = "kept",
    test: Cut = "kept",
    train_dev: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    seed: Seed = 0,
) -> Raw:
    """The examples of the data set `of` in other splits, with all its arrays.

    What is not `kept` is put together with the training examples and divided: `validation` and `test` are shares of
    these, or `by_size`, 20 % and at most 10,000 examples. `train_dev` is the share of the training examples after that
    which become a split of this name, which is scored and neither trained on nor chosen by. Classes are divided in
    proportion and groups kept together, as where a data set is prepared. What is divided is copied into memory. Raises
    `BadOption` where the shares leave nothing to train on, and `EmptySplit`.
    """
    card = of.card
    asked = {name: cut for name, cut in (("validation", validation), ("test", test)) if cut != "kept"}
    together = _together(of, ("train", *asked))
    count = len(together[card.input])
    shares = {name: share_by_size(count) if cut == "by_size" else cut for name, cut in asked.items()}
    if sum(shares.values()) >= 1:
        raise BadOption(
            f"validation and test take {' + '.join(f'{share:g}' for share in shares.values())} of the examples and "
            "leave nothing to train on. Make them smaller in the datasets section of params.yaml."
        )
    parts = _cut(of, together, shares, seed)
    if train_dev:
        parts |= _cut(of, parts["train"], {TRAIN_DEV: train_dev}, seed)
    kept = {name: arrays for name, arrays in of.splits.items() if name not in ("train", *asked)}
    return Raw(
        card.source,
        card.licence,
        card.input,
        parts.pop("train"),
        official={**kept, **parts},
        class_names=card.class_names,
        labels=card.labels,
        label_names={name: tuple(names) for name, names in card.label_names.items()},
        strata=card.strata,
        group=card.group,
        void=card.void,
        vocabulary=card.vocabulary,
    )


def share_by_size(examples: int) -> float:
    """The share of so many examples that a validation or a test split gets."""
    return min(LARGEST_SHARE, ENOUGH / examples)


def _together(of: Prepared, names: tuple[str, ...]) -> Arrays:
    """The examples of several splits one after the other."""
    if len(names) == 1:
        return of.splits[names[0]]
    return {array: concatenate([of.splits[name][array] for name in names]) for array in of.card.arrays}


def _cut(of: Prepared, arrays: Arrays, shares: Mapping[str, float], seed: int) -> dict[str, Arrays]:
    """`train` and the splits of `shares`; all is `train` where there are none."""
    if not shares:
        return {"train": arrays}
    card = of.card
    strata, group = (arrays.get(name) if name else None for name in (card.strata, card.group))
    chosen = split(len(arrays[card.input]), dict(shares), seed, strata, group)
    return {name: {key: take(array, rows) for key, array in arrays.items()} for name, rows in chosen.items()}
