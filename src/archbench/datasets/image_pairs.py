"""Pairs of pictures of the user's own, which show one thing or two, from a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archbench.datasets import dataset
from archbench.datasets._fetch import say
from archbench.datasets._folders import Size
from archbench.datasets._objects import Frame
from archbench.datasets._own import OWN, Place, Shares, UnknownLabel, divide, fingerprint, own_raw, repeated
from archbench.datasets._picture import Fit, Look
from archbench.datasets._pictures import Pictures, Storage, checked
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets._tables import Table, read_table
from archbench.errors import shown
from archbench.options import Inside, Seed

SAME = {**dict.fromkeys(("1", "yes", "true", "same"), 1), **dict.fromkeys(("0", "no", "false", "different"), 0)}
"""How users say whether both pictures show one thing."""
MOST_FOLDS = 10
"""Of the pairs of a split, each judged by the threshold that is best on the others."""


@dataset("image_pairs", **OWN, paths=("folder", "table"))
def image_pairs(
    raw: Path,
    *,
    folder: str,
    table: str,
    first: str = "first",
    second: str = "second",
    same: str = "same",
    split: str | None = None,
    group: str | None = None,
    size: Size | Frame = 64,
    fit: Fit = "crop",
    storage: Storage = "arrays",
    validation: Inside = VALIDATION,
    test: Inside = TEST,
    seed: Seed = 0,
) -> Raw:
    """Pairs of pictures of your own, of one thing or of two, from a folder or an archive and a table.

    The columns `first` and `second` of the table name pictures below `folder`, `same` is 1 or 0 (yes or no); `split`
    and `group` are columns of splits, and of what must stay in one, as all pairs with one person. What is not given is
    cut from what trains, pairs of one thing and of two in proportion. `image` and `other` uint8 (height, width, 3) of
    `size`; `same` uint8; `label` and `other_label` int32, equal where pairs say that pictures show one thing; `fold`
    int32 says which pairs to choose by and to test on are judged together, and is -1 of those that train; `trial` is
    -1.
    """
    place, rows = Place("folder", folder, raw), read_table("table", table)
    files = [_files(place, rows, name, option) for name, option in ((first, "first"), (second, "second"))]
    alike = np.array([_same(word, rows.place(row)) for row, word in enumerate(rows.column(same, "same"))], np.uint8)
    names = sorted({*files[0], *files[1]})
    number = {name: row for row, name in enumerate(names)}
    pictures = Pictures(place.source(names), Look(tuple(size) if not isinstance(size, int) else size, fit=fit), storage)
    say(f"{place}: decoding {len(pictures)} pictures, to learn which are good")
    _, odd = checked(pictures, str(place), skip_broken=False)
    sides = [np.array([number[name] for name in side]) for side in files]
    groups = rows.groups(group)
    splits = divide(rows.splits(split), Shares(validation, test, seed), strata=alike, group=groups, where=rows.name)
    things = _things(len(names), *sides, alike)
    arrays = {
        "image": pictures.take(sides[0]),
        "other": pictures.take(sides[1]),
        "same": alike,
        "label": things[sides[0]],
        "other_label": things[sides[1]],
        "fold": _folds(splits, alike),
        "trial": np.full(len(rows), -1, np.int32),
        **({} if groups is None else {"group": groups}),
    }
    print_of = [fingerprint(place.read(name)) for name in names]
    keys = [frozenset((print_of[one], print_of[other])) for one, other in zip(*sides, strict=True)]
    odd += repeated(keys, rows.places, splits)
    return own_raw(folder, "image", arrays, splits, odd, group="group" if group else None)


def _files(place: Place, rows: Table, name: str, option: str) -> list[str]:
    return [place.check(file, rows.place(row)) for row, file in enumerate(rows.column(name, option))]


def _same(word: str, where: str) -> int:
    found = SAME.get(word.strip().lower())
    if found is None:
        raise UnknownLabel(f"{where}: {shown(word)} does not say whether both are the same. Write 1 or 0.")
    return found


def _things(count: int, first: np.ndarray, second: np.ndarray, same: np.ndarray) -> np.ndarray:
    """A number int32 (picture,) for each thing: pictures that pairs say are the same, one by one, share it."""
    thing = np.arange(count)
    for one, other in zip(first[same == 1], second[same == 1], strict=True):
        thing[thing == thing[other]] = thing[one]
    return np.unique(thing, return_inverse=True)[1].astype(np.int32)


def _folds(splits: dict[str, np.ndarray], same: np.ndarray) -> np.ndarray:
    """The fold int32 (pair,) of each pair that does not train: pairs of one thing and of two are dealt out in turn."""
    fold = np.full(len(same), -1, np.int32)
    for name in ("validation", "test"):
        rows = splits[name]
        count = max(min(MOST_FOLDS, len(rows) // 4), 1)
        ordered = rows[np.argsort(same[rows], kind="stable")]
        fold[ordered] = np.arange(len(rows)) % count
    return fold
