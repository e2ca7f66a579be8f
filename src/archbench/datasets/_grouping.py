"""Hierarchical grouping of the segments of a picture, by how alike neighbours are.

Uijlings, van de Sande, Gevers, Smeulders, "Selective Search for Object Recognition", IJCV 104(2), 2013, sections 3.1
and 3.2. What the paper leaves open: segments are neighbours where two of their pixels share an edge, and the bins of
derivatives end at that of a step from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

COLOR_BINS, TEXTURE_BINS = 25, 10
"""Of the histogram of a channel, and of the histogram of a channel's derivative in one direction."""
DIRECTIONS = np.arange(8) * math.pi / 4
"""Those of the derivatives: where a picture grows brighter."""
STEEPEST = 1 / math.sqrt(2 * math.pi)
"""The derivative of a step from 0 to 1 under a Gaussian of one pixel."""


@dataclass
class Regions:
    """Regions of a picture, and which of them touch."""

    size: np.ndarray
    """float64 (region,): pixels."""
    boxes: np.ndarray
    """float64 (region, [top, left, bottom, right]): what surrounds each, in pixels."""
    color: np.ndarray
    """float64 (region, bin): the histograms of all channels, which together sum to 1."""
    texture: np.ndarray
    """float64 (region, bin): those of all channels and directions, which together sum to 1."""
    touching: np.ndarray
    """bool (region, region)."""
    whole: float
    """Pixels of the picture."""


def measure(picture: np.ndarray, labels: np.ndarray) -> Regions:
    """The regions of `labels` (height, width), numbers from 0 on, in `picture` (height, width, channel) of [0, 1]."""
    count, flat = labels.max() + 1, labels.ravel()
    rows, columns = (np.broadcast_to(axis, labels.shape).ravel() for axis in np.ogrid[: len(labels), : labels.shape[1]])
    first, last = np.full((count, 2), np.inf), np.zeros((count, 2))
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(first[:, axis], flat, places)
        np.maximum.at(last[:, axis], flat, places + 1)
    touching = np.zeros((count, count), bool)
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        touching[one, other] = touching[other, one] = True
    np.fill_diagonal(touching, False)
    return Regions(
        size=np.bincount(flat, minlength=count).astype(float),
        boxes=np.concatenate([first, last], axis=1),
        color=_histograms(picture, flat, count, COLOR_BINS),
        texture=_histograms(derivatives(picture) / STEEPEST, flat, count, TEXTURE_BINS),
        touching=touching,
        whole=float(labels.size),
    )


def derivatives(picture: np.ndarray) -> np.ndarray:
    """How steeply every channel grows in each of `DIRECTIONS`, 0 where it falls: (height, width, channel * direction).

    Derivatives of a Gaussian of one pixel, of which the one in a direction is made from those down and across.
    """
    from scipy.ndimage import gaussian_filter

    down, across = (gaussian_filter(picture, (1, 1, 0), order=order) for order in ((1, 0, 0), (0, 1, 0)))
    steep = down[..., None] * np.sin(DIRECTIONS) + across[..., None] * np.cos(DIRECTIONS)
    return np.maximum(steep, 0).reshape(*picture.shape[:2], -1)


def _histograms(values: np.ndarray, labels: np.ndarray, count: int, bins: int) -> np.ndarray:
    """Of each of `count` regions the histograms of all channels of `values` (height, width, channel) in [0, 1]."""
    channels = values.shape[-1]
    place = np.minimum((values.reshape(-1, channels) * bins).astype(np.int64), bins - 1)
    place += labels[:, None] * channels * bins + np.arange(channels) * bins
    found = np.bincount(place.ravel(), minlength=count * channels * bins).reshape(count, -1)
    return found / found.sum(axis=1, keepdims=True)


# How alike a region and others are, each between 0 and 1: (region, index of one, indices of others).


def alike_in_color(regions: Regions, one: int, others: np.ndarray) -> np.ndarray:
    """What their histograms share, equation 2."""
    return np.minimum(regions.color[one], regions.color[others]).sum(axis=-1)


def alike_in_texture(regions: Regions, one: int, others: np.ndarray) -> np.ndarray:
    """What their histograms of derivatives share, equation 4."""
    return np.minimum(regions.texture[one], regions.texture[others]).sum(axis=-1)


def small(regions: Regions, one: int, others: np.ndarray) -> np.ndarray:
    """What they leave of the picture, equation 5: small regions merge early."""
    return 1 - (regions.size[one] + regions.size[others]) / regions.whole


def filling(regions: Regions, one: int, others: np.ndarray) -> np.ndarray:
    """One less what they leave empty of the box around both, in shares of the picture, equation 6."""
    around = _around(regions.boxes[one], regions.boxes[others])
    sides = around[..., 2:] - around[..., :2]
    return 1 - (sides.prod(axis=-1) - regions.size[one] - regions.size[others]) / regions.whole


MEASURES: Mapping[str, Callable[[Regions, int, np.ndarray], np.ndarray]] = {
    "C": alike_in_color,
    "T": alike_in_texture,
    "S": small,
    "F": filling,
}
"""The letters of the paper's table 3: colour, texture, size, fill."""


def similarity(regions: Regions, one: int, others: np.ndarray, measures: str) -> np.ndarray:
    """How alike a region and `others` are, the sum over the letters of `measures`: equation 7."""
    return sum(MEASURES[letter](regions, one, others) for letter in measures)


def group(regions: Regions, measures: str) -> np.ndarray:
    """The boxes of all regions, and of those that arise as the two most alike neighbours merge until one is left.

    Algorithm 1: float64 (region, 4), those of `regions` first, the whole picture last. `regions` are used up. On a tie
    the neighbours with the lowest numbers merge; a region that arises takes the lower number of its two.
    """
    count = len(regions.size)
    boxes = list(regions.boxes.copy())
    alike = np.full((count, count), -np.inf)
    for one in range(count):
        near = np.flatnonzero(regions.touching[one])
        alike[one, near] = similarity(regions, one, near, measures)
    for _ in range(count - 1):
        one, other = divmod(int(alike.argmax()), count)
        _merge(regions, one, other)
        boxes.append(regions.boxes[one].copy())
        near = np.flatnonzero(regions.touching[one])
        alike[[one, other]] = alike[:, [one, other]] = -np.inf
        alike[one, near] = alike[near, one] = similarity(regions, one, near, measures)
    return np.array(boxes)


def _merge(regions: Regions, one: int, other: int) -> None:
    """Let the region `one` take in the `other`, which then touches nothing: section 3.2."""
    sizes = regions.size[[one, other]]
    for histograms in (regions.color, regions.texture):
        histograms[one] = sizes @ histograms[[one, other]] / sizes.sum()
    regions.size[one] = sizes.sum()
    regions.boxes[one] = _around(regions.boxes[one], regions.boxes[other])
    touching = regions.touching[one] | regions.touching[other]
    touching[[one, other]] = False
    regions.touching[other] = regions.touching[:, other] = False
    regions.touching[one] = regions.touching[:, one] = touching


def _around(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The box around a box and each of `others` (..., 4)."""
    return np.concatenate(
        [np.minimum(box[:2], others[..., :2]), np.maximum(box[2:], others[..., 2:])],
        axis=-1,
    )
