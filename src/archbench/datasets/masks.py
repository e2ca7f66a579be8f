"""Pictures of the user's own with a mask each: the class of every pixel, as a palette or gray picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._masks import VOID, WrongMask, fitted, indices
from archbench.datasets._objects import Frame, Part, Scene, Whole, gather
from archbench.datasets._own import (
    LICENCE,
    OWN,
    SOURCE,
    NotThere,
    Place,
    Shares,
    divide,
    fingerprint,
    repeated,
    split_in,
)
from archbench.datasets._picture import BrokenPicture, Look, size_of
from archbench.datasets._pictures import Pictures, Storage
from archbench.datasets._raw import Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.errors import listed
from archbench.options import Inside, Seed

Gray = Annotated[int, Field(ge=0, le=255)]
"""A number of a mask."""
Grays = Annotated[tuple[Gray, ...], Field(min_length=2, max_length=255)]
Names = Annotated[tuple[str, ...], Field(min_length=2, max_length=255)]


@dataset("masks", **OWN, paths=("folder",))
def masks(
    raw: Path,
    *,
    folder: str,
    pictures: str = "images",
    drawn: str = "masks",
    values: Grays | None = None,
    classes: Names | None = None,
    void: Gray | None = None,
    size: Frame = (128, 128),
    fit: Whole = "pad",
    storage: Storage = "arrays",
    validation: Inside = VALIDATION,
    test: Inside = TEST,
    seed: Seed = 0,
    skip_broken: bool = False,
) -> Raw:
    """Pictures of your own with the class of every pixel, from a folder or an archive.

    The folder `pictures` in it holds pictures, and the folder `drawn` a PNG of the same path and name for each: a
    palette or gray picture, whose numbers are classes. `values` are these numbers, in the order of `classes`, their
    names; by default all that stand in masks, in their order, so that black and white, 0 and 255, are two classes.
    `void` is the number of pixels of no known class. Folders named after splits, as `images/train`, give these; what is
    not given is cut from what trains. `image` uint8 (height, width, 3) of `size`; `mask` uint8 (height, width), 255
    where no class is known; `fit` pads a picture, with pixels of no class, or stretches it.
    """
    place, look = Place("folder", folder, raw), Look(tuple(size), fit=fit)
    files = _pairs(place, pictures, drawn)
    numbers = values or _numbers(place, [mask for _, mask in files], void)
    if classes and len(classes) != len(numbers):
        raise WrongMask(
            f"{place}: {len(classes)} classes are named, and the masks hold the numbers {listed(map(str, numbers))}. "
            "Say which by `values`, and which of them is no class by `void`."
        )
    names = tuple(classes or map(str, numbers))
    table = np.full(256, -1)
    table[list(numbers)] = np.arange(len(numbers))
    if void is not None:
        table[void] = VOID
    splits = divide([split_in(picture) for picture, _ in files], Shares(validation, test, seed), where=str(place))
    parts = {}
    for name, rows in splits.items():
        scenes = [_scene(place, *files[row], look, table) for row in rows]
        parts[name] = Part(Pictures(place.source([files[row][0] for row in rows]), look, storage), scenes)
    gathered = gather(parts, str(place), "mask", skip_broken=skip_broken)
    places = [picture for picture, _ in files]
    alike = repeated([fingerprint(place.read(name)) for name in places], places, splits)
    return Raw(
        f"{SOURCE}: {folder}",
        LICENCE,
        "image",
        gathered.parts["train"],
        official={name: arrays for name, arrays in gathered.parts.items() if name != "train"},
        label_names={"mask": names},
        void={"mask": VOID},
        odd_files=(*gathered.odd_files, *alike),
    )


def _pairs(place: Place, pictures: str, drawn: str) -> list[tuple[str, str]]:
    """Every picture with its mask; raises `NotThere` where one of two is missing."""
    found, masks = place.pictures(pictures), set(place.names(drawn))
    if not found:
        raise NotThere(f"{place} has no pictures in {pictures}/. Name their folder by `pictures`.")
    pairs = []
    for picture in found:
        mask = PurePosixPath(drawn) / PurePosixPath(picture).relative_to(pictures).with_suffix(".png")
        if str(mask) not in masks:
            raise NotThere(f"{place} has the picture {picture} and no mask {mask}. Add it, or take the picture out.")
        masks.discard(str(mask))
        pairs.append((picture, str(mask)))
    if masks:
        raise NotThere(f"{place} has the mask {min(masks)} and no picture of that name. Add it, or take the mask out.")
    return pairs


def _numbers(place: Place, masks: Sequence[str], void: int | None) -> tuple[int, ...]:
    """All numbers that stand in masks but `void`; raises `WrongMask` where there is but one."""
    found: set[int] = set()
    for mask in masks:
        content = place.read(mask)
        found |= set(np.unique(indices(content, mask, _size(content, mask))).tolist())
    numbers = tuple(sorted(found - {void}))
    if len(numbers) < 2:
        raise WrongMask(f"{place}: all masks hold the same number, {listed(map(str, numbers))}. They need two or more.")
    return numbers


def _size(content: bytes, mask: str) -> tuple[int, int]:
    try:
        return size_of(content, mask)
    except BrokenPicture as error:
        raise WrongMask(str(error)) from error


def _scene(place: Place, picture: str, mask: str, look: Look, table: np.ndarray) -> Scene:
    try:
        size = size_of(place.read(picture), picture)
    except BrokenPicture:
        size = (1, 1)  # it is told with all other broken ones when it is decoded
    return Scene(picture, size, classes=partial(_classes, place, mask, size, look, table))


def _classes(place: Place, mask: str, size: tuple[int, int], look: Look, table: np.ndarray) -> np.ndarray:
    found = table[indices(place.read(mask), mask, size)]
    if (found < 0).any():
        row, column = np.argwhere(found < 0)[0]
        raise WrongMask(
            f"{mask} holds a number at row {row}, column {column} that is none of `values` and not `void`. Correct it."
        )
    return fitted(found.astype(np.uint8), look, VOID)
