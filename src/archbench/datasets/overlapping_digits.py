"""Overlapping digits: two different digits in one picture, after MultiMNIST, from the digits scikit-learn carries.

Sabour, Frosst, Hinton 2017, arXiv:1710.09829, section 6.1: two digits of different classes, each shifted at random on a
larger canvas, so that their boxes overlap by 80 % on average.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._options import BadOption, whole
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets.embedded import DIGITS, UCI, digits
from archbench.options import Inside, Seed

GROUPS = 20
"""The source digits are dealt into so many groups, and both digits of a picture come from one of them."""


@dataset("overlapping_digits", source=DIGITS, licence=UCI, kind="generated", bytes=0, smoke={"examples": 60})
def overlapping_digits(
    raw: Path,
    *,
    size: Annotated[int, Field(ge=8, le=384)] = 20,
    digit_size: Annotated[int, Field(ge=8, le=384)] = 16,
    examples: Annotated[int, Field(ge=GROUPS, le=1_000_000)] = 4000,
    seed: Seed = 0,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Pairs of different handwritten digits, each at a random place of the picture, added up to white at most.

    Arrays: `image` uint8 (size, size, 1); `singles` uint8 (2, size, size, 1), the two digits apart, in the order of
    their classes; `present` uint8 (10,), 1 for these classes; `group` int32, the group that both digits come from:
    examples of one group stay in one split, so that no split has seen another's digits. `examples` must be a multiple
    of 20. Raises `BadOption`.
    """
    whole("digit_size", digit_size, 8, size)
    if examples % GROUPS:
        near = max(round(examples / GROUPS), 1) * GROUPS
        raise BadOption(f"The option examples must be a multiple of {GROUPS}; {examples} was given. Try {near}.")
    source = digits(raw, size=digit_size).train
    arrays = _drawn(source["image"], source["label"], size, examples, np.random.default_rng(seed))
    names = tuple("0123456789")
    return Raw(DIGITS, UCI, "image", arrays, validation, test, class_names=names, labels=("present",), group="group")


def _drawn(
    image: np.ndarray, label: np.ndarray, size: int, examples: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    groups = np.array_split(random.permutation(len(label)), GROUPS)
    singles = np.zeros((examples, 2, size, size, 1), np.uint8)
    present = np.zeros((examples, 10), np.uint8)
    group = np.arange(examples, dtype=np.int32) % GROUPS
    for row in range(examples):
        pair = _different(groups[group[row]], label, random)
        present[row, label[pair]] = 1
        for place, source in enumerate(pair):
            _put(singles[row, place], image[source], random)
    together = np.minimum(singles.sum(axis=1, dtype=np.uint16), 255).astype(np.uint8)
    return {"image": together, "singles": singles, "present": present, "group": group}


def _different(members: np.ndarray, label: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Two of `members` of different classes, in the order of their classes."""
    first = random.choice(members)
    second = random.choice(members[label[members] != label[first]])
    return np.array(sorted((first, second), key=lambda source: label[source]))


def _put(canvas: np.ndarray, digit: np.ndarray, random: np.random.Generator) -> None:
    """Draw `digit` (side, side, 1) somewhere on the empty `canvas` (size, size, 1)."""
    side = len(digit)
    top, left = random.integers(0, len(canvas) - side + 1, 2)
    canvas[top : top + side, left : left + side] = digit
