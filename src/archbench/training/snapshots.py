"""What a task shows of a few examples while it trains: a film of pictures, one frame every so many epochs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archbench.records import run_folder
from archbench.training.split import Split

FILE = "snapshots.npz"
EXAMPLES = 4
"""The first ones of the validation split."""


class Snapshots:
    """Those of a run, in one file: `epoch` (snapshot,), and each array that the task shows (snapshot, example, ...)."""

    def __init__(self, folder: Path, every: int, split: Split, epoch: int) -> None:
        self._path, self._every, self._split = folder / FILE, every, split
        self._kept: dict[str, list[np.ndarray]] = {}
        if epoch and self._path.exists():
            kept = run_folder.read_arrays(self._path)
            until = kept["epoch"] <= epoch  # later ones are taken again
            self._kept = {name: list(values[until]) for name, values in kept.items()}

    def after_epoch(self, epoch: int) -> None:
        """Take one if it is time."""
        if epoch % self._every:
            return
        shown = self._split.show(np.arange(min(EXAMPLES, self._split.examples)))
        for name, value in {"epoch": np.int64(epoch), **shown}.items():
            self._kept.setdefault(name, []).append(np.asarray(value))
        run_folder.write_arrays(self._path, {name: np.stack(values) for name, values in self._kept.items()})
