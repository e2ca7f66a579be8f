"""RoIAlign against bilinear interpolation written out one reading at a time, and against torchvision's."""

import math

import numpy as np
import pytest
from keras import ops

from archbench.layers.roi_align import pyramid_level, roi_align
from backend import compiled, gradient
from references import reference

STRIDES = (4, 8, 16, 32)


def _maps(height=64, width=48, channels=3, batch=2, strides=STRIDES):
    random = np.random.default_rng(0)
    return [
        random.normal(size=(batch, -(-height // stride), -(-width // stride), channels)).astype("float32")
        for stride in strides
    ]


BOXES = np.array(
    [
        [(0, 0, 64, 48), (3.3, 5.1, 9.7, 30.2), (10, 10, 10, 10), (20, 4, 20, 40), (-9, -7, 15, 12), (50, 40, 80, 60)],
        [(90, 70, 99, 80), (-30, -30, -20, -20), (0, 0, 1, 1), (63, 47, 64, 48), (12, 9, 33, 44), (-40, -40, 99, 99)],
    ],
    "float32",
)
"""The whole picture, an ordinary one, of no size, a line, over the borders, outside, at the corners, around it all."""


def _reading(one, y, x):
    """`one` (height, width, channel) at a place in cells, of which the middle of the first is at a half."""
    height, width, _ = one.shape
    y, x = y - 0.5, x - 0.5
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(one.shape[2])
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    above = one[top, left] * (1 - (x - left)) + one[top, right] * (x - left)
    below = one[bottom, left] * (1 - (x - left)) + one[bottom, right] * (x - left)
    return above * (1 - (y - top)) + below * (y - top)


def _plain(maps, boxes, size, canonical, samples, strides=STRIDES):
    made = np.zeros((*boxes.shape[:2], size, size, maps[0].shape[-1]))
    for image, region in np.ndindex(boxes.shape[:2]):
        top, left, bottom, right = (float(side) for side in boxes[image, region])
        area = (bottom - top) * (right - left)
        wanted = 4 + math.log2(math.sqrt(area) / canonical) if area else -math.inf
        level = min(max(wanted, math.log2(strides[0])), math.log2(strides[-1]))
        stride = 2 ** int(level)
        one = maps[strides.index(stride)][image].astype(float)
        for row, column, down, across in np.ndindex(size, size, samples, samples):
            y = top + (bottom - top) * (row + (down + 0.5) / samples) / size
            x = left + (right - left) * (column + (across + 0.5) / samples) / size
            made[image, region, row, column] += _reading(one, y / stride, x / stride) / samples**2
    return made


def _made(maps, boxes, size, canonical, samples, strides=STRIDES):
    given = {"boxes": boxes, **{f"map{place}": one for place, one in enumerate(maps)}}
    return compiled(
        lambda x: roi_align(
            [x[f"map{place}"] for place in range(len(maps))],
            x["boxes"],
            size,
            strides=strides,
            canonical=canonical,
            samples=samples,
        ),
        given,
    )


@pytest.mark.parametrize(("size", "canonical", "samples"), [(7, 224, 2), (3, 48, 2), (2, 24, 3), (1, 48, 1)])
def test_every_bin_is_the_mean_of_its_bilinear_readings(size, canonical, samples):
    maps = _maps()
    expected = _plain(maps, BOXES, size, canonical, samples)
    np.testing.assert_allclose(_made(maps, BOXES, size, canonical, samples), expected, atol=1e-5)


def test_a_single_map_whose_sides_are_rounded_up():
    maps, strides = _maps(65, 50, strides=(16,)), (16,)
    expected = _plain(maps, BOXES, 4, 224, 2, strides)
    np.testing.assert_allclose(_made(maps, BOXES, 4, 224, 2, strides), expected, atol=1e-5)


def test_it_is_torchvisions():
    """Of what lies in the picture: the Python that stands in for compiled operators reads no zeros outside."""
    maps, size, canonical = _maps(), 3, 48
    given = {f"map{place}": one for place, one in enumerate(maps)}
    made = reference("roi_align", str(size), "2", str(canonical), boxes=BOXES, strides=np.array(STRIDES), **given)
    inside = ((BOXES >= 0) & (BOXES <= (64, 48, 64, 48))).all(axis=-1)
    assert inside.sum() == 7
    np.testing.assert_allclose(_made(maps, BOXES, size, canonical, 2)[inside], made["read"][inside], atol=1e-5)
    level = compiled(lambda x: pyramid_level(x["boxes"], STRIDES, canonical), {"boxes": BOXES})
    assert level.tolist() == made["level"].tolist()


def test_the_map_of_a_region_by_hand():
    """Equation 1: 224 pixels belong to C4 (stride 16), 112 to C3, and just below that to C2; the rest to the ends."""
    sides = [(224, 224), (223, 223), (112, 112), (111.9, 111.9), (448, 448), (112, 448), (1, 1), (0, 9), (4000, 4000)]
    boxes = np.array([[0, 0, *side] for side in sides], "float32")
    level = ops.convert_to_numpy(pyramid_level(ops.convert_to_tensor(boxes), STRIDES))
    assert level.tolist() == [2, 1, 1, 0, 3, 2, 0, 0, 3]
    half = ops.convert_to_numpy(pyramid_level(ops.convert_to_tensor(boxes / 2), STRIDES, 112))
    assert half.tolist() == level.tolist()


def test_gradients_reach_the_cells_that_were_read_and_not_the_boxes():
    """By hand: two bins side by side over two cells of stride 4, one reading each, right at the cells' middles."""
    boxes = np.array([[(4, 8, 8, 16)]], "float32")
    weights = np.array([[1.0, 10.0]], "float32").reshape(1, 1, 1, 2, 1)
    read = lambda x: roi_align([x["map"]], x["boxes"], 2, strides=(4,), samples=1)  # noqa: E731
    maps = np.zeros((1, 3, 5, 1), "float32")
    given = {"map": maps, "boxes": boxes}
    slope = gradient(lambda x: ops.sum(read({**x, "boxes": boxes}) * weights), {"map": maps})["map"]
    expected = np.zeros((3, 5))
    # The upper bins read a quarter of a cell above the middle of row 1, the lower ones as far below it.
    expected[:, 2], expected[:, 3] = [0.25, 1.5, 0.25], [2.5, 15, 2.5]
    np.testing.assert_allclose(slope[0, ..., 0], expected, atol=1e-6)
    ramp = {**given, "map": np.arange(15, dtype="float32").reshape(1, 3, 5, 1)}
    of_boxes = gradient(lambda x: ops.sum(read({**ramp, **x})) + 0 * ops.sum(x["boxes"]), {"boxes": boxes})["boxes"]
    assert not of_boxes.any()
