"""CamVid: streets seen from a driving car, with the class of every pixel.

Brostow, Fauqueur, Cipolla 2009, Pattern Recognition Letters 30(2); the pictures of 480 x 360 pixels, the 11 classes and
the three parts are those of SegNet (Badrinarayanan, Kendall, Cipolla 2015, arXiv:1511.00561).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from archbench.datasets import _fetch, dataset
from archbench.datasets._masks import VOID, WrongMask, fitted, indices
from archbench.datasets._objects import Frame, Part, Scene, Whole, gather, holds
from archbench.datasets._picture import Look
from archbench.datasets._pictures import Files, Pictures, Storage
from archbench.datasets._raw import Raw
from archbench.options import Count

SOURCE = "Brostow, Fauqueur, Cipolla 2009, Pattern Recognition Letters 30(2); as in SegNet, arXiv:1511.00561"
CLASSES = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign symbol",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
"""What the numbers 0, 1, ... of a mask mean: there is no background."""
UNLABELLED = 11
SIZE = (360, 480)
PARTS = {"train": "train", "validation": "val", "test": "test"}
"""Our split -> the list of its pictures."""
COUNTS = {"train": 367, "validation": 101, "test": 233}


@dataset(
    "camvid",
    source=SOURCE,
    **_fetch.facts("camvid"),
    contains=lambda *, size, examples, **_: (
        holds(size, COUNTS, 0, "mask", examples=examples) | {"label_names": {"mask": CLASSES}}
    ),
)
def camvid(
    raw: Path,
    *,
    size: Frame = SIZE,
    fit: Whole = "stretch",
    storage: Storage = "arrays",
    examples: Count | None = None,
    skip_broken: bool = False,
) -> Raw:
    """Street scenes, 480 x 360, with every pixel told: 367 to train with, 101 to choose by and 233 to test on.

    `image` uint8 (height, width, 3) and `mask` uint8 (height, width): the class of a pixel, of which 0 is the sky, and
    255 where none is told. `size` is (height, width); `fit` stretches a picture to it, or pads it with black on the
    right and below, where the mask is 255. `examples` keeps the first so many of each part.
    """
    _fetch.fetch("camvid", raw)
    folder, look = raw / "camvid", Look(tuple(size), fit=fit)
    parts = {part: _part(folder, listed, look, storage, examples) for part, listed in PARTS.items()}
    found = gather(parts, "camvid", "mask", skip_broken=skip_broken)
    return found.raw("camvid", SOURCE, (), labels=(), label_names={"mask": CLASSES})


def _part(folder: Path, listed: str, look: Look, storage: Storage, examples: int | None) -> Part:
    """Of a list of `/SegNet/CamVid/train/a.png /SegNet/CamVid/trainannot/a.png`, a picture a line."""
    lines = (folder / "CamVid" / f"{listed}.txt").read_text(encoding="ascii").split("\n")
    pairs = [line.replace("/SegNet/", "").split() for line in lines if line.strip()][:examples]
    pictures = Pictures(Files(folder, [picture for picture, _ in pairs]), look, storage)
    return Part(pictures, [Scene(file, SIZE, classes=partial(_classes, folder, file, look)) for _, file in pairs])


def _classes(folder: Path, file: str, look: Look) -> np.ndarray:
    found = indices((folder / file).read_bytes(), file, SIZE)
    if found.max() > UNLABELLED:
        raise WrongMask(f"{file} holds the number {found.max()}; it must be at most {UNLABELLED}, which is no class.")
    return fitted(np.where(found == UNLABELLED, VOID, found).astype(np.uint8), look, VOID)
