"""What a loader hands over: whole arrays, before they are divided into splits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from archbench.datasets._pictures import Pictures


@dataclass(frozen=True)
class Raw:
    """Arrays of a data set with the examples along their first axis.

    Raises `ValueError` where the arrays do not fit together: a fault of the loader, not of its user.
    """

    source: str
    licence: str
    input: str
    """The array a network reads: `image`, `sequence` or `features`."""
    train: dict[str, np.ndarray | Pictures]
    """Everything, or the official training part where there is a `test` part."""
    validation_fraction: float
    """Share of `train` that chooses the best epoch."""
    test: dict[str, np.ndarray | Pictures] | None = None
    """The official test part, kept as it is."""
    test_fraction: float | None = None
    """Share of `train` that is tested once; None where there is an official `test` part."""
    class_names: tuple[str, ...] = ()
    label_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Array of labels beside `label` -> the names of its classes."""
    vocabulary: tuple[str, ...] = ()
    """Of texts: what the tokens 0, 1, ... stand for."""
    training: Callable[[dict, int], dict] | None = None
    """Changes the arrays of the training split alone, once it is cut: with the seed of the split."""
    odd_files: tuple[tuple[str, str], ...] = ()
    """(file, what) for each file that is not as the others: converted, from what, or skipped, and why."""

    def __post_init__(self) -> None:
        if (self.test is None) == (self.test_fraction is None):
            raise ValueError("Raw needs either an official test part or a test fraction.")
        for part in (self.train, self.test):
            if part is not None:
                self._check(part)

    def _check(self, part: dict[str, np.ndarray | Pictures]) -> None:
        counts = {name: len(array) for name, array in part.items()}
        if len(set(counts.values())) != 1 or not all(counts.values()):
            raise ValueError(f"Every array needs the same number of examples, at least one. Received {counts}.")
        if part.keys() != self.train.keys() or self.input not in part:
            raise ValueError(f"Every part needs the same arrays and {self.input!r}. Received {sorted(part)}.")
        if "label" in part:
            low, high = part["label"].min(), part["label"].max()
            if low < 0 or high >= len(self.class_names):
                raise ValueError(f"Labels from {low} to {high} do not fit {len(self.class_names)} class names.")
