"""BCCD: blood cells under the microscope, each with a box.

S. Gan, cosmicad, akshaylamba 2017 to 2019, github.com/Shenggan/BCCD_Dataset; 364 pictures of 640 x 480 pixels with
Pascal VOC's annotations. Two boxes of a single pixel, slips of the mouse, are left out; the card counts them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from archbench.datasets import _fetch, _voc, dataset
from archbench.datasets._objects import Frame, Object, Part, Scene, Whole, gather, holds
from archbench.datasets._picture import Look
from archbench.datasets._pictures import Files, Pictures, Storage
from archbench.datasets._raw import Raw
from archbench.options import Count

SOURCE = "Shenggan/BCCD_Dataset d272fb14, github.com"
KINDS = ("RBC", "WBC", "Platelets")
PARTS = {"train": "train", "validation": "val", "test": "test"}
"""Our split -> the list of its pictures."""
COUNTS = {"train": 205, "validation": 87, "test": 72}


@dataset(
    "bccd",
    source=SOURCE,
    **_fetch.facts("bccd"),
    contains=lambda *, size, examples, **_: holds(size, COUNTS, len(KINDS), "boxes", examples=examples),
)
def bccd(
    raw: Path,
    *,
    size: Frame = (480, 640),
    fit: Whole = "stretch",
    storage: Storage = "arrays",
    examples: Count | None = None,
    skip_broken: bool = False,
) -> Raw:
    """Blood cells, red, white and platelets: 205 photographs to train with, 87 to choose by and 72 to test on.

    `image` uint8 (height, width, 3) and `boxes` with `box_label`, a dozen a picture. `size` is (height, width); `fit`
    stretches a picture to it, or pads it with black on the right and below. `examples` keeps the first so many of each
    part.
    """
    _fetch.fetch("bccd", raw)
    folder, look = raw / "bccd" / "BCCD", Look(tuple(size), fit=fit)
    parts = {part: _part(folder, listed, look, storage, examples) for part, listed in PARTS.items()}
    found = gather(parts, "bccd", "boxes", skip_broken=skip_broken)
    return found.raw("bccd", SOURCE, KINDS)


def _part(folder: Path, listed: str, look: Look, storage: Storage, examples: int | None) -> Part:
    names = (folder / "ImageSets" / "Main" / f"{listed}.txt").read_text(encoding="ascii").split()[:examples]
    scenes = [_without_points(_voc.read(_annotation(folder, name), f"Annotations/{name}.xml", KINDS)) for name in names]
    return Part(Pictures(Files(folder, [f"JPEGImages/{name}.jpg" for name in names]), look, storage), scenes)


def _annotation(folder: Path, name: str) -> bytes:
    return (folder / "Annotations" / f"{name}.xml").read_bytes()


def _without_points(scene: Scene) -> Scene:
    """The scene without boxes of a single pixel, which notes name."""

    def pixels(one: Object) -> float:
        top, left, bottom, right = one.box
        return (bottom - top) * (right - left)

    kept = tuple(one for one in scene.objects if pixels(one) != 1)
    notes = tuple(f"left out: {one.name}, a single pixel" for one in scene.objects if pixels(one) == 1)
    return dataclasses.replace(scene, objects=kept, notes=notes)
