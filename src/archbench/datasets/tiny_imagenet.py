"""Tiny ImageNet: 200 classes of ImageNet at 64x64, read from its zip archive without unpacking it.

Le, Yang 2015, "Tiny ImageNet Visual Recognition Challenge", CS231n. The labels of its test part were never
published, so its validation part is the test part here. Classes are numbered in the order of their WordNet ids.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import DamagedArchive
from archbench.datasets._folders import About, Crop, Listed, Size, Treatment, contains, picture_raw, unique_names
from archbench.datasets._idx import DamagedData
from archbench.datasets._picture import Inks
from archbench.datasets._pictures import Storage, ZipMembers
from archbench.datasets._raw import Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Inside

SOURCE = 'Le, Yang 2015, "Tiny ImageNet Visual Recognition Challenge", CS231n'
FOLDER = "tiny-imagenet-200"
LARGEST = 10_000_000
"""Bytes of one member; the largest is the list of words."""


@dataset(
    "tiny_imagenet",
    source=SOURCE,
    **_fetch.facts("tiny_imagenet"),
    contains=lambda *, size, **_: contains(size, 100_000, 10_000, 200),
)
def tiny_imagenet(
    raw: Path,
    *,
    validation: Inside = VALIDATION,
    size: Size = 64,
    crop: Crop = 1.0,
    cmyk: Inks = "convert",
    storage: Storage = "arrays",
    skip_broken: bool = False,
) -> Raw:
    """Photographs, 64x64 in color: 100,000 to train with and 10,000 to test on, of 200 classes of ImageNet."""
    treatment = Treatment(size, crop, cmyk, storage, skip_broken)
    (path,) = _fetch.fetch("tiny_imagenet", raw).values()
    archive = _Archive(path)
    wnids = sorted(archive.text("wnids.txt").split())
    number = {wnid: place for place, wnid in enumerate(wnids)}
    words = dict(line.split("\t", 1) for line in archive.text("words.txt").splitlines() if "\t" in line)
    names = {wnid: words.get(wnid, wnid).split(",")[0].strip() for wnid in wnids}
    train, test = _training(archive, wnids), _validation(archive)
    unknown = sorted({wnid for _, wnid in (*train, *test)} - number.keys())
    if unknown:
        raise archive.damaged(f"it has pictures of the class {unknown[0]}, which wnids.txt does not list")
    licence = str(_fetch.facts("tiny_imagenet")["licence"])
    about = About(str(path), SOURCE, licence, wnids, unique_names(names))
    parts = [
        Listed(ZipMembers(path, [name for name, _ in part]), [number[wnid] for _, wnid in part])
        for part in (train, test)
    ]
    return picture_raw(about, *parts, treatment, validation)


class _Archive:
    """The zip archive's list of members and its text files; raises `DamagedArchive` or `DamagedData`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self.sizes = {member.filename: member.file_size for member in archive.infolist()}
        except (zipfile.BadZipFile, OSError) as error:
            raise DamagedArchive(f"{path} cannot be read: {error}. Delete it and run again: rm {path}") from error
        large = [name for name, size in self.sizes.items() if size > LARGEST]
        if large:
            raise self.damaged(f"{large[0]} has {self.sizes[large[0]]} bytes, more than any published member")

    def text(self, name: str) -> str:
        """A text file of the archive."""
        if f"{FOLDER}/{name}" not in self.sizes:
            raise self.damaged(f"{FOLDER}/{name} is missing")
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(f"{FOLDER}/{name}").decode("utf-8", "replace")

    def damaged(self, why: str) -> DamagedData:
        return DamagedData(f"{self.path} is not Tiny ImageNet: {why}. Delete it and run again: rm {self.path}")


def _training(archive: _Archive, wnids: Sequence[str]) -> list[tuple[str, str]]:
    """(member, wnid) of each training picture, `train/<wnid>/images/<wnid>_<number>.JPEG`."""
    start = f"{FOLDER}/train/"
    found = [
        (name, name.removeprefix(start).split("/")[0])
        for name in sorted(archive.sizes)
        if name.startswith(start) and "/images/" in name and not name.endswith("/")
    ]
    empty = sorted(set(wnids) - {wnid for _, wnid in found})
    if empty:
        raise archive.damaged(f"{start}{empty[0]}/images holds no picture")
    return found


def _validation(archive: _Archive) -> list[tuple[str, str]]:
    """(member, wnid) of each line of `val_annotations.txt`: file, wnid and four numbers, apart by tabs."""
    found = []
    for line in archive.text("val/val_annotations.txt").splitlines():
        words = line.split("\t")
        name = f"{FOLDER}/val/images/{words[0]}"
        if len(words) < 2 or name not in archive.sizes:
            raise archive.damaged(f"val_annotations.txt has the line {line!r}, which names no picture with its class")
        found.append((name, words[1]))
    return found
