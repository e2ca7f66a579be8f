"""Prepared data on disk: `<split>/<array>.npy`, opened memory-mapped, and their card, `dataset.json`.

Pictures may be kept as they were published instead, in TFRecord shards, and are then decoded whenever they are read.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archbench.datasets import _shards
from archbench.datasets._picture import Look
from archbench.datasets._pictures import Pictures
from archbench.datasets.card import Card
from archbench.errors import UserError

CARD = "dataset.json"
MEAN_IMAGE = "mean_image.npy"
"""Beside the card, the one statistic that has too many numbers for it: float64 (height, width, channel)."""
SPLITS = ("train", "validation", "test")
SET = "present"
"""The array of labels that are sets of classes: (example, class), 1 or 0."""
ODD_FILES = "odd_files.csv"
"""Beside the card: which files were converted or skipped, and why."""
Splits = Mapping[str, Mapping[str, np.ndarray | Pictures]]
"""Split -> array name -> array with the examples along its first axis."""
CHUNK = 1 << 24
"""Bytes handled at once where an array may be larger than memory likes."""


class NotReady(UserError):
    """A prepared data set that has to be prepared again: `why` without the command that does it."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{why} Prepare it again: dvc repro -f prepare@{folder.name}")
        self.why = why


class DamagedStore(NotReady):
    """A folder that is no complete prepared data set."""


@dataclass(frozen=True)
class Prepared:
    """A prepared data set; the arrays are read from disk as they are used."""

    card: Card
    splits: dict[str, dict[str, np.ndarray | Pictures]]


def write(
    folder: Path,
    card_fields: Mapping[str, object],
    splits: Splits,
    odd_files: Sequence[tuple[str, str]] = (),
) -> Card:
    """Write `splits` and their card to `folder`, which appears whole or not at all.

    `card_fields` are those of a Card that arrays do not tell: name, source, licence, input, class_names, made_from;
    `odd_files` are (file, what happened to it). What stood at `folder` before is replaced, and what a writer that was
    killed left beside it is cleared, so there may be only one writer. Pictures are never in memory together.
    """
    temporary = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    new, old = temporary / "new", temporary / "old"
    try:
        for split in SPLITS:
            (new / split).mkdir(parents=True)
        written = {
            split: {name: _save(new / split, name, arrays) for name in arrays}
            for split, arrays in ((split, splits[split]) for split in SPLITS)
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


def _save(folder: Path, name: str, arrays: Mapping[str, np.ndarray | Pictures]) -> np.ndarray | Pictures:
    """Write one array of a split, and return it as a reader will find it."""
    array, path = arrays[name], folder / f"{name}.npy"
    if not isinstance(array, Pictures):
        np.save(path, array, allow_pickle=False)
        return array
    if array.storage == "tfrecord":
        return Pictures(_shards.write(folder, name, array, arrays.get("label")), array.look, "tfrecord")
    pixels = np.lib.format.open_memmap(path, "w+", array.dtype, array.shape)
    start = 0
    for rows in _chunks(array):
        pixels[start : start + len(rows)] = rows
        start += len(rows)
    pixels.flush()
    return pixels


def _write_odd_files(path: Path, odd_files: Sequence[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("file", "what"), *odd_files])


def load(folder: Path) -> Prepared:
    """Open a prepared data set; raises `DamagedStore` unless every array is there in the shape that the card says.

    What the arrays hold is not read: that is what `verify` does.
    """
    card = _read_card(folder)
    if _are_pictures(card.input_shape):
        card.statistics["mean_image"] = _read(folder, MEAN_IMAGE, card.input_shape, "float64").tolist()
    splits = {split: {name: _open(folder, split, name, card) for name in card.arrays} for split in card.split_sizes}
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
    """sha256 over splits and arrays in order: for each a line `split/name dtype shape`, then its bytes.

    Of pictures that are kept as they were published, the bytes are how they are decoded and then each file's length
    and content.
    """
    sha = hashlib.sha256()
    for split in SPLITS:
        for name, array in sorted(splits[split].items()):
            sha.update(f"{split}/{name} {array.dtype.str} {array.shape}\n".encode())
            if isinstance(array, Pictures):
                _digest_pictures(sha, array)
                continue
            for rows in _chunks(array):
                sha.update(np.ascontiguousarray(rows).data)
    return sha.hexdigest()


def _digest_pictures(sha: Any, pictures: Pictures) -> None:
    sha.update(f"{pictures.look}\n".encode())
    for row in range(len(pictures)):
        content, _ = pictures.encoded(row)
        sha.update(len(content).to_bytes(8, "little"))
        sha.update(content)


def _described(array: np.ndarray | Pictures) -> dict[str, object]:
    """An array's entry on the card."""
    described: dict[str, object] = {"shape": list(array.shape[1:]), "dtype": str(array.dtype)}
    if isinstance(array, Pictures):
        described |= {"storage": array.storage, "crop": array.look.crop, "cmyk": array.look.cmyk}
    return described


def _card(fields: Mapping[str, object], splits: Splits, odd_files: Sequence[tuple[str, str]]) -> Card:
    train = splits["train"]
    return Card(
        **fields,
        arrays={name: _described(train[name]) for name in sorted(train)},
        split_sizes={split: len(splits[split][fields["input"]]) for split in SPLITS},
        label_counts=label_counts(splits, fields["class_names"], fields.get("label_names", {})),
        statistics=statistics(train[fields["input"]]),
        odd_files=dict(Counter(what.partition(":")[0] for _, what in odd_files)),
        sha256=digest(splits),
    )


def label_counts(
    splits: Splits, class_names: Sequence[str], label_names: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, dict]]:
    """What a card says of the arrays of labels: how many examples of each split have one, and of which class.

    A missing label is negative, or above 1 in a row of `present`.
    """
    named = {"label": class_names, SET: class_names, **label_names}
    return {
        name: {split: _tally(splits[split][name], len(classes)) for split in SPLITS}
        for name, classes in named.items()
        if name in splits["train"]
    }


def _tally(labels: np.ndarray, classes: int) -> dict[str, Any]:
    if labels.ndim == 1:
        known = labels[labels >= 0]
        return {"known": len(known), "classes": np.bincount(known, minlength=classes).tolist()}
    known = labels[(labels <= 1).all(axis=1)]
    return {"known": len(known), "classes": known.sum(axis=0, dtype=np.int64).tolist()}


def statistics(array: np.ndarray | Pictures) -> dict[str, list]:
    """Mean, (population) deviation, minimum and maximum along the last axis, over all others.

    Of pictures (example, height, width, channel) also `mean_image` (height, width, channel), the mean over the
    examples of each value of a picture. All are of these examples alone: give the training examples, of a fold its
    own.
    """
    last = array.shape[-1]
    count = array.size // last
    low, high = np.full(last, np.inf), np.full(last, -np.inf)
    total, squares = np.zeros(array.shape[1:]), [0] * last
    for rows in _chunks(array):
        flat = rows.reshape(-1, last)
        total += rows.sum(axis=0, dtype=np.float64)
        low, high = np.minimum(low, flat.min(axis=0)), np.maximum(high, flat.max(axis=0))
        if array.dtype == np.uint8:
            squares = [have + _sum_of_squares(flat[:, place]) for place, have in enumerate(squares)]
    sums = total.reshape(-1, last).sum(axis=0)
    mean = sums / count
    if array.dtype == np.uint8:  # in integers, so exactly, and pictures are decoded only once
        variance = np.array([count * s - int(t) ** 2 for s, t in zip(squares, sums, strict=True)]) / count**2
    else:
        # A second pass: the mean of squares minus the squared mean would cancel where the mean is large.
        variance = sum((np.square(rows.reshape(-1, last) - mean).sum(axis=0) for rows in _chunks(array)), 0) / count
    values = {"mean": mean, "deviation": np.sqrt(variance), "minimum": low, "maximum": high}
    if _are_pictures(array.shape[1:]):
        values["mean_image"] = total / len(array)
    return {name: value.tolist() for name, value in values.items()}


def _sum_of_squares(values: np.ndarray) -> int:
    return int(np.bincount(values, minlength=256) @ np.arange(256) ** 2)


def _are_pictures(shape: Sequence[int]) -> bool:
    return len(shape) == 3  # height, width, channel


def _chunks(array: np.ndarray | Pictures) -> Iterator[np.ndarray]:
    step = max(1, CHUNK * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), step):
        yield array[start : start + step]


def _read_card(folder: Path) -> Card:
    path = folder / CARD
    if not path.is_file():
        raise _damaged(folder, f"it has no {CARD}, so it was never prepared or only half")
    names = {field.name for field in dataclasses.fields(Card)}
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict) or fields.keys() != names:
            raise ValueError(f"it should hold {', '.join(sorted(names))}")
        card = Card(**{**fields, **{name: tuple(fields[name]) for name in ("class_names", "vocabulary")}})
        if tuple(card.split_sizes) != SPLITS or card.input not in card.arrays:
            raise ValueError("its splits or its input are not those of a prepared data set")
        for array in card.arrays.values():
            np.dtype(array["dtype"]), tuple(array["shape"])
        if (found := _card_digest(fields)) != card.card_sha256:
            raise ValueError(f"it was changed: its digest is {found}, it says {card.card_sha256}")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(folder, f"its {CARD} cannot be read ({error})") from error
    return card


def _open(folder: Path, split: str, name: str, card: Card) -> np.ndarray | Pictures:
    described = card.arrays[name]
    if "storage" in described:
        try:
            records = _shards.Records(folder / split, name, card.split_sizes[split])
        except _shards.DamagedShards as error:
            raise _damaged(folder, f"{split}/{error}") from error
        look = Look(described["shape"][0], described["crop"], described["cmyk"])
        return Pictures(records, look, described["storage"])
    shape = (card.split_sizes[split], *card.arrays[name]["shape"])
    return _read(folder, f"{split}/{name}.npy", shape, card.arrays[name]["dtype"])


def _read(folder: Path, file: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """An array of the folder, memory-mapped; raises `DamagedStore` unless it has this shape and type."""
    try:
        array = np.load(folder / file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise _damaged(folder, f"{file} is missing") from error
    except (ValueError, EOFError, OSError) as error:
        raise _damaged(folder, f"{file} cannot be read ({error})") from error
    if array.shape != shape or array.dtype != np.dtype(dtype):
        raise _damaged(folder, f"{file} holds {array.dtype} {array.shape}, its card says {dtype} {shape}")
    return array


def _damaged(folder: Path, why: str) -> DamagedStore:
    return DamagedStore(folder, f"{folder} is no complete prepared data set: {why}.")
