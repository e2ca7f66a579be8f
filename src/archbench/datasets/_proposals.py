"""What data sets share that add `proposals`, regions where objects may be, to the pictures of another one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.datasets._raw import Raw
from archbench.datasets.store import Prepared
from archbench.errors import UserError

PROPOSALS = "proposals"
"""float32 (example, region, [top, left, bottom, right]) in pixels: where objects may be.

What is read first is worth most: likely ones, or where nothing is known of a picture, such as are spread over it."""


class NoBoxesToPropose(UserError):
    """A data set that has no pictures with boxes, or has proposals already."""


def check_pictures(of: Prepared) -> None:
    """Raise `NoBoxesToPropose` unless `of` has pictures with boxes, and no proposals yet."""
    card = of.card
    if "boxes" not in card.arrays or len(card.input_shape) != 3 or PROPOSALS in card.arrays:
        raise NoBoxesToPropose(
            f"The data set {card.name!r} is no data set of pictures with boxes and without proposals. It has: "
            f"{', '.join(card.arrays)}. Choose another `of` in the datasets section of params.yaml."
        )


def with_proposals(of: Prepared, proposals: Mapping[str, np.ndarray], source: str) -> Raw:
    """All of `of` in its splits, with the `proposals` of each split beside; `source` is where these come from."""
    card = of.card
    splits = {name: {**arrays, PROPOSALS: proposals[name]} for name, arrays in of.splits.items()}
    return Raw(
        f"{card.source}; {source}",
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
