"""Prepared data on disk: a folder a split with the files of its columns, opened memory-mapped, and `dataset.json`.

Which files a column has, and how they are read, is in `_storage.py`; `dataset.json` is the card.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archbench.datasets import _storage
from archbench.datasets.card import Card
from archbench.datasets.columns import Arrays, Column, Runs, lengths
from archbench.errors import UserError

CARD = "dataset.json"
MEAN_IMAGE = "mean_image.npy"
"""Beside the card, the one statistic that has too many numbers for it: float64 (height, width, channel)."""
SPLITS = ("train", "validation", "test")
"""The splits that training needs; a data set may have others beside them."""
NAME = re.compile(r"[A-Za-z0-9_-]+")
"""What splits and arrays are called: they name folders and files."""
ODD_FILES = "odd_files.csv"
"""Beside the card: which files were converted or skipped, and why."""
Splits = Mapping[str, Arrays]
"""Split -> array name -> column."""


class NotReady(UserError):
    """A prepared data set that has to be prepared again: `why`, and `mend`, the command that does it."""

    def __init__(self, folder: Path, why: str) -> None:
        self.why, self.mend = why, f"dvc repro -f prepare@{folder.name}"
        super().__init__(f"{why} Prepare it again: {self.mend}")


class DamagedStore(NotReady):
    """A folder that is no complete prepared data set."""


@dataclass(frozen=True)
class Prepared:
    """A prepared data set; the arrays are read from disk as they are used."""

    card: Card
    splits: dict[str, Arrays]


def write(
    folder: Path,
    card_fields: Mapping[str, object],
    splits: Splits,
    odd_files: Sequence[tuple[str, str]] = (),
) -> Card:
    """Write `splits` and their card to `folder`, which appears whole or not at all.

    `card_fields` are those of a Card that arrays do not tell: name, source, licence, input, what its labels are,
    made_from; `odd_files` are (file, what happened to it). What stood at `folder` before is replaced, and what a writer
    that was killed left beside it is cleared, so there may be only one writer. Pictures are never in memory together.
    """
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    new, old = temporary / "new", temporary / "old"
    try:
        for split in splits:
            (new / split).mkdir(parents=True)
        strata = card_fields.get("strata")
        written = {
            split: {name: _storage.save(new / split, name, array, arrays.get(strata)) for name, array in arrays.items()}
            for split, arrays in splits.items()
        }
        card = _card(card_fields, written, odd_files)
        if odd_files:
            _write_odd_files(new / ODD_FILES, odd_files)
        if "mean_image" in card.statistics:
            np.save(new / MEAN_IMAGE, np.asarray(card.statistics["mean_image"]), allow_pickle=False)
        card = _write_card(new, dataclasses.replace(card, files={name: sha256(new / name) for name in _files(new)}))
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return card


def _write_card(folder: Path, card: Card) -> Card:
    """Write `dataset.json`, and return the card with its own digest."""
    fields = dataclasses.asdict(card)
    fields["statistics"].pop("mean_image", None)
    fields["card_sha256"] = _card_digest(fields)
    text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / CARD).write_text(text + "\n", encoding="utf-8")
    return dataclasses.replace(card, card_sha256=fields["card_sha256"])


def _card_digest(fields: Mapping[str, object]) -> str:
    """The digest of all that `dataset.json` says beside it."""
    others = {name: value for name, value in fields.items() if name != "card_sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> list[str]:
    """The files of a prepared data set but for its card, sorted."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != CARD)


def _write_odd_files(path: Path, odd_files: Sequence[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("file", "what"), *odd_files])


def load(folder: Path) -> Prepared:
    """Open a prepared data set; raises `DamagedStore` unless every array is there in the shape that the card says.

    What the arrays hold is not read: that is what `verify` does.
    """
    card = _read_card(folder)
    where = ""
    try:
        if MEAN_IMAGE in card.files:
            card.statistics["mean_image"] = _storage.read(folder, MEAN_IMAGE, card.input_shape, "float64").tolist()
        splits: dict[str, Arrays] = {}
        for split, count in card.split_sizes.items():
            where = f"{split}/"
            splits[split] = {
                name: _storage.opened(folder / split, name, kept, count) for name, kept in card.arrays.items()
            }
    except _storage.DamagedFile as error:
        raise _damaged(folder, f"{where}{error}") from error
    return Prepared(card, splits)


def verify(folder: Path) -> Card:
    """The card, after every byte has been read; raises `DamagedStore` where a file is not the one the card names."""
    card = load(folder).card
    for name, written in card.files.items():
        if not (folder / name).is_file():
            raise _damaged(folder, f"{name} is missing")
        if (found := sha256(folder / name)) != written:
            raise _damaged(folder, f"{name} has the sha256 {found}, its card says {written}")
    return card


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(splits: Splits) -> str:
    """sha256 over splits in order and arrays by name: for each a line `split/name dtype shape`, then its content.

    Of an array that are its bytes; of other columns how they are read, and then what is kept.
    """
    sha = hashlib.sha256()
    for split, arrays in splits.items():
        for name, array in sorted(arrays.items()):
            sha.update(f"{split}/{name} {array.dtype.str} {array.shape}\n".encode())
            _storage.hash_into(sha, array)
    return sha.hexdigest()


def _card(fields: Mapping[str, Any], splits: Splits, odd_files: Sequence[tuple[str, str]]) -> Card:
    train = splits["train"]
    card = Card(
        **fields,
        arrays={name: _storage.described(train[name]) for name in sorted(train)},
        split_sizes={split: len(arrays[fields["input"]]) for split, arrays in splits.items()},
        statistics=statistics(train[fields["input"]]),
        odd_files=dict(Counter(what.partition(":")[0] for _, what in odd_files)),
        sha256=digest(splits),
    )
    return dataclasses.replace(card, label_counts=label_counts(splits, card))


def label_counts(splits: Splits, card: Card) -> dict[str, dict[str, dict]]:
    """What the card says of its arrays of labels: how many examples of each split have one, and of which class.

    A missing label is negative, or above 1 in the row of a set of classes (example, class). Of labels in examples of
    unlike length, each is counted; of a class for every pixel, the examples that show it.
    """
    return {
        name: {split: _tally(arrays[name], len(classes)) for split, arrays in splits.items()}
        for name, classes in card.classes.items()
    }


def _tally(labels: Column, classes: int) -> dict[str, Any]:
    if lengths(labels) is None and labels.ndim == 2:
        known = labels[(labels <= 1).all(axis=1)]
        return {"known": len(known), "classes": known.sum(axis=0, dtype=np.int64).tolist()}
    if lengths(labels) is None and labels.ndim > 2:
        shown = [np.bincount(np.ravel(one), minlength=classes)[:classes] > 0 for one in labels]  # what is void is above
        return {"known": int(np.any(shown, axis=1).sum()), "classes": np.sum(shown, axis=0).tolist()}
    values = np.concatenate(list(_storage.chunks(labels)))
    known = values[values >= 0]
    return {"known": len(known), "classes": np.bincount(known, minlength=classes).tolist()}


def statistics(array: Column) -> dict[str, list]:
    """Mean, (population) deviation, minimum and maximum along the last axis, over all others, without padding.

    Of pictures (example, height, width, channel) also `mean_image` (height, width, channel), the mean over the
    examples of each value of a picture. All are of these examples alone: give the training examples, of a fold its
    own. Whole numbers but bytes stand for something (a word, a class), and masks are no measurement: of these there are
    none.
    """
    if (array.dtype != np.uint8 and array.dtype.kind != "f") or isinstance(array, Runs):
        return {}
    one = array.shape[1 if lengths(array) is None else 2 :] or (1,)
    last = one[-1]
    low, high = np.full(last, np.inf), np.full(last, -np.inf)
    total, squares, count = np.zeros(one), [0] * last, 0
    for rows in _storage.chunks(array):
        if not rows.size:  # ragged examples of no length
            continue
        count += rows.size // last
        flat = rows.reshape(-1, last)
        total += rows.sum(axis=0, dtype=np.float64)
        low, high = np.minimum(low, flat.min(axis=0)), np.maximum(high, flat.max(axis=0))
        if array.dtype == np.uint8:
            squares = [have + _sum_of_squares(flat[:, place]) for place, have in enumerate(squares)]
    sums = total.reshape(-1, last).sum(axis=0)
    mean = sums / count
    if array.dtype == np.uint8:  # in integers, so exactly, and pictures are decoded only once
        off = [float(count * s - int(t) ** 2) for s, t in zip(squares, sums, strict=True)]
        variance = np.array(off) / float(count**2)
    else:
        # A second pass: the mean of squares minus the squared mean would cancel where the mean is large.
        off = (np.square(rows.reshape(-1, last) - mean).sum(axis=0) for rows in _storage.chunks(array))
        variance = sum(off, 0) / count
    values = {"mean": mean, "deviation": np.sqrt(variance), "minimum": low, "maximum": high}
    if lengths(array) is None and len(one) == 3:  # height, width, channel
        values["mean_image"] = total / len(array)
    return {name: value.tolist() for name, value in values.items()}


def _sum_of_squares(values: np.ndarray) -> int:
    return int(np.bincount(values, minlength=256) @ np.arange(256) ** 2)


def _read_card(folder: Path) -> Card:
    path = folder / CARD
    if not path.is_file():
        raise _damaged(folder, f"it has no {CARD}, so it was never prepared or only half")
    names = {field.name for field in dataclasses.fields(Card)}
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict) or fields.keys() != names:
            raise ValueError(f"it should hold {', '.join(sorted(names))}")
        card = Card.read(fields)
        if not card.split_sizes.keys() >= set(SPLITS) or card.input not in card.arrays:
            raise ValueError("its splits or its input are not those of a prepared data set")
        if not all(NAME.fullmatch(name) for name in (*card.split_sizes, *card.arrays)):
            raise ValueError("a split or an array has a name that no file can have")
        for array in card.arrays.values():
            np.dtype(array["dtype"]), tuple(array["shape"])
        if (found := _card_digest(fields)) != card.card_sha256:
            raise ValueError(f"it was changed: its digest is {found}, it says {card.card_sha256}")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(folder, f"its {CARD} cannot be read ({error})") from error
    return card


def _damaged(folder: Path, why: str) -> DamagedStore:
    return DamagedStore(folder, f"{folder} is no complete prepared data set: {why}.")
