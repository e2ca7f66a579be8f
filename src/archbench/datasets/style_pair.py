"""A pair of photographs that scikit-learn carries: one to be painted, and one that shows how."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._picture import Look, decode
from archbench.datasets._raw import Raw

SOURCE = "china.jpg and flower.jpg (scikit-learn, photographs on flickr.com); every split is this one pair"
LICENCE = "CC BY 2.0 (danielbuechele, vultilion)"
FILES = {"content": "china.jpg", "style": "flower.jpg"}


@dataset("style_pair", source=SOURCE, licence=LICENCE, kind="embedded", bytes=0, smoke={"size": 32}, same_splits=True)
def style_pair(raw: Path, *, size: Annotated[int, Field(ge=8, le=427)] = 128) -> Raw:
    """A temple to be painted, and a dahlia for the style: one example, which every split holds.

    `content` and `style` uint8 (size, size, 3): the central square of each photograph, which is 427 pixels high. A
    picture is made from the pair and nothing foretold, so training, validation and test are the same.
    """
    folder = resources.files("sklearn.datasets") / "images"
    pair: dict[str, np.ndarray] = {}
    for name, file in FILES.items():
        pixels, _ = decode((folder / file).read_bytes(), file, Look(size))
        pair[name] = pixels[None]
    return Raw(SOURCE, LICENCE, "content", pair, official={"validation": pair, "test": pair})
