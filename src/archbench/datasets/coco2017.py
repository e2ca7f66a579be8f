"""COCO 2017: photographs of everyday scenes with the boxes and outlines of eighty classes of things.

Lin et al. 2014, "Microsoft COCO: Common Objects in Context", arXiv:1405.0312. Crowds are ignored, as in its challenge.
A few boxes are empty, which are left out, or end a part of a pixel outside their picture, where they are cut; the card
counts both. The labels of its test part were never published, so its `val2017` is the test part here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._idx import DamagedData
from archbench.datasets._masks import WrongMask, fitted, from_polygons, from_runs, points
from archbench.datasets._objects import Box, Frame, Object, Part, Scene, Told, Whole, WrongObject, gather, holds
from archbench.datasets._picture import Look
from archbench.datasets._pictures import Pictures, Storage, ZipMembers
from archbench.datasets._raw import Raw
from archbench.options import Count, Inside

SOURCE = "Lin et al. 2014, arXiv:1405.0312"
LIMIT = 2_000_000_000
"""Bytes of annotations; the largest file has 470 million."""
ANNOTATIONS = "annotations_trainval2017.zip"
COUNTS = {"train": 118_287, "test": 5_000}
KINDS = 80
ROUNDING = 1.0
"""Pixels that a box may end outside its picture, for what was rounded."""


def _columns(masks: bool) -> tuple[Told, ...]:
    return ("boxes", "ignored", "masks") if masks else ("boxes", "ignored")


@dataset(
    "coco2017",
    source=SOURCE,
    **_fetch.facts("coco2017"),
    contains=lambda *, masks, size, examples, **_: holds(size, COUNTS, KINDS, *_columns(masks), examples=examples),
)
def coco2017(
    raw: Path,
    *,
    masks: bool = False,
    size: Frame = (512, 512),
    fit: Whole = "pad",
    storage: Storage = "tfrecord",
    examples: Count | None = None,
    validation: Inside = 0.04,
    skip_broken: bool = False,
) -> Raw:
    """Photographs of everyday scenes: 118,287 to train with and 5,000 to test on, of eighty classes of things.

    `image` uint8 (height, width, 3) and `boxes` with `box_label`, classes in the order of their published numbers,
    which have holes; crowds apart from these, as `ignored_boxes`; with `masks`, those of all of them. Pictures without
    any object are among them. `size` is (height, width); `fit` pads a picture to it with black on the right and below,
    or stretches it. `examples` keeps the first so many of each part.
    """
    files = _fetch.fetch("coco2017", raw)
    look, parts, names = Look(tuple(size), fit=fit, cmyk="convert"), {}, {}
    with extracted(files[ANNOTATIONS], LIMIT, lambda name: Path(name).name in _instances("train", "val")) as folder:
        for part, published in {"train": "train", "test": "val"}.items():
            (file,) = _instances(published)
            told = _Told(folder / "annotations" / file)
            shown = told.images[:examples]
            members = [f"{published}2017/{one.file}" for one in shown]
            pictures = ZipMembers(files[f"{published}2017.zip"], members)
            scenes = [told.scene(one, look if masks else None) for one in shown]
            parts[part], names[part] = Part(Pictures(pictures, look, storage), scenes), told.names
    if names["train"] != names["test"]:
        raise DamagedData(f"{files[ANNOTATIONS]} names other classes in training and in validation. Delete it.")
    found = gather(parts, "coco2017", *_columns(masks), skip_broken=skip_broken)
    return found.raw("coco2017", SOURCE, names["train"], validation=validation)


def _instances(*parts: str) -> list[str]:
    return [f"instances_{part}2017.json" for part in parts]


class Photograph(NamedTuple):
    """A picture as a file of annotations lists it."""

    number: int
    file: str
    size: tuple[int, int]
    """Height and width."""


class _Told:
    """One file of annotations: the pictures, by number, and the objects of each; raises `DamagedData`."""

    def __init__(self, path: Path) -> None:
        self._file = path.name
        try:
            told = json.loads(path.read_bytes())
            kinds = sorted(told["categories"], key=lambda one: one["id"])
            self._number = {one["id"]: place for place, one in enumerate(kinds)}
            self.names = tuple(one["name"] for one in kinds)
            shown = ((one["id"], one["file_name"], (one["height"], one["width"])) for one in told["images"])
            self.images = sorted(Photograph(*one) for one in shown)
            self._objects: Mapping[int, list[dict]] = defaultdict(list)
            for one in told["annotations"]:
                self._objects[one["image_id"]].append(one)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedData(f"{self._file} of COCO cannot be read ({error!r}). Download it again.") from error
        if strange := sorted(self._objects.keys() - {one.number for one in self.images}):
            raise DamagedData(f"{self._file} has objects of the picture {strange[0]}, which it does not list.")

    def scene(self, shown: Photograph, look: Look | None) -> Scene:
        """What is told of one picture, with masks where there is a `look`."""
        file, size = f"{self._file}, {shown.file}", shown.size
        objects, notes = [], []
        for told in self._objects[shown.number]:
            name = f"annotation {told.get('id')}"
            try:
                x, y, width, height = told["bbox"]
                box = _cut((y, x, y + height, x + width), size)
                kind, crowd = self._number[told["category_id"]], bool(told["iscrowd"])
                mask = look and partial(_mask, told["segmentation"], size, look, f"{file}: {name}")
            except (KeyError, TypeError, ValueError) as error:
                why = f"{file}: {name} is of no class that the file lists, or lacks a part ({error!r})"
                raise WrongObject(f"{why}. Correct it, or download the data set again.") from error
            if width <= 0 or height <= 0:
                notes.append(f"left out: {name}, an empty box")
                continue
            if box != (y, x, y + height, x + width):
                notes.append(f"clipped: {name}, to the picture's edge")
            objects.append(Object(f"{name} ({self.names[kind]})", kind, box, mask, ignored=crowd, crowd=crowd))
        return Scene(file, size, tuple(objects), notes=tuple(notes))


def _cut(box: Box, size: tuple[int, int]) -> Box:
    """The box cut at the edge of its picture of `size` (height, width), where it ends within a pixel of it."""
    top, left, bottom, right = box
    height, width = size
    if min(top, left) < -ROUNDING or bottom > height + ROUNDING or right > width + ROUNDING:
        return box  # which is refused
    return max(top, 0), max(left, 0), min(bottom, height), min(right, width)


def _mask(told: Any, size: tuple[int, int], look: Look, where: str) -> np.ndarray:
    """Polygons `[x, y, x, y, ...]` of which one object may have several, or run lengths with their size."""
    if isinstance(told, Mapping):
        if tuple(told.get("size", ())) != size:
            raise WrongMask(f"{where} has a mask of the size {told.get('size')}, its picture has {list(size)}.")
        return fitted(from_runs(told.get("counts", ()), size, where), look)
    if not isinstance(told, Sequence) or not told:
        raise WrongMask(f"{where} has no outline.")
    return from_polygons([points(flat[::2], flat[1::2], where) for flat in told], size, look)
