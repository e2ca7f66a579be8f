"""Segmentation where it is hardest: along the borders of the true regions.

Kraehenbuehl & Koltun 2011, arXiv:1210.5644, section 5: the labels in a narrow band around borders, its width varied.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import ndimage

from archbench.metrics import metric
from archbench.metrics.confusion import mean_iou

Pixels = Annotated[int, Field(ge=1, le=1_024)]


@metric(
    "border_mean_iou",
    source="Kraehenbuehl & Koltun 2011, arXiv:1210.5644, section 5; Chen et al. 2018, arXiv:1802.02611, figure 5",
    values="maps",
)
def border_mean_iou(targets: np.ndarray, predictions: np.ndarray, *, pixels: Pixels = 4) -> float:
    """`mean_iou` over those pixels of maps (example, height, width) that lie at most so far from a true border.

    Between 0 and 1; nan where no picture has a border.
    """
    band = near_borders(np.asarray(targets), pixels)
    return mean_iou(np.asarray(targets)[band], np.asarray(predictions)[band]) if band.any() else np.nan


def near_borders(maps: np.ndarray, pixels: int) -> np.ndarray:
    """Which pixels of `maps` (example, height, width) have one of another label at most so many `pixels` away.

    The way is the larger one of the ways down and across: a band of 1 is one pixel on each side of a border.
    """
    window = (1, 2 * pixels + 1, 2 * pixels + 1)
    ends = (one(maps, size=window, mode="nearest") for one in (ndimage.minimum_filter, ndimage.maximum_filter))
    return np.not_equal(*ends)
