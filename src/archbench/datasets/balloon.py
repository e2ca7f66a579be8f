"""Balloon: photographs of balloons, each outlined by a polygon.

W. Abdulla 2018, "Splash of Color: Instance Segmentation with Mask R-CNN and TensorFlow"; release 2.1 of
github.com/matterport/Mask_RCNN. Outlined in the VGG Image Annotator (VIA), whose points may lie on the picture's edge
or just outside: those are moved to the edge, and the card counts the pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import Unpacked
from archbench.datasets._idx import DamagedData
from archbench.datasets._masks import WrongMask, from_polygons, points
from archbench.datasets._objects import Frame, Object, Part, Scene, Whole, gather, holds
from archbench.datasets._picture import Look, size_of
from archbench.datasets._pictures import Files, Pictures, Storage
from archbench.datasets._raw import Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Count, Inside

SOURCE = "W. Abdulla 2018, github.com/matterport/Mask_RCNN, release 2.1"
LIMIT = 200_000_000
"""Bytes; the archive has 39 million."""
TOLD = "via_region_data.json"
COUNTS = {"train": 61, "test": 13}


@dataset(
    "balloon",
    source=SOURCE,
    **_fetch.facts("balloon"),
    contains=lambda *, size, examples, **_: holds(size, COUNTS, 1, "boxes", "masks", examples=examples),
)
def balloon(
    raw: Path,
    *,
    size: Frame = (512, 512),
    fit: Whole = "pad",
    storage: Storage = "arrays",
    examples: Count | None = None,
    validation: Inside = VALIDATION,
    skip_broken: bool = False,
) -> Raw:
    """Photographs of balloons, each with its outline: 61 to train with and 13 to test on.

    `image` uint8 (height, width, 3), `masks` and the `boxes` around them with `box_label`, all 0. `size` is (height,
    width); `fit` pads a picture to it with black on the right and below, or stretches it. `examples` keeps the first so
    many of each part. The published validation part is the test part here.
    """
    (archive,) = _fetch.fetch("balloon", raw).values()
    unpacked, look = Unpacked(archive, LIMIT), Look(tuple(size), fit=fit)
    parts = {}
    for part, folder in {"train": "train", "test": "val"}.items():
        told = _records(unpacked.folder / "balloon" / folder, archive)[:examples]
        pictures = Files(unpacked.folder / "balloon", [f"{folder}/{name}" for name, _ in told], unpacked)
        scenes = [
            _scene(f"{folder}/{TOLD}, {name}", regions, size_of(pictures.read(row), pictures.name(row)), look)
            for row, (name, regions) in enumerate(told)
        ]
        parts[part] = Part(Pictures(pictures, look, storage), scenes)
    found = gather(parts, "balloon", "boxes", "masks", skip_broken=skip_broken)
    return found.raw("balloon", SOURCE, ("balloon",), validation=validation)


def _records(folder: Path, archive: Path) -> list[tuple[str, list[Any]]]:
    """Picture and regions of all that have some, in the file's order; raises `DamagedData`.

    Regions are a mapping from "0" on in VIA's first edition, and a list in its second.
    """
    try:
        told = json.loads((folder / TOLD).read_text(encoding="utf-8")).values()
        found = [(Path(one["filename"]).name, _values(one["regions"])) for one in told]
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise DamagedData(
            f"{folder.name}/{TOLD} of {archive} cannot be read ({error}). Delete it: rm {archive}"
        ) from error
    missing = [name for name, _ in found if not (folder / name).is_file()]
    if missing or not found:
        what = f"the picture {folder.name}/{missing[0]}" if missing else f"pictures in {folder.name}"
        raise DamagedData(f"{archive} lacks {what}. Delete it and run again: rm {archive}")
    return [(name, regions) for name, regions in found if regions]


def _values(regions: Mapping[str, Any] | Iterable[Any]) -> list[Any]:
    return list(regions.values() if isinstance(regions, Mapping) else regions)


def _scene(file: str, regions: list[Any], size: tuple[int, int], look: Look) -> Scene:
    """The balloons of one picture: the box of each is that around its polygon."""
    objects, moved = [], 0
    limit = size[::-1]
    for number, region in enumerate(regions, 1):
        outline = _outline(region, f"{file}: region {number}")
        inside = np.clip(outline, 0, limit)
        moved += int((inside != outline).any())
        (left, top), (right, bottom) = inside.min(axis=0), inside.max(axis=0)
        mask = partial(from_polygons, [inside], size, look)
        objects.append(Object(f"region {number}", 0, (top, left, bottom, right), mask))
    notes = (f"clipped: {moved} outlines, to the picture's edge",) if moved else ()
    return Scene(file, size, tuple(objects), notes=notes)


def _outline(region: Any, where: str) -> np.ndarray:
    """The points float64 (point, [x, y]) of a region; raises `WrongMask` where it is no polygon."""
    shape = region.get("shape_attributes", {}) if isinstance(region, Mapping) else {}
    if shape.get("name") != "polygon":
        raise WrongMask(f"{where} is a {shape.get('name')!r}, not a polygon.")
    return points(shape.get("all_points_x", ()), shape.get("all_points_y", ()), where)
