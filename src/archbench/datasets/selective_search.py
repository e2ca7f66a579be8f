"""Selective search: regions of every picture of another data set that look as if they were one thing.

Uijlings, van de Sande, Gevers, Smeulders, "Selective Search for Object Recognition", IJCV 104(2), 2013; segments of
Felzenszwalb, Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 59(2), 2004, by scikit-image. Differs from
the paper: derivatives of a Gaussian in eight directions are those of its section 3.2 as they stand there, not the
faster ones of its code; of its colour spaces C is missing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._grouping import group, measure
from archbench.datasets._proposals import check_pictures, with_proposals
from archbench.datasets._raw import Raw
from archbench.datasets.columns import Column
from archbench.datasets.store import Prepared
from archbench.options import Positive, Seed, Width

SOURCE = "selective search: Uijlings et al. 2013, IJCV 104(2); segments by scikit-image"
SMOOTHING = 0.8
"""Pixels; that of the authors of the segmentation."""
AT_ONCE = 256
"""Pictures that are read at once."""

Space = Literal["rgb", "gray", "lab", "rgi", "hsv", "normalized_rgb", "hue"]
Spaces = Annotated[tuple[Space, ...], Field(min_length=1, max_length=7)]
Measures = Annotated[tuple[Literal["CTSF", "TSF", "F", "S"], ...], Field(min_length=1, max_length=4)]
Scales = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=8)]


@dataset(
    "selective_search",
    source=SOURCE,
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "balloons", "spaces": ["hsv"], "measures": ["CTSF"], "scales": [30]},
)
def selective_search(
    raw: Path,
    of: Prepared,
    *,
    spaces: Spaces = ("hsv", "lab"),
    measures: Measures = ("CTSF", "TSF"),
    scales: Scales = (50.0, 100.0),
    proposals: Width = 2000,
    seed: Seed = 0,
) -> Raw:
    """Another data set with what selective search finds as `proposals`, float32 (region, [top, left, bottom, right]).

    All arrays are those of the data set `of`, in its splits. Every one of `spaces`, `measures` and `scales` together is
    a strategy: a picture in a colour space is cut into segments of about `scales` (k of the segmentation, which is also
    the fewest pixels of a segment), and the neighbours most alike by `measures` merge until one is left: C, alike in
    colour, T, in texture, S, small, and F, filling the box around both. The defaults are those of the paper's fast
    search; pictures of few pixels want smaller scales.

    The boxes of all regions of all strategies, no two the same, are in the order of section 4.3: the place in the
    hierarchy from its top times a random number, which `seed` and the picture decide. Of them there are at most
    `proposals` a picture; where there are fewer than in others, rows of zeros follow. Raises `NoBoxesToPropose`.
    """
    check_pictures(of)
    strategies = spaces, measures, scales
    found = {
        name: [search(picture, *strategies, seed)[:proposals] for picture in _pictures(arrays[of.card.input])]
        for name, arrays in of.splits.items()
    }
    longest = max(len(boxes) for split in found.values() for boxes in split)
    padded = {
        name: np.stack([np.pad(boxes, ((0, longest - len(boxes)), (0, 0))) for boxes in split])
        for name, split in found.items()
    }
    return with_proposals(of, padded, SOURCE)


def search(picture: np.ndarray, spaces: Spaces, measures: Measures, scales: Scales, seed: int = 0) -> np.ndarray:
    """The boxes of one `picture` uint8 (height, width, channel), likely ones first: float32 (region, 4).

    The other arguments are the options of the data set.
    """
    from skimage.segmentation import felzenszwalb

    random = np.random.default_rng((seed, zlib.crc32(np.ascontiguousarray(picture))))
    boxes, values = [], []
    for space in spaces:
        seen = in_space(picture, space)
        for scale in scales:
            labels = felzenszwalb(seen, scale=scale, sigma=SMOOTHING, min_size=round(scale), channel_axis=-1)
            regions = measure(seen, labels)
            for own in measures:
                hierarchy = group(deepcopy(regions), own)
                boxes.append(hierarchy[::-1])  # the whole picture, the top of the hierarchy, first
                values.append(random.random(len(hierarchy)) * np.arange(1, len(hierarchy) + 1))
    order = np.argsort(np.concatenate(values), kind="stable")
    ranked = np.concatenate(boxes)[order].astype("float32")
    _, first = np.unique(ranked, axis=0, return_index=True)
    return ranked[np.sort(first)]


def in_space(picture: np.ndarray, space: Space) -> np.ndarray:
    """A `picture` uint8 (height, width, 1 or 3) in a colour space: float64 (height, width, channel), all of [0, 1]."""
    from skimage.color import rgb2hsv, rgb2lab

    rgb = np.broadcast_to(picture / 255, (*picture.shape[:2], 3))
    intensity = rgb.mean(axis=-1, keepdims=True)
    shares = rgb / np.maximum(rgb.sum(axis=-1, keepdims=True), 1 / 255)
    match space:
        case "gray":
            return intensity
        case "lab":
            return np.clip((rgb2lab(rgb) + np.array([0, 128, 128])) / (100, 255, 255), 0, 1)
        case "rgi":
            return np.concatenate([shares[..., :2], intensity], axis=-1)
        case "hsv":
            return rgb2hsv(rgb)
        case "normalized_rgb":
            return shares
        case "hue":
            return rgb2hsv(rgb)[..., :1]
    return rgb


def _pictures(column: Column) -> Iterator[np.ndarray]:
    for first in range(0, len(column), AT_ONCE):
        yield from column[first : first + AT_ONCE]
