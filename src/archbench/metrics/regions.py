"""How well regions are told apart by the borders between them, as the challenge of ISBI 2012 scores it.

Arganda-Carreras et al. 2015, "Crowdsourcing the creation of image segmentation algorithms for connectomics", Frontiers
in Neuroanatomy 9, 142. What the paper leaves open (neighbours, pixels on borders, sums over slices, thresholds) is as
in the challenge's code, RandError of Trainable Weka Segmentation. Borders are thinned by growing the regions on their
sides, which is a choice of this file: one that ends inside of a region goes as a whole.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from archbench.metrics import metric

THRESHOLDS = tuple(step / 10 for step in range(1, 10))
"""Above one of these probabilities a pixel is inside of a region."""
SIDES = ndimage.generate_binary_structure(2, 1)
"""The neighbours of a pixel: those at its sides."""


@metric(
    "v_rand",
    source="Arganda-Carreras et al. 2015, Frontiers in Neuroanatomy 9, 142, equation 3",
    values="maps",
)
def v_rand(targets: np.ndarray, predictions: np.ndarray) -> float:
    """The foreground-restricted Rand score after thinning of borders, the best over `THRESHOLDS`: between 0 and 1.

    `targets` (image, height, width) is not 0 inside of regions, and 0 on their borders; `predictions` of the same shape
    is the probability of inside. Regions are what hangs together at the sides of pixels. Of the pixels that truly are
    inside, pairs of the same picture are counted, that of a pixel with itself too: V = 2 both / (true + predicted),
    pairs in one region in both, in truth, and as predicted, where a pixel on a border is in no region with another. nan
    where no pixel is inside.
    """
    truth = [_regions(image != 0) for image in targets]
    if not any(image.any() for image in truth):
        return float("nan")
    return max(_score(truth, predictions, threshold) for threshold in THRESHOLDS)


def thinned(regions: np.ndarray) -> np.ndarray:
    """`regions` (height, width), 0 on borders, grown into these until they are lines of one pixel between regions."""
    nearest = ndimage.distance_transform_edt(regions == 0, return_distances=False, return_indices=True)
    grown = regions[tuple(nearest)]
    meets = ndimage.maximum_filter(grown, footprint=SIDES) > grown
    return np.where((regions == 0) & meets, 0, grown)


def _regions(inside: np.ndarray) -> np.ndarray:
    """The number of its region, from 1, for each pixel of (height, width) that is `inside` of one."""
    return ndimage.label(inside, SIDES)[0]


def _score(truth: list[np.ndarray], predictions: np.ndarray, threshold: float) -> float:
    found = (thinned(_regions(image > threshold)) for image in predictions)
    pairs = [_pairs(*each) for each in zip(truth, found, strict=True)]
    both, true, predicted = (sum(counts) for counts in zip(*pairs, strict=True))
    return 2 * both / (true + predicted)


def _pairs(truth: np.ndarray, found: np.ndarray) -> tuple[int, int, int]:
    """Pairs of pixels inside in `truth` that are in one region in both, in truth, and in `found`."""
    inside = truth > 0
    table = np.zeros((truth.max() + 1, found.max() + 1), np.int64)
    np.add.at(table, (truth[inside], found[inside]), 1)
    alone, together = int(table[:, 0].sum()), table[:, 1:]
    both = int((together**2).sum()) + alone
    return both, int((table.sum(axis=1) ** 2).sum()), int((together.sum(axis=0) ** 2).sum()) + alone
