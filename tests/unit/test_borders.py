"""Mean IoU along borders: the band by hand and pixel by pixel, and what it leaves out."""

import numpy as np
import pytest

from archbench.metrics import METRICS
from archbench.metrics.borders import near_borders

ENTRIES = {entry.name: entry for entry in METRICS}


def test_the_band_by_hand():
    maps = np.zeros((1, 6, 8), "uint8")
    maps[:, :, 4:] = 1  # a border between the fourth and the fifth column
    for pixels, columns in ((1, [3, 4]), (2, [2, 3, 4, 5]), (3, [1, 2, 3, 4, 5, 6])):
        band = near_borders(maps, pixels)
        assert np.flatnonzero(band[0, 0]).tolist() == columns
        assert (band == band[:, :1]).all()


@pytest.mark.parametrize("pixels", [1, 2, 4])
def test_the_band_pixel_by_pixel(pixels):
    maps = np.random.default_rng(0).integers(0, 3, (2, 4, 5)).astype("uint8").repeat(4, axis=1).repeat(3, axis=2)
    found = near_borders(maps, pixels)
    for image, row, column in np.ndindex(maps.shape):
        rows, columns = (slice(max(0, place - pixels), place + pixels + 1) for place in (row, column))
        near = maps[image, rows, columns]
        assert found[image, row, column] == (near != maps[image, row, column]).any()


def test_pictures_do_not_touch_each_other():
    maps = np.stack([np.zeros((4, 4)), np.ones((4, 4))]).astype("uint8")
    assert not near_borders(maps, 3).any()
    assert np.isnan(ENTRIES["border_mean_iou"](maps, maps, pixels=2))


def test_only_what_lies_near_a_border_counts():
    """By hand: one column beside the border is wrong. Of a band of 1: IoU 0 and 1/2; of a band of 2: 1/2 and 2/3."""
    maps = np.zeros((1, 4, 8), "uint8")
    maps[:, :, 4:] = 1
    said = maps.copy()
    said[:, :, 3] = 1
    said[:, :, 0] = 2  # far from it
    for pixels, expected in ((1, (0 + 1 / 2) / 2), (2, (1 / 2 + 2 / 3) / 2)):
        assert ENTRIES["border_mean_iou"](maps, said, pixels=pixels) == pytest.approx(expected)
    assert ENTRIES["border_mean_iou"](maps, maps) == 1.0
