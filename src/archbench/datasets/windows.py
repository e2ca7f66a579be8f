"""Windows slid over every picture of another data set, as proposals of where its objects are.

The dense proposals that detectors looked at before selective search and proposal networks: Girshick 2015, "Fast R-CNN",
arXiv:1504.08083, section 5.5, trains on such windows of several sides and shapes too. They know nothing of a picture:
all pictures have the same ones.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._raw import Raw
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.options import Part, Positive

SOURCE = "windows slid over the picture, arXiv:1504.08083, section 5.5"
PROPOSALS = "proposals"
"""float32 (example, region, [top, left, bottom, right]) in pixels: where objects may be, likely ones first."""

Several = Annotated[tuple[Part, ...], Field(min_length=1, max_length=32)]
Ratios = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=32)]


class NoBoxesToPropose(UserError):
    """A data set that has no pictures with boxes, or has proposals already."""


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
    card = of.card
    if "boxes" not in card.arrays or len(card.input_shape) != 3 or PROPOSALS in card.arrays:
        raise NoBoxesToPropose(
            f"The data set {card.name!r} is no data set of pictures with boxes and without proposals. It has: "
            f"{', '.join(card.arrays)}. Choose another `of` in the datasets section of params.yaml."
        )
    made = grid(card.input_shape[:2], sides, ratios, step)
    splits = {
        name: {**arrays, PROPOSALS: np.tile(made, (len(arrays[card.input]), 1, 1))}
        for name, arrays in of.splits.items()
    }
    return Raw(
        f"{card.source}; {SOURCE}",
        card.licence,
        card.input,
        splits.pop("train"),
        official=splits,
        class_names=card.class_names,
        labels=card.labels,
        label_names={name: tuple(names) for name, names in card.label_names.items()},
        strata=card.strata,
        group=card.group,
        void=card.void,
    )


def grid(size: tuple[int, int], sides: Several, ratios: Ratios, step: float) -> np.ndarray:
    """The windows of a picture of `size` (height, width) pixels: float32 (window, 4), the first sides first.

    `sides`, `ratios` and `step` are those of the data set.
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
            found.append(np.concatenate([corner, corner + lengths], axis=1))
    return np.concatenate(found).astype("float32")
