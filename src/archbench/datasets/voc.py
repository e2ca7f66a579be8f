"""Pascal VOC 2007 and 2012: photographs with the boxes of twenty classes, and for some of them every pixel told.

Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88; 2015, IJCV 111. Difficult objects
are ignored, as in the challenge. The test part of 2012 was never published, so its `val` is the test part here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from archbench.datasets import _fetch, _voc, dataset
from archbench.datasets._extract import Unpacked
from archbench.datasets._idx import DamagedData
from archbench.datasets._masks import VOID, WrongMask, fitted, indices
from archbench.datasets._objects import Frame, Part, Scene, Told, Whole, gather, holds
from archbench.datasets._picture import Look
from archbench.datasets._pictures import Files, Joined, Pictures, Storage
from archbench.datasets._raw import Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Count, Inside

SOURCE = "Everingham et al. 2010, IJCV 88; 2015, IJCV 111"
KINDS = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
LIMIT = 4_000_000_000
"""Bytes; the largest archive is 2.0 GB of JPEG."""
TRAINVAL_2007, TEST_2007 = "VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar"
TRAINVAL_2012 = "VOCtrainval_11-May-2012.tar"
Labels = Literal["boxes", "masks"]
LISTS: dict[Labels, str] = {"boxes": "Main", "masks": "Segmentation"}
"""What is told -> the folder with the lists of the pictures it is told of."""
COLUMNS: dict[Labels, tuple[Told, ...]] = {
    "boxes": ("boxes", "ignored"),
    "masks": ("boxes", "ignored", "masks", "mask"),
}
COUNTS = {
    ("2007", "boxes"): {"train": 5_011, "test": 4_952},
    ("2007", "masks"): {"train": 422, "test": 210},
    ("2012", "boxes"): {"train": 5_717, "test": 5_823},
    ("2012", "masks"): {"train": 1_464, "test": 1_449},
}


def _contains(year: str, with_2012: bool, labels: Labels, size: Frame, examples: int | None) -> dict:
    counts = dict(COUNTS[year, labels])
    if with_2012:
        counts["train"] += sum(COUNTS["2012", labels].values())
    return holds(size, counts, len(KINDS), *COLUMNS[labels], examples=examples)


@dataset(
    "voc2007",
    source=SOURCE,
    **_fetch.facts("voc2007"),
    contains=lambda *, with_2012, labels, size, examples, **_: _contains("2007", with_2012, labels, size, examples),
)
def voc2007(
    raw: Path,
    *,
    labels: Labels = "boxes",
    with_2012: bool = False,
    size: Frame = (416, 416),
    fit: Whole = "stretch",
    storage: Storage = "arrays",
    examples: Count | None = None,
    validation: Inside = VALIDATION,
    skip_broken: bool = False,
) -> Raw:
    """Photographs of twenty classes of things: 5,011 to train with and 4,952 to test on, 24,640 boxes in all.

    With `labels` "boxes", `image` uint8 (height, width, 3) and `boxes` with `box_label`, and apart from these the
    difficult objects as `ignored_boxes`. With "masks", the 422 and 210 pictures of which every pixel is told: `mask`
    uint8 (height, width), 0 background, 1 + class, 255 the border of objects; and `masks` of all boxes. `with_2012`
    trains on train and val of 2012 too, another 2.0 GB, as papers do. `size` is (height, width); `fit` stretches a
    picture to it, or pads it with black on the right and below, where the mask is 255. `examples` keeps the first so
    many of each part.
    """
    files = _fetch.fetch("voc2007", raw)
    train = [(_Kit(files[TRAINVAL_2007], "2007"), "trainval")]
    if with_2012:
        train.append((_Kit(_fetch.fetch("voc2012", raw)[TRAINVAL_2012], "2012"), "trainval"))
    parts = {"train": train, "test": [(_Kit(files[TEST_2007], "2007"), "test")]}
    return _raw("voc2007", parts, labels, Look(tuple(size), fit=fit), storage, examples, validation, skip_broken)


@dataset(
    "voc2012",
    source=SOURCE,
    **_fetch.facts("voc2012"),
    contains=lambda *, labels, size, examples, **_: _contains("2012", False, labels, size, examples),
)
def voc2012(
    raw: Path,
    *,
    labels: Labels = "boxes",
    size: Frame = (416, 416),
    fit: Whole = "stretch",
    storage: Storage = "arrays",
    examples: Count | None = None,
    validation: Inside = VALIDATION,
    skip_broken: bool = False,
) -> Raw:
    """Photographs of twenty classes of things: 5,717 to train with and 5,823 to test on, 27,450 boxes in all.

    Arrays and options as of `voc2007`; with `labels` "masks", 1,464 pictures and 1,449.
    """
    kit = _Kit(_fetch.fetch("voc2012", raw)[TRAINVAL_2012], "2012")
    parts = {"train": [(kit, "train")], "test": [(kit, "val")]}
    return _raw("voc2012", parts, labels, Look(tuple(size), fit=fit), storage, examples, validation, skip_broken)


class _Kit:
    """One unpacked archive: lists of pictures, and what is told of each; raises `DamagedData`."""

    def __init__(self, archive: Path, year: str) -> None:
        self._archive, self._unpacked = archive, Unpacked(archive, LIMIT)
        self._folder = self._unpacked.folder / "VOCdevkit" / f"VOC{year}"

    def listed(self, labels: Labels, part: str) -> list[str]:
        """The pictures of an official part; lists of a class have a second word."""
        lines = self.read(f"ImageSets/{LISTS[labels]}/{part}.txt").decode("ascii").splitlines()
        return [line.split()[0] for line in lines if line.strip()]

    def pictures(self, names: Sequence[str]) -> Files:
        """The photographs of these names."""
        return Files(self._folder, [f"JPEGImages/{name}.jpg" for name in names], self._unpacked)

    def scene(self, name: str, labels: Labels, look: Look) -> Scene:
        """What is told of one picture."""
        file = f"Annotations/{name}.xml"
        scene = _voc.read(self.read(file), file, KINDS)
        if labels == "boxes":
            return scene
        objects = tuple(
            dataclasses.replace(one, mask=lambda number=number: self._mask(name, scene, number, look))
            for number, one in enumerate(scene.objects, 1)
        )
        return dataclasses.replace(scene, objects=objects, classes=lambda: self._classes(name, scene, look))

    def read(self, name: str) -> bytes:
        """A file of the archive."""
        path = self._folder / name
        if not path.is_file():
            raise DamagedData(f"{self._archive} has no {name}. Delete it and run again: rm {self._archive}")
        return path.read_bytes()

    def _classes(self, name: str, scene: Scene, look: Look) -> np.ndarray:
        return fitted(self._map("SegmentationClass", name, scene, len(KINDS)), look, VOID)

    def _mask(self, name: str, scene: Scene, number: int, look: Look) -> np.ndarray:
        """The pixels of the object of this number: objects count from 1 there, in the order of the annotation."""
        objects = self._map("SegmentationObject", name, scene, len(scene.objects))
        return fitted((objects == number).astype(np.uint8), look)

    def _map(self, folder: str, name: str, scene: Scene, most: int) -> np.ndarray:
        file = f"{folder}/{name}.png"
        found = indices(self.read(file), file, scene.size)
        strange = found[(found > most) & (found != VOID)]
        if strange.size:
            raise WrongMask(f"{file} holds the number {strange[0]}; it must be at most {most}, or {VOID} at borders.")
        return found


def _raw(
    name: str,
    parts: dict[str, list[tuple[_Kit, str]]],
    labels: Labels,
    look: Look,
    storage: Storage,
    examples: int | None,
    validation: float,
    skip_broken: bool,
) -> Raw:
    made = {}
    for part, sources in parts.items():
        listed = [(kit, one) for kit, official in sources for one in kit.listed(labels, official)][:examples]
        files = Joined(*(kit.pictures([one for of, one in listed if of is kit]) for kit, _ in sources))
        made[part] = Part(Pictures(files, look, storage), [kit.scene(one, labels, look) for kit, one in listed])
    found = gather(made, name, *COLUMNS[labels], skip_broken=skip_broken)
    return found.raw(name, SOURCE, KINDS, validation=validation)
