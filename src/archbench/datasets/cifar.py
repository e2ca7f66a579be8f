"""CIFAR-10 and CIFAR-100 in their binary form.

Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".

A record is its labels, one byte each (CIFAR-10: the class; CIFAR-100: the coarse, then the fine class), and
3,072 bytes: 32 rows of 32 red values, then green, then blue. CIFAR-10's six files of records may lie there instead of
their archive.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._idx import DamagedData
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Inside

SOURCE = 'Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"'
PIXELS = 3 * 32 * 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""Of CIFAR-10, for its files of records, which do not name them."""
Find = Callable[[str], tuple[Path, Path]]
"""From a member of the archive to its file, and to what came from the publisher."""
LIMIT = 200_000_000
"""Bytes; unpacked, both archives hold 60,000 records of 3,073 or 3,074 bytes and a few lines of text."""


def _contains(classes: int) -> Callable[..., dict]:
    """What an archive holds, for plans made before it is here."""
    arrays = {"image": {"shape": [32, 32, 3], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    return lambda **_: {"input": "image", "arrays": arrays, "train": 50_000, "test": 10_000, "classes": classes}


@dataset("cifar10", source=SOURCE, **_fetch.facts("cifar10"), contains=_contains(10))
def cifar10(raw: Path, *, validation: Inside = VALIDATION) -> Raw:
    """Photographs, 32x32 in color: 50,000 training and 10,000 test images of 10 classes."""
    train = [f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)]
    test = ["cifar-10-batches-bin/test_batch.bin"]
    if files := _fetch.unpacked("cifar10", raw):
        return _read("cifar10", lambda member: (files[member], files[member]), train, test, CLASSES, validation)
    return _load("cifar10", raw, train, test, "cifar-10-batches-bin/batches.meta.txt", validation)


@dataset("cifar100", source=SOURCE, **_fetch.facts("cifar100"), contains=_contains(100))
def cifar100(raw: Path, *, validation: Inside = VALIDATION) -> Raw:
    """Photographs, 32x32 in color: 50,000 training and 10,000 test images of 100 (fine) classes."""
    folder = "cifar-100-binary"
    names = f"{folder}/fine_label_names.txt"
    return _load("cifar100", raw, [f"{folder}/train.bin"], [f"{folder}/test.bin"], names, validation, labels=2)


def _load(
    name: str, raw: Path, train: list[str], test: list[str], names: str, validation: float, *, labels: int = 1
) -> Raw:
    (archive,) = _fetch.fetch(name, raw).values()
    with extracted(archive, LIMIT) as folder:

        def find(member: str) -> tuple[Path, Path]:
            return folder / member, archive

        classes = tuple(_content(find, names).decode("ascii", "replace").split())
        return _read(name, find, train, test, classes, validation, labels=labels)


def _read(
    name: str,
    find: Find,
    train: list[str],
    test: list[str],
    classes: tuple[str, ...],
    validation: float,
    *,
    labels: int = 1,
) -> Raw:
    parts = []
    for members in (train, test):
        read = [_records(find, member, labels, len(classes)) for member in members]
        parts.append({key: np.concatenate([part[key] for part in read]) for key in ("image", "label")})
    licence = str(_fetch.facts(name)["licence"])
    told = {"official": {"test": parts[1]}, "class_names": classes, **ONE_CLASS}
    return Raw(SOURCE, licence, "image", parts[0], validation, **told)


def _records(find: Find, member: str, labels: int, classes: int) -> dict[str, np.ndarray]:
    """`image` uint8 (32, 32, 3) and `label` int32 of a file of records with `labels` bytes before the pixels."""
    content = _content(find, member)
    length = labels + PIXELS
    if not content or len(content) % length:
        raise _damaged(find, member, f"has {len(content)} bytes, which is no multiple of its records' {length}")
    records = np.frombuffer(content, np.uint8).reshape(-1, length)
    label = records[:, labels - 1].astype(np.int32)
    if label.max() >= classes:
        raise _damaged(find, member, f"has the label {label.max()}, and there are {classes} class names")
    image = records[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return {"image": np.ascontiguousarray(image), "label": label}


def _content(find: Find, member: str) -> bytes:
    path, _ = find(member)
    if not path.is_file():
        raise _damaged(find, member, "is missing")
    return path.read_bytes()


def _damaged(find: Find, member: str, why: str) -> DamagedData:
    _, came = find(member)
    return DamagedData(f"{came} is not the binary form of CIFAR: {member} {why}. Delete it and run again: rm {came}")
