"""STL-10 in its binary form; of its 113,000 images the 13,000 that have labels.

Coates, Lee, Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS.

An image is 3 x 96 x 96 bytes: red, then green, then blue, each column after column. Labels are bytes from 1 to 10.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._idx import DamagedData
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Inside

SOURCE = 'Coates, Lee, Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS'
SIDE = 96
LIMIT = 4_000_000_000
"""Bytes; unpacked, the archive holds 113,000 images of 27,648 and a few small files."""
FOLDER = "stl10_binary"
FOLDS = 10


def contains(*, fold: int | None, **_: object) -> dict:
    """What the archive holds, for plans made before it is here."""
    arrays = {"image": {"shape": [SIDE, SIDE, 3], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    train = 5_000 if fold is None else 1_000
    return {"input": "image", "arrays": arrays, "train": train, "test": 8_000, "classes": 10}


@dataset("stl10", source=SOURCE, **_fetch.facts("stl10"), contains=contains)
def stl10(
    raw: Path, *, validation: Inside = VALIDATION, fold: Annotated[int, Field(ge=0, lt=FOLDS)] | None = None
) -> Raw:
    """Photographs, 96x96 in color: 5,000 training and 8,000 test images of 10 classes.

    Its authors train on `fold` 0 to 9, 1,000 of the training images each, and average the test accuracies.
    """
    (archive,) = _fetch.fetch("stl10", raw).values()
    with extracted(archive, LIMIT, lambda name: "unlabeled" not in name) as folder:
        names = tuple(_content(archive, folder, "class_names.txt").decode("ascii", "replace").split())
        train, test = (_part(archive, folder, part, len(names)) for part in ("train", "test"))
        if fold is not None:
            rows = _fold(archive, folder, fold, len(train["label"]))
            train = {key: array[rows] for key, array in train.items()}
    licence = str(_fetch.facts("stl10")["licence"])
    return Raw(SOURCE, licence, "image", train, validation, official={"test": test}, class_names=names, **ONE_CLASS)


def _part(archive: Path, folder: Path, part: str, classes: int) -> dict[str, np.ndarray]:
    pixels = np.frombuffer(_content(archive, folder, f"{part}_X.bin"), np.uint8)
    label = np.frombuffer(_content(archive, folder, f"{part}_y.bin"), np.uint8)
    if not len(pixels) or len(pixels) % (3 * SIDE * SIDE):
        raise _damaged(archive, f"{part}_X.bin has {len(pixels)} bytes, no multiple of an image's {3 * SIDE * SIDE}")
    image = pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 3, 2, 1)
    if len(image) != len(label):
        raise _damaged(archive, f"{part}_y.bin has {len(label)} labels for {len(image)} images")
    if label.min() < 1 or label.max() > classes:
        raise _damaged(archive, f"{part}_y.bin has labels from {label.min()} to {label.max()}, not 1 to {classes}")
    return {"image": np.ascontiguousarray(image), "label": label.astype(np.int32) - 1}


def _fold(archive: Path, folder: Path, fold: int, examples: int) -> np.ndarray:
    """The rows of a fold, from a file of a line a fold."""
    lines = _content(archive, folder, "fold_indices.txt").decode("ascii", "replace").splitlines()
    words = lines[fold].split() if fold < len(lines) else []
    if not words or not all(word.isdigit() and int(word) < examples for word in words):
        raise _damaged(archive, f"line {fold + 1} of fold_indices.txt is no list of images below {examples}")
    return np.array(words, int)


def _content(archive: Path, folder: Path, member: str) -> bytes:
    path = folder / FOLDER / member
    if not path.is_file():
        raise _damaged(archive, f"{FOLDER}/{member} is missing")
    return path.read_bytes()


def _damaged(archive: Path, why: str) -> DamagedData:
    return DamagedData(f"{archive} is not the binary form of STL-10: {why}. Delete it and run again: rm {archive}")
