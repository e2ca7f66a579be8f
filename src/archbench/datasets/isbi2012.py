"""ISBI 2012: membranes of neurons in the ventral nerve cord of a fruit fly's larva, under the electron microscope.

Cardona et al. 2010, PLoS Biology 8(10); Arganda-Carreras et al. 2015, Frontiers in Neuroanatomy 9, 142: the data of
U-Net's own paper (arXiv:1505.04597). The labels of its test stack were never published, so the thirty slices of the
training stack are divided here: neighbours look alike, so each split is one block of slices, the last five the test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import Field

from archbench.datasets import _fetch, dataset
from archbench.datasets._masks import WrongMask, indices
from archbench.datasets._raw import Raw

SOURCE = "Cardona et al. 2010, PLoS Biology 8(10); Arganda-Carreras et al. 2015, Frontiers in Neuroanatomy 9, 142"
SIDE, SLICES, TEST = 512, 30, 5
MEMBRANE, INSIDE = 0, 255
"""What a label picture holds."""
CLASSES = ("membrane", "inside")
"""What 0 and 1 of a mask mean."""


def contains(*, size: int, border: int, validation_slices: int) -> dict:
    """What the data set holds with these options."""
    side = size + 2 * border
    arrays = {"image": {"shape": [side, side, 1], "dtype": "uint8"}, "mask": {"shape": [side, side], "dtype": "uint8"}}
    train = SLICES - TEST - validation_slices
    return {
        "input": "image",
        "arrays": arrays,
        "train": train,
        "validation": validation_slices,
        "test": TEST,
        "classes": 0,
        "label_names": {"mask": CLASSES},
    }


@dataset("isbi2012", source=SOURCE, **_fetch.facts("isbi2012"), contains=contains)
def isbi2012(
    raw: Path,
    *,
    size: Annotated[int, Field(ge=32, le=SIDE)] = SIDE,
    border: Annotated[int, Field(ge=0, le=256)] = 0,
    validation_slices: Annotated[int, Field(ge=1, le=20)] = 3,
) -> Raw:
    """Slices of nerve tissue, 512 x 512 in gray, with every pixel told: membrane, or inside a cell.

    `image` uint8 (side, side, 1) and `mask` uint8 (side, side), 0 membrane and 1 inside. `size` is the side of the
    whole slice, smaller ones are averaged; `border` pixels on each side are mirrored, picture and mask, for networks
    whose map is smaller than the picture. Of the 25 slices before the test, the last `validation_slices` choose the
    epoch.
    """
    files = _fetch.fetch("isbi2012", raw)
    images, labels = (
        np.stack([_slice(files[f"train/{kind}/{number}.png"], size, border, kind) for number in range(SLICES)])
        for kind in ("image", "label")
    )
    arrays = {"image": images[..., None], "mask": (labels == INSIDE).astype(np.uint8)}
    start, end = SLICES - TEST - validation_slices, SLICES - TEST
    blocks = {"train": slice(start), "validation": slice(start, end), "test": slice(end, None)}
    splits = {split: {name: array[rows] for name, array in arrays.items()} for split, rows in blocks.items()}
    licence = str(_fetch.facts("isbi2012")["licence"])
    return Raw(SOURCE, licence, "image", splits.pop("train"), official=splits, label_names={"mask": CLASSES})


def _slice(path: Path, size: int, border: int, kind: str) -> np.ndarray:
    """One slice or its labels uint8 (side, side); raises `WrongMask`."""
    found = indices(path.read_bytes(), str(path), (SIDE, SIDE))
    if kind == "label" and (strange := np.setdiff1d(found, (MEMBRANE, INSIDE))).size:
        raise WrongMask(f"{path} holds the label {strange[0]}; it must be {MEMBRANE}, membrane, or {INSIDE}, inside.")
    how = Image.Resampling.NEAREST if kind == "label" else Image.Resampling.BILINEAR
    return np.pad(np.asarray(Image.fromarray(found).resize((size, size), how)), border, mode="symmetric")
