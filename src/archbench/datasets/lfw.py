"""Labeled Faces in the Wild: pairs of photographs of public figures, of one person or of two.

Huang, Ramesh, Berg, Learned-Miller 2007, UMass TR 07-49. View 1, made to choose models by, is the training and the
validation part here; view 2, ten folds of 600 pairs, the test part, each fold judged by the threshold that is best on
the others. Strictly, view 2 has a model trained for every fold on the other nine; here one model is tested on all, and
people of view 1 are among those of view 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._idx import DamagedData
from archbench.datasets._picture import Look, decode
from archbench.datasets._raw import Raw

SOURCE = "Huang, Ramesh, Berg, Learned-Miller 2007, Labeled Faces in the Wild, UMass TR 07-49"
LISTS = {"train": "pairsDevTrain.txt", "validation": "pairsDevTest.txt", "test": "pairs.txt"}
SIZES = {"train": 2_200, "validation": 1_000, "test": 6_000}
FOLDS = 10
"""Of the pairs of view 1 to choose a model by, which have none of their own."""
LIMIT = 2**29
"""Bytes that the archive unpacks to, at most."""


@dataclass(frozen=True)
class Pair:
    """Two photographs, each by the person and its number."""

    first: tuple[str, int]
    second: tuple[str, int]
    fold: int

    @property
    def same(self) -> bool:
        """Whether both are of one person."""
        return self.first[0] == self.second[0]


def contains(*, size: int) -> dict:
    """What the data set holds, for plans made before it is here."""
    shapes = {"image": [size, size, 3], "other": [size, size, 3], "same": []}
    arrays = {name: {"shape": shape, "dtype": "uint8"} for name, shape in shapes.items()}
    numbers = {name: {"shape": [], "dtype": "int32"} for name in ("label", "other_label", "fold", "trial")}
    return {"input": "image", "arrays": arrays | numbers, **SIZES, "classes": 0}


@dataset("lfw", source=SOURCE, **_fetch.facts("lfw"), contains=contains)
def lfw(raw: Path, *, size: Annotated[int, Field(ge=16, le=250)] = 125) -> Raw:
    """Pairs of faces, 250x250 in color as published: 2,200 to train with, 1,000 to choose by, 6,000 in ten folds.

    `image` and `other` uint8 (size, size, 3); `same` uint8; `label` and `other_label` int32, a number for each person;
    `fold` int32, -1 of pairs to train with; `trial` int32 is -1. Raises `DamagedData`.
    """
    paths = _fetch.fetch("lfw", raw)
    listed = {split: list(_pairs(paths[name])) for split, name in LISTS.items()}
    for split, pairs in listed.items():
        if len(pairs) != SIZES[split]:
            raise DamagedData(f"{LISTS[split]} lists {len(pairs)} pairs instead of {SIZES[split]}.")
    photographs = sorted({one for pairs in listed.values() for pair in pairs for one in (pair.first, pair.second)})
    people = {name: number for number, name in enumerate(sorted({name for name, _ in photographs}))}
    with extracted(paths["lfw.tgz"], LIMIT) as folder:
        pictures = {one: _picture(folder / "lfw" / one[0] / f"{one[0]}_{one[1]:04d}.jpg", size) for one in photographs}
    splits = {split: _arrays(pairs, pictures, people, split) for split, pairs in listed.items()}
    licence = str(_fetch.facts("lfw")["licence"])
    return Raw(SOURCE, licence, "image", splits.pop("train"), official=splits)


def _pairs(path: Path) -> Iterator[Pair]:
    """The pairs of a list: its first line tells how many of a kind, or how many folds of so many of each kind."""
    head, *lines = path.read_text("utf-8").splitlines()
    *folds, count = map(int, head.split())
    for number, line in enumerate(lines):
        fold = number // (2 * count) if folds else number % count * FOLDS // count
        match line.split("\t"):
            case name, first, second:
                yield Pair((name, int(first)), (name, int(second)), fold)
            case name, first, other, second:
                yield Pair((name, int(first)), (other, int(second)), fold)
            case _:
                raise DamagedData(f"{path.name}, line {number + 2}, names no pair: {line!r}.")


def _picture(path: Path, size: int) -> np.ndarray:
    try:
        return decode(path.read_bytes(), path.name, Look(size))[0]
    except OSError as error:
        raise DamagedData(f"lfw.tgz has no {path.name}, which a list of pairs names.") from error


def _arrays(
    pairs: Sequence[Pair], pictures: Mapping[tuple[str, int], np.ndarray], people: Mapping[str, int], split: str
) -> dict[str, np.ndarray]:
    """The pairs of a split, in the order of its list."""
    return {
        "image": np.stack([pictures[pair.first] for pair in pairs]),
        "other": np.stack([pictures[pair.second] for pair in pairs]),
        "same": np.array([pair.same for pair in pairs], "uint8"),
        "label": np.array([people[pair.first[0]] for pair in pairs], "int32"),
        "other_label": np.array([people[pair.second[0]] for pair in pairs], "int32"),
        "fold": np.array([-1 if split == "train" else pair.fold for pair in pairs], "int32"),
        "trial": np.full(len(pairs), -1, "int32"),
    }
