"""The card of a prepared data set: what its arrays hold and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Card:
    """Everything about a prepared data set but its arrays; `dataset.json` is its written form."""

    name: str
    source: str
    licence: str
    input: str
    """The array that a network reads where its task does not name others: pictures (height, width, channel), sequences
    (step, feature), features, or whole numbers that stand for something, as tokens (step,)."""
    arrays: dict[str, dict]
    """Array name -> `{"shape": [without the example axis], "dtype": "uint8"}`; null in a shape: longer in some examples
    than in others. Of columns that are no plain arrays also how they are kept: `{"storage": "ragged", "pad": 0}`,
    `{"storage": "runs"}`, and pictures as they were published `{"storage": "tfrecord", "crop": ..., "cmyk": ...,
    "fit": ...}`."""
    split_sizes: dict[str, int]
    """Examples in `train`, `validation` and `test`, and in splits of other names."""
    class_names: tuple[str, ...] = ()
    label_names: dict[str, list[str]] = field(default_factory=dict)
    """Array of numbers that name classes of their own (`count`, `color`) -> what the numbers 0, 1, ... mean; of a
    `mask` that is not named here 0 is the background, and 1 + class of `class_names` the rest."""
    vocabulary: tuple[str, ...] = ()
    """Of texts: what the tokens 0, 1, ... stand for, in every array of tokens; 0 is padding."""
    label_counts: dict[str, dict[str, dict]] = field(default_factory=dict)
    """Array of labels (of `labels` and `label_names`) -> split -> `{"known": 90, "classes": [40, 50]}`: how many
    examples have that label, and how many are of each class, or show it."""
    statistics: dict[str, list] = field(default_factory=dict)
    """Of an input of bytes or of fractions, over the training split alone: `mean`, `deviation`, `minimum`, `maximum`
    along the last axis, and of pictures `mean_image` (height, width, channel), which is kept beside `dataset.json` as
    `mean_image.npy`."""
    odd_files: dict[str, int] = field(default_factory=dict)
    """What was converted from (`gray`, `CMYK`, ...) or `skipped` -> how many files; `odd_files.csv` names them."""
    sha256: str = ""
    """Digest of the content of every array, in the order of their names."""
    made_from: dict[str, Any] = field(default_factory=dict)
    """What the data set was prepared from: its loader's `name` with all `options`, the `split_seed`, `code_sha256`
    over the source files, `files_sha256` over the files of a folder that its user gave, or None, and `of_sha256`, the
    digest of the data set that it is derived from, or None."""
    files: dict[str, str] = field(default_factory=dict)
    """File beside `dataset.json` -> its SHA-256."""
    card_sha256: str = ""
    """Digest of all else that `dataset.json` says."""
    labels: tuple[str, ...] = ()
    """Arrays that hold a class of `class_names`, or the set of those that an example shows (example, class)."""
    strata: str | None = None
    """The array of classes that splits and folds hold in proportion."""
    group: str | None = None
    """The array of numbers of which no two splits or folds share one."""
    void: dict[str, int] = field(default_factory=dict)
    """Array of a label for every pixel -> the label of those that are of no known class: neither learnt nor scored."""

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Card:
        """The card of `fields` as JSON has them, where tuples are lists."""
        return cls(**{**fields, **{name: tuple(fields[name]) for name in ("class_names", "labels", "vocabulary")}})

    @property
    def classes(self) -> dict[str, Sequence[str]]:
        """Array of labels -> the names of its classes."""
        return {**dict.fromkeys(self.labels, self.class_names), **self.label_names}

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of one input, without the batch axis; None where it varies."""
        return tuple(self.arrays[self.input]["shape"])
