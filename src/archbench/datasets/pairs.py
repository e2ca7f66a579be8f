"""Pairs of examples of another data set, which are of one class or of two; and tasks to choose among several classes.

Koch, Zemel, Salakhutdinov 2015, "Siamese Neural Networks for One-shot Image Recognition", sections 4.2 and 4.3: pairs
drawn at random, as many of one class as of two, to train and to verify on; and n-way one-shot tasks, each an example
beside one example of every class. Where the data set says which examples of a split make such a task (`run` and
`query`), these are taken; else tasks are drawn.

More classes to train with: pictures turned by right angles, after Santoro et al. 2016, arXiv:1605.06065.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets.card import Card
from archbench.datasets.columns import Arrays
from archbench.datasets.store import Prepared
from archbench.errors import UserError, shown
from archbench.options import Count, Seed

SOURCE = "Koch, Zemel, Salakhutdinov 2015, ICML deep learning workshop, sections 4.2 and 4.3"
FOLDS = 10
"""Parts of the pairs of a split, of which each is judged by a threshold chosen on the others."""
NONE = -1
"""The fold or the trial of a pair that is in none."""


class NothingToPair(UserError):
    """A data set whose examples are not of several classes, with two or more of some."""


class NotSquare(UserError):
    """Examples that a right angle would bring out of their frame."""


@dataclass(frozen=True)
class Drawn:
    """Pairs by the rows of both examples, and the fold and trial that each is in."""

    first: np.ndarray
    second: np.ndarray
    fold: np.ndarray
    trial: np.ndarray


@dataset(
    "pairs",
    source=SOURCE,
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "digits", "train_pairs": 60, "pairs": 40, "trials": 6, "ways": 3},
)
def pairs(
    raw: Path,
    of: Prepared,
    *,
    train_pairs: Count = 3_000,
    pairs: Annotated[int, Field(ge=2 * FOLDS, le=10**7)] = 1_000,
    trials: Count = 100,
    ways: Annotated[int, Field(ge=2, le=1_000)] = 5,
    within: str | None = None,
    turned: bool = False,
    seed: Seed = 0,
) -> Raw:
    """Pairs of pictures of another data set, by its `label`, in its splits.

    `image` and `other` as the input of `of`; `same` uint8, whether both are of one class; `label` and `other_label`.
    To train there are `train_pairs`, in every other split `pairs`, of each half of one class and half of two, which are
    drawn as often as any other; a `fold` of 0 to 9 says which of these are judged together, and is -1 of others. Every
    split but the training one has tasks too: `trials` of `ways` pairs each, of which one is of one class, with a number
    `trial` from 0, else -1. Of a split with a `query` among its examples, each of which has a `run`, every query is a
    task instead, with the others of its run.

    Two options make training harder. `within` names an array of `of`, as the alphabets of characters: pairs of two
    classes are then drawn where it is the same, of every value as often. `turned` has every class four times: upright,
    and as three classes more turned by right angles. Raises `NothingToPair` and `NotSquare`.
    """
    if "label" not in of.card.arrays:
        raise NothingToPair(f"The data set {of.card.name!r} has no label to make pairs by. Choose another `of`.")
    splits = {}
    for number, (name, arrays) in enumerate(of.splits.items()):
        if turned and name == "train":
            arrays = _turned(arrays, ("label", within), of.card)
        random = np.random.default_rng((seed, number))
        members = _members(np.asarray(arrays["label"]), of.card.name, name)
        if name == "train":
            places = _places(arrays, members, within, of.card) if within else [members]
            drawn = [_pairs(members, places, train_pairs, random)]
        else:
            given = np.any(arrays.get("query", 0))
            tasks = _given(arrays) if given else _tasks(members, trials, ways, random)
            drawn = [_folded(_pairs(members, [members], pairs, random)), _numbered(tasks)]
        splits[name] = _arrays(arrays, of.card.input, drawn)
    source = f"{of.card.source}; paired after {SOURCE}"
    return Raw(source, of.card.licence, "image", splits.pop("train"), official=splits)


def _turned(arrays: Arrays, numbers: tuple[str | None, ...], card: Card) -> Arrays:
    """Pictures four times, upright and by one, two and three right angles, each time with other `numbers`."""
    shape = card.input_shape
    if len(shape) != 3 or shape[0] != shape[1]:
        raise NotSquare(
            f"Examples of {card.name!r} are of the shape {shape}, and only square pictures can be turned by "
            "right angles. Take `turned` out, or choose another `of`."
        )
    turned = {card.input: np.concatenate([np.rot90(arrays[card.input], turns, axes=(1, 2)) for turns in range(4)])}
    for name in numbers:
        if name in arrays:
            column = np.asarray(arrays[name])
            turned[name] = np.concatenate([column + turns * (column.max() + 1) for turns in range(4)])
    return turned


def _places(arrays: Arrays, members: list[np.ndarray], within: str, card: Card) -> list[list[np.ndarray]]:
    """For every value of the array `within` the rows of each class, where it has two classes or more."""
    if within not in arrays:
        raise NothingToPair(
            f"The data set {card.name!r} has no {shown(within)} to draw pairs within. It has: {', '.join(arrays)}."
        )
    value = np.asarray(arrays[within])
    parts = [[part for rows in members if len(part := rows[value[rows] == one])] for one in np.unique(value)]
    places = [part for part in parts if len(part) > 1]
    if not places:
        raise NothingToPair(
            f"No {shown(within)} of {card.name!r} has examples of two classes to train with. Take `within` out."
        )
    return places


def _members(label: np.ndarray, dataset: str, split: str) -> list[np.ndarray]:
    """The rows of each class."""
    order = np.argsort(label, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    if len(members) < 2 or not any(len(rows) > 1 for rows in members):
        raise NothingToPair(
            f"The split {split} of {dataset!r} has {len(label)} examples of {len(members)} classes: pairs need two "
            "classes or more, and two examples of one. Choose another `of`, or more examples of it."
        )
    return members


def _pairs(
    members: list[np.ndarray], places: Sequence[list[np.ndarray]], count: int, random: np.random.Generator
) -> Drawn:
    """`count` pairs, of one class and of two in turn; every class as often as any other.

    Of two classes both are of one of the `places`, each of which has the rows of every class there.
    """
    several = [rows for rows in members if len(rows) > 1]
    rows = np.array([_alike(several, random) if n % 2 == 0 else _unlike(places, random) for n in range(count)])
    nothing = np.full(count, NONE)
    return Drawn(rows[:, 0], rows[:, 1], nothing, nothing)


def _alike(several: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    return random.choice(several[random.integers(len(several))], 2, replace=False)


def _unlike(places: Sequence[list[np.ndarray]], random: np.random.Generator) -> list[int]:
    members = places[random.integers(len(places))] if len(places) > 1 else places[0]
    return [random.choice(members[place]) for place in random.choice(len(members), 2, replace=False)]


def _folded(drawn: Drawn) -> Drawn:
    """In ten folds, each with as many pairs of one class as of two, or one more."""
    return Drawn(drawn.first, drawn.second, np.arange(len(drawn.first)) // 2 % FOLDS, drawn.trial)


def _tasks(
    members: list[np.ndarray], count: int, ways: int, random: np.random.Generator
) -> Iterator[tuple[int, list[int]]]:
    """A row, and those of `ways` examples of different classes, the first of which is its own."""
    several = [place for place, rows in enumerate(members) if len(rows) > 1]
    for _ in range(count):
        own = random.choice(several)
        others = random.choice(np.delete(np.arange(len(members)), own), min(ways, len(members)) - 1, replace=False)
        query, right = random.choice(members[own], 2, replace=False)
        yield query, [right, *(random.choice(members[place]) for place in others)]


def _given(arrays: Arrays) -> Iterator[tuple[int, list[int]]]:
    """Every query of the data set with those of its run that are none."""
    run, query = np.asarray(arrays["run"]), np.asarray(arrays["query"]).astype(bool)
    for row in np.flatnonzero(query):
        yield row, np.flatnonzero((run == run[row]) & ~query).tolist()


def _numbered(tasks: Iterator[tuple[int, list[int]]]) -> Drawn:
    """Tasks as pairs of the one example with each of the others."""
    rows = np.array([(one, other, trial) for trial, (one, others) in enumerate(tasks) for other in others], int)
    rows = rows.reshape(-1, 3)
    return Drawn(rows[:, 0], rows[:, 1], np.full(len(rows), NONE), rows[:, 2])


def _arrays(arrays: Arrays, given: str, drawn: list[Drawn]) -> dict[str, np.ndarray]:
    label = np.asarray(arrays["label"]).astype("int32")
    first, second, fold, trial = (
        np.concatenate([getattr(one, name) for one in drawn]) for name in ("first", "second", "fold", "trial")
    )
    return {
        "image": np.asarray(arrays[given][first]),
        "other": np.asarray(arrays[given][second]),
        "same": (label[first] == label[second]).astype("uint8"),
        "label": label[first],
        "other_label": label[second],
        "fold": fold.astype("int32"),
        "trial": trial.astype("int32"),
    }
