"""The card of a prepared data set: what its arrays hold and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Card:
    """Everything about a prepared data set but its arrays; `dataset.json` is its written form."""

    name: str
    source: str
    licence: str
    input: str
    """The array a network reads: `image` (height, width, channel), `sequence` (step, feature) or `features`."""
    arrays: dict[str, dict]
    """Array name -> `{"shape": [without the example axis], "dtype": "uint8"}`; of pictures that are kept as they were
    published also `{"storage": "tfrecord", "crop": ..., "cmyk": ...}`, which is how they are decoded."""
    split_sizes: dict[str, int]
    """Examples in `train`, `validation` and `test`."""
    class_names: tuple[str, ...] = ()
    label_names: dict[str, list[str]] = field(default_factory=dict)
    """Array of numbers that name classes of their own (`count`, `color`) -> what the numbers 0, 1, ... mean."""
    vocabulary: tuple[str, ...] = ()
    """Of texts: what the tokens 0, 1, ... stand for, in every array of tokens; 0 is padding."""
    label_counts: dict[str, dict[str, dict]] = field(default_factory=dict)
    """Array of labels (`label`, `present`, those of `label_names`) -> split -> `{"known": 90, "classes": [40, 50]}`:
    how many examples have that label, and how many are of each class, or show it."""
    statistics: dict[str, list] = field(default_factory=dict)
    """Of the input over the training split alone: `mean`, `deviation`, `minimum`, `maximum` along the last axis, and of
    pictures `mean_image` (height, width, channel), which is kept beside `dataset.json` as `mean_image.npy`."""
    odd_files: dict[str, int] = field(default_factory=dict)
    """What was converted from (`gray`, `CMYK`, ...) or `skipped` -> how many files; `odd_files.csv` names them."""
    sha256: str = ""
    """Digest of the content of every array, in the order of their names."""
    made_from: dict[str, Any] = field(default_factory=dict)
    """What the data set was prepared from: its loader's `name` with all `options`, the `split_seed`, `code_sha256`
    over the source files, and `files_sha256` over the files of a folder that its user gave, or None."""
    files: dict[str, str] = field(default_factory=dict)
    """File beside `dataset.json` -> its SHA-256."""
    card_sha256: str = ""
    """Digest of all else that `dataset.json` says."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without the batch axis."""
        return tuple(self.arrays[self.input]["shape"])
