"""The picture files of the user's own behind a data set: sizes, formats, and what cannot be opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from archbench.datasets._own import PICTURES
from archbench.datasets._picture import BROKEN
from archbench.datasets._upright import displayed_size, is_turned


@dataclass(frozen=True)
class Files:
    """What the headers of picture files say."""

    formats: Mapping[str, int]
    sizes: Mapping[str, tuple[int, int, int]]
    """`width` and `height`, as displayed -> the least, the median, the most pixels."""
    turned: list[str]
    """Files whose EXIF asks to be turned, which is done."""
    corrupt: list[tuple[str, str]]
    """(file, why) of those that cannot be opened."""


def look(files: Mapping[str, Path]) -> Files | None:
    """The picture files among `files`, name -> path; None where there are none."""
    formats: Counter[str] = Counter()
    sizes, turned, corrupt = [], [], []
    pictures = {name: path for name, path in files.items() if path.name.lower().endswith(PICTURES)}
    for name, path in pictures.items():
        try:
            with Image.open(path) as picture:
                formats[picture.format] += 1
                sizes.append(displayed_size(picture))
                if is_turned(picture):
                    turned.append(name)
        except BROKEN as error:
            unknown = isinstance(error, Image.UnidentifiedImageError)
            corrupt.append((name, "it is no picture" if unknown else str(error)))
    if not pictures:
        return None
    spread = {
        side: tuple(int(value) for value in np.percentile([size[place] for size in sizes], (0, 50, 100)))
        for place, side in enumerate(("width", "height"))
        if sizes
    }
    return Files(dict(formats.most_common()), spread, turned, corrupt)
