"""Prepared data on disk: `<split>/<array>.npy`, opened memory-mapped, and their card, `dataset.json`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError

CARD = "dataset.json"
SPLITS = ("train", "validation", "test")
Splits = Mapping[str, Mapping[str, np.ndarray]]
"""Split -> array name -> array with the examples along its first axis."""
CHUNK = 1 << 24
"""Bytes handled at once where an array may be larger than memory likes."""


class DamagedStore(UserError):
    """A folder that is no complete prepared data set."""


@dataclass(frozen=True)
class Prepared:
    """A prepared data set; the arrays are read from disk as they are used."""

    card: Card
    splits: dict[str, dict[str, np.ndarray]]


def write(folder: Path, card_fields: Mapping[str, object], splits: Splits) -> Card:
    """Write `splits` and their card to `folder`, which appears whole or not at all.

    `card_fields` are those of a Card that arrays do not tell: name, source, licence, input, class_names.
    What stood at `folder` before is replaced.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    card = _card(card_fields, splits)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        new, old = Path(temporary, "new"), Path(temporary, "old")
        for split in SPLITS:
            (new / split).mkdir(parents=True)
            for name, array in splits[split].items():
                np.save(new / split / f"{name}.npy", array, allow_pickle=False)
        text = json.dumps(dataclasses.asdict(card), indent=2, ensure_ascii=False, allow_nan=False)
        (new / CARD).write_text(text + "\n", encoding="utf-8")
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
    return card


def load(folder: Path) -> Prepared:
    """Open a prepared data set; raises `DamagedStore` unless every array is there as the card says."""
    card = _read_card(folder)
    splits = {split: {name: _open(folder, split, name, card) for name in card.arrays} for split in card.split_sizes}
    return Prepared(card, splits)


def verify(folder: Path) -> Card:
    """The card, after every byte has been read; raises `DamagedStore` where the content is not the card's."""
    prepared = load(folder)
    found = digest(prepared.splits)
    if found != prepared.card.sha256:
        raise _damaged(folder, f"its content has the sha256 {found}, its card says {prepared.card.sha256}")
    return prepared.card


def digest(splits: Splits) -> str:
    """sha256 over splits and arrays in order: for each a line `split/name dtype shape`, then its bytes."""
    sha = hashlib.sha256()
    for split in SPLITS:
        for name, array in sorted(splits[split].items()):
            sha.update(f"{split}/{name} {array.dtype.str} {array.shape}\n".encode())
            for rows in _chunks(array):
                sha.update(np.ascontiguousarray(rows).data)
    return sha.hexdigest()


def _card(fields: Mapping[str, object], splits: Splits) -> Card:
    train = splits["train"]
    classes = len(fields["class_names"])
    counts = {
        split: np.bincount(splits[split]["label"], minlength=classes).tolist() for split in SPLITS if "label" in train
    }
    return Card(
        **fields,
        arrays={
            name: {"shape": list(train[name].shape[1:]), "dtype": str(train[name].dtype)} for name in sorted(train)
        },
        split_sizes={split: len(splits[split][fields["input"]]) for split in SPLITS},
        class_counts=counts,
        statistics=statistics(train[fields["input"]]),
        sha256=digest(splits),
    )


def statistics(array: np.ndarray) -> dict[str, list[float]]:
    """Mean, (population) deviation, minimum and maximum along the last axis, over all others."""
    last = array.shape[-1]
    count = array.size // last
    low, high = np.full(last, np.inf), np.full(last, -np.inf)
    total = np.zeros(last)
    for rows in _chunks(array):
        flat = rows.reshape(-1, last)
        total += flat.sum(axis=0, dtype=np.float64)
        low, high = np.minimum(low, flat.min(axis=0)), np.maximum(high, flat.max(axis=0))
    mean = total / count
    # A second pass: the mean of squares minus the squared mean would cancel where the mean is large.
    squares = sum((np.square(rows.reshape(-1, last) - mean).sum(axis=0) for rows in _chunks(array)), np.zeros(last))
    values = {"mean": mean, "deviation": np.sqrt(squares / count), "minimum": low, "maximum": high}
    return {name: value.tolist() for name, value in values.items()}


def _chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    step = max(1, CHUNK // max(1, array[:1].nbytes))
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
        card = Card(**{**fields, "class_names": tuple(fields["class_names"])})
        if tuple(card.split_sizes) != SPLITS or card.input not in card.arrays:
            raise ValueError("its splits or its input are not those of a prepared data set")
        for array in card.arrays.values():
            np.dtype(array["dtype"]), tuple(array["shape"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(folder, f"its {CARD} cannot be read ({error})") from error
    return card


def _open(folder: Path, split: str, name: str, card: Card) -> np.ndarray:
    path = folder / split / f"{name}.npy"
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise _damaged(folder, f"{split}/{name}.npy is missing") from error
    except (ValueError, EOFError, OSError) as error:
        raise _damaged(folder, f"{split}/{name}.npy cannot be read ({error})") from error
    expected = (card.split_sizes[split], *card.arrays[name]["shape"])
    if array.shape != expected or array.dtype != np.dtype(card.arrays[name]["dtype"]):
        raise _damaged(
            folder,
            f"{split}/{name}.npy holds {array.dtype} {array.shape}, its card says "
            f"{card.arrays[name]['dtype']} {expected}",
        )
    return array


def _damaged(folder: Path, why: str) -> DamagedStore:
    return DamagedStore(
        f"{folder} is no complete prepared data set: {why}. Prepare it again: dvc repro -f prepare@{folder.name}"
    )
