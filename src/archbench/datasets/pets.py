"""Oxford-IIIT Pet: photographs of 37 breeds of cats and dogs, every pixel told, and some with a box around the head.

Parkhi, Vedaldi, Zisserman, Jawahar 2012, "Cats and Dogs", CVPR. Some of its files are no JPEG or damaged, as published:
what cannot be used of those is left out and counted. Heads were boxed in the training part alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from archbench.datasets import _fetch, _voc, dataset
from archbench.datasets._extract import Unpacked
from archbench.datasets._idx import DamagedData
from archbench.datasets._masks import VOID, WrongMask, fitted, indices
from archbench.datasets._objects import Frame, Part, Scene, Told, Whole, WrongObject, gather, holds
from archbench.datasets._picture import Look, size_of
from archbench.datasets._pictures import Files, Pictures, Storage
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.options import Count, Inside

SOURCE = 'Parkhi, Vedaldi, Zisserman, Jawahar 2012, "Cats and Dogs", CVPR'
LIMIT = 2_000_000_000
"""Bytes; the pictures are 0.8 GB of JPEG."""
SPECIES = ("cat", "dog")
BREEDS = (
    *("Abyssinian", "american_bulldog", "american_pit_bull_terrier", "basset_hound", "beagle", "Bengal", "Birman"),
    *("Bombay", "boxer", "British_Shorthair", "chihuahua", "Egyptian_Mau", "english_cocker_spaniel"),
    *("english_setter", "german_shorthaired", "great_pyrenees", "havanese", "japanese_chin", "keeshond"),
    *("leonberger", "Maine_Coon", "miniature_pinscher", "newfoundland", "Persian", "pomeranian", "pug", "Ragdoll"),
    *("Russian_Blue", "saint_bernard", "samoyed", "scottish_terrier", "shiba_inu", "Siamese", "Sphynx"),
    *("staffordshire_bull_terrier", "wheaten_terrier", "yorkshire_terrier"),
)
"""In the order of their numbers in `list.txt`, which count from 1."""
BROKEN = frozenset(
    f"images/{name}.jpg"
    for name in (
        *("beagle_116", "chihuahua_121", "Abyssinian_5", "Abyssinian_34", "Egyptian_Mau_14", "Egyptian_Mau_139"),
        *("Egyptian_Mau_145", "Egyptian_Mau_156", "Egyptian_Mau_167", "Egyptian_Mau_177", "Egyptian_Mau_186"),
        "Egyptian_Mau_191",
    )
)
"""Damaged, or another format under the name of a JPEG: as tensorflow/datasets lists them."""
PET, BACKGROUND, BORDER = 1, 2, 3
"""What a trimap holds."""
COUNTS = {"train": 3_680, "test": 3_669}
Kinds = Literal["breeds", "species"]
NAMES: dict[Kinds, Sequence[str]] = {"breeds": BREEDS, "species": SPECIES}


def _contains(kinds: Kinds, heads: bool, size: Frame, examples: int | None) -> dict:
    test = round(COUNTS["train"] * TEST)
    counts = {"train": COUNTS["train"] - test, "test": test} if heads else COUNTS
    columns: tuple[Told, ...] = ("boxes", "mask") if heads else ("mask",)
    found = holds(size, counts, len(NAMES[kinds]), *columns, examples=examples)
    found["arrays"]["label"] = {"shape": [], "dtype": "int32"}
    return found


@dataset(
    "pets",
    source=SOURCE,
    **_fetch.facts("pets"),
    contains=lambda *, kinds, heads, size, examples, **_: _contains(kinds, heads, size, examples),
)
def pets(
    raw: Path,
    *,
    kinds: Kinds = "breeds",
    heads: bool = False,
    size: Frame = (128, 128),
    fit: Whole = "stretch",
    storage: Storage = "arrays",
    examples: Count | None = None,
    validation: Inside = VALIDATION,
    skip_broken: bool = False,
) -> Raw:
    """Photographs of cats and dogs of 37 breeds: 3,680 to train with and 3,669 to test on.

    `image` uint8 (height, width, 3); `label` int32, the breed, or with `kinds` "species" cat or dog; `mask` uint8
    (height, width), 0 background, 1 + label the pet, 255 its border, which was told of neither. With `heads`, only the
    pictures with a box around the head, as `boxes` with `box_label`; these are in the training part alone, so that 15 %
    of it are the test part. `size` is (height, width); `fit` stretches a picture to it, or pads it with black on the
    right and below, where the mask is 255. `examples` keeps the first so many of each part.
    """
    files = _fetch.fetch("pets", raw)
    images, told = (Unpacked(files[f"{name}.tar.gz"], LIMIT) for name in ("images", "annotations"))
    look = Look(tuple(size), fit=fit, cmyk="convert")
    parts, numbers = {}, {}
    for part, listed in {"train": "trainval", **({} if heads else {"test": "test"})}.items():
        lines = [line for line in _lines(told, listed) if not heads or _head(told, line.name).is_file()][:examples]
        pictures = Pictures(Files(images.folder, [f"images/{line.name}.jpg" for line in lines], images), look, storage)
        scenes = [_scene(told, line, line.number(kinds), heads, look) for line in lines]
        parts[part] = Part(pictures, scenes, BROKEN)
        numbers |= {scene.file: line.number(kinds) for scene, line in zip(scenes, lines, strict=True)}
    found = gather(parts, "pets", *(("boxes", "mask") if heads else ("mask",)), skip_broken=skip_broken)
    for part, arrays in found.parts.items():
        arrays["label"] = np.array([numbers[scene.file] for scene in found.scenes[part]], np.int32)
    return found.raw(
        "pets",
        SOURCE,
        tuple(name.replace("_", " ") for name in NAMES[kinds]),
        labels=("label", "box_label") if heads else ("label",),
        validation=validation,
        test=TEST if heads else None,
        strata="label",
    )


class Line(NamedTuple):
    """A picture of an official part."""

    name: str
    breed: int
    species: int

    def number(self, kinds: Kinds) -> int:
        """Its class."""
        return self.breed if kinds == "breeds" else self.species


def _lines(told: Unpacked, part: str) -> list[Line]:
    """Of lines `Abyssinian_100 1 1 1`: picture, breed, species, and its breed among those of its species, from 1."""
    file, found = f"annotations/{part}.txt", []
    for line in _read(told, file).decode("ascii").splitlines():
        try:
            name, breed, species, _ = line.split()
            one = Line(name, int(breed) - 1, int(species) - 1)
        except ValueError:
            one = Line("", -1, -1)
        known = one.breed in range(len(BREEDS)) and one.species in (0, 1)
        if not known or one.name.rpartition("_")[0] != BREEDS[one.breed]:
            raise WrongObject(f"{file} has the line {line!r}, which is of no known breed. Download the data set again.")
        found.append(one)
    return found


def _scene(told: Unpacked, line: Line, number: int, heads: bool, look: Look) -> Scene:
    file = f"annotations/trimaps/{line.name}.png"
    size = size_of(_read(told, file), file)
    scene = Scene(file, size)
    if heads:
        xml = f"annotations/xmls/{line.name}.xml"
        scene = _voc.read(_read(told, xml), xml, SPECIES)
        objects = tuple(dataclasses.replace(one, label=number, ignored=False) for one in scene.objects)
        scene = dataclasses.replace(scene, objects=objects)
    return dataclasses.replace(scene, classes=partial(_classes, told, file, scene.size, number, look))


def _classes(told: Unpacked, file: str, size: tuple[int, int], number: int, look: Look) -> np.ndarray:
    found = indices(_read(told, file), file, size)
    if found.min() < PET or found.max() > BORDER:
        raise WrongMask(f"{file} holds numbers from {found.min()} to {found.max()}; a trimap holds {PET} to {BORDER}.")
    classes = np.zeros(BORDER + 1, np.uint8)
    classes[[PET, BORDER]] = 1 + number, VOID
    return fitted(classes[found], look, VOID)


def _head(told: Unpacked, name: str) -> Path:
    return told.folder / "annotations" / "xmls" / f"{name}.xml"


def _read(told: Unpacked, file: str) -> bytes:
    if not (told.folder / file).is_file():
        raise DamagedData(f"annotations.tar.gz of the data set pets has no {file}. Delete it, and run again.")
    return (told.folder / file).read_bytes()
