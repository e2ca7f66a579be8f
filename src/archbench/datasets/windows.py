"""Windows slid over every picture of another data set, as proposals of where its objects are.

The dense proposals that detectors looked at before selective search and proposal networks: Girshick 2015, "Fast R-CNN",
arXiv:1504.08083, section 5.5, trains on such windows of several sides and shapes too. They know nothing of a picture:
all pictures have the same ones, in an order that spreads the first of them over sizes and places.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._proposals import check_pictures, with_proposals
from archbench.datasets._raw import Raw
from archbench.datasets.store import Prepared
from archbench.options import Part, Positive

SOURCE = "windows slid over the picture, arXiv:1504.08083, section 5.5"

Several = Annotated[tuple[Part, ...], Field(min_length=1, max_length=32)]
Ratios = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=32)]


@dataset(
    "windows",
    source=SOURCE,
    licence="that of the data set that it is made from",
    kind="derived",
    bytes=0,
    smoke={"of": "balloons", "sides": [0.5, 0.9], "step": 0.5},
)
def windows(
    raw: Path,
    of: Prepared,
    *,
    sides: Several = (0.15, 0.25, 0.4, 0.6),
    ratios: Ratios = (1.0,),
    step: Part = 0.4,
) -> Raw:
    """Another data set with windows as `proposals`, float32 (region, [top, left, bottom, right]) in pixels.

    All arrays are those of the data set `of`, in its splits. Windows are as large as squares of `sides`, shares of the
    shorter side of the picture; `ratios` are height over width, cut to what fits into the picture. Neighbours are
    `step` of a window's side apart, or a little less, so that the first and the last touch the border. Raises
    `NoBoxesToPropose`.
    """
    check_pictures(of)
    made = grid(of.card.input_shape[:2], sides, ratios, step)
    tiled = {name: np.tile(made, (len(arrays[of.card.input]), 1, 1)) for name, arrays in of.splits.items()}
    return with_proposals(of, tiled, SOURCE)


def grid(size: tuple[int, int], sides: Several, ratios: Ratios, step: float) -> np.ndarray:
    """The windows of a picture of `size` (height, width) pixels: float32 (window, 4).

    `sides`, `ratios` and `step` are those of the data set. One window of each size comes first, then a second of each,
    and so on as long as there are any; those of one size as `spread` orders them. So however many of the first are
    looked at, they are of all sizes and lie all over the picture.
    """
    found = []
    for side in sides:
        for ratio in ratios:
            lengths = [side * min(size) * math.sqrt(ratio), side * min(size) / math.sqrt(ratio)]
            lengths = [min(length, whole) for length, whole in zip(lengths, size, strict=True)]
            starts = [
                np.linspace(0, whole - length, math.ceil((whole - length) / (step * length)) + 1)
                for whole, length in zip(size, lengths, strict=True)
            ]
            corner = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
            found.append(np.concatenate([corner, corner + lengths], axis=1)[spread(corner)])
    turns = np.concatenate([np.arange(len(windows)) for windows in found])
    return np.concatenate(found)[np.argsort(turns, kind="stable")].astype("float32")


def spread(places: np.ndarray) -> np.ndarray:
    """An order of `places` (place, 2), as rows: the one nearest to their middle, then always the one furthest from all
    before it, the first of several; Gonzalez 1985, Theoretical Computer Science 38.
    """
    order = [int(np.linalg.norm(places - places.mean(axis=0), axis=1).argmin())]
    apart = np.full(len(places), np.inf)
    for _ in places[1:]:
        apart = np.minimum(apart, np.linalg.norm(places - places[order[-1]], axis=1))
        order.append(int(apart.argmax()))
    return np.array(order)
