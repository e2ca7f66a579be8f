"""What a loader hands over: whole arrays, before they are divided into splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from archbench.datasets.columns import Arrays
from archbench.datasets.store import NAME

ONE_CLASS = {"labels": ("label",), "strata": "label"}
"""What a loader tells `Raw` where the class of every example is its `label`."""


@dataclass(frozen=True)
class Raw:
    """Arrays of a data set with the examples along their first axis.

    Validation and test examples are each either an official part or a share of the training part. Raises `ValueError`
    where the arrays do not fit together: a fault of the loader, not of its user.
    """

    source: str
    licence: str
    input: str
    """The array that a network reads where its task does not name others: `image`, `sequence`, `tokens`."""
    train: Arrays
    """Everything, or the official training part."""
    validation_fraction: float | None = None
    """Share of `train` that chooses the best epoch; None where there is an official part for it."""
    test_fraction: float | None = None
    """Share of `train` that is tested once; None where there is an official part for it."""
    official: Mapping[str, Arrays] = field(default_factory=dict)
    """Split -> its official part, kept as it is: `test`, `validation`, and any others, as `train_dev`."""
    class_names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Arrays that hold a class of `class_names`, or -1 for none, or the set of those that an example shows (example,
    class)."""
    label_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Array of labels beside these -> the names of its own classes."""
    strata: str | None = None
    """The array of classes that every split holds in proportion."""
    group: str | None = None
    """The array of numbers of which no two splits share one."""
    ordered: bool = False
    """Whether each example goes on where the one before it ends: splits are then stretches of them, in their order."""
    void: Mapping[str, int] = field(default_factory=dict)
    """Array of a label for every pixel -> the label of those that are of no known class."""
    vocabulary: tuple[str, ...] = ()
    """Of texts: what the tokens 0, 1, ... stand for."""
    training: Callable[[Arrays, int], Arrays] | None = None
    """Changes the arrays of the training split alone, once it is cut: with the seed of the split."""
    odd_files: tuple[tuple[str, str], ...] = ()
    """(file, what) for each file that is not as the others: converted, from what, or skipped, and why."""

    def __post_init__(self) -> None:
        for split, fraction in (("validation", self.validation_fraction), ("test", self.test_fraction)):
            if (split in self.official) == (fraction is not None):
                raise ValueError(f"Raw needs either an official {split} part or a {split} fraction.")
        named = [*self.labels, *self.label_names, *self.void, *filter(None, (self.strata, self.group))]
        if missing := sorted({self.input, *named} - self.train.keys()):
            raise ValueError(f"Raw names arrays that it does not hold: {missing}. It holds {sorted(self.train)}.")
        if wrong := [name for name in (*self.official, *self.train) if not NAME.fullmatch(name)]:
            raise ValueError(f"Splits and arrays are named by letters, digits, - and _. Received {wrong}.")
        for part in (self.train, *self.official.values()):
            self._check(part)

    @property
    def fractions(self) -> dict[str, float]:
        """Split -> the share of `train` that it is cut from."""
        cut = {"validation": self.validation_fraction, "test": self.test_fraction}
        return {split: fraction for split, fraction in cut.items() if fraction is not None}

    def _check(self, part: Arrays) -> None:
        counts = {name: len(array) for name, array in part.items()}
        if len(set(counts.values())) != 1 or not all(counts.values()):
            raise ValueError(f"Every array needs the same number of examples, at least one. Received {counts}.")
        if part.keys() != self.train.keys():
            raise ValueError(f"Every part needs the same arrays: {sorted(self.train)}. Received {sorted(part)}.")
        for name in self.labels:
            label = np.asarray(part[name])
            if label.ndim == 1 and (label.min() < -1 or label.max() >= len(self.class_names)):
                raise ValueError(
                    f"Labels from {label.min()} to {label.max()} do not fit {len(self.class_names)} class names."
                )
