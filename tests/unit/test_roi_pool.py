"""RoI pooling against maxima written out bin by bin, against torchvision's or torch's, and beside RoIAlign by hand."""

import numpy as np
import pytest
from keras import ops

from archbench.layers.roi_align import roi_align
from archbench.layers.roi_pool import bins, roi_pool
from backend import compiled, gradient
from references import reference

STRIDES = (4, 8, 16)
HEIGHT, WIDTH = 64, 48


def _maps(channels=3, batch=2, strides=STRIDES):
    random = np.random.default_rng(0)
    return [
        random.normal(size=(batch, -(-HEIGHT // stride), -(-WIDTH // stride), channels)).astype("float32")
        for stride in strides
    ]


BOXES = np.array(
    [
        [(0, 0, 64, 48), (3.3, 5.1, 9.7, 30.2), (10, 10, 10, 10), (20, 4, 20, 40), (0, 0, 15, 12), (50, 40, 64, 48)],
        [(63, 47, 64, 48), (6, 6, 10, 10), (0, 0, 1, 1), (9.9, 1.2, 61, 17), (12, 9, 33, 44), (1, 2, 63, 46)],
    ],
    "float32",
)
"""The whole picture, an ordinary one, of no size, a line, at the corners, of half cells."""


def _plain(one, box, size, stride):
    """Bin by bin, from `one` (height, width, channel)."""
    spans = []
    for first, last, side in zip(box[:2], box[2:], one.shape, strict=False):
        first, last = int(np.floor(first / stride + 0.5)), int(np.floor(last / stride + 0.5))
        first = min(max(first, 0), side - 1)
        count = max(min(last + 1, side) - first, 1)
        spans.append([(first + i * count // size, first + -(-(i + 1) * count // size)) for i in range(size)])
    return np.array([[one[a:b, c:d].max(axis=(0, 1)) for c, d in spans[1]] for a, b in spans[0]])


def _made(maps, boxes, size, **options):
    given = {"boxes": boxes, **{f"map{place}": one for place, one in enumerate(maps)}}
    return compiled(lambda x: roi_pool([x[f"map{n}"] for n in range(len(maps))], x["boxes"], size, **options), given)


@pytest.mark.parametrize("stride", [1, 4, 16])
@pytest.mark.parametrize("size", [7, 3, 2, 1])
def test_every_bin_is_the_maximum_of_its_cells(size, stride):
    (one,) = _maps(strides=(stride,))
    found = _made([one], BOXES, size, strides=(stride,))
    for image, region in np.ndindex(BOXES.shape[:2]):
        np.testing.assert_array_equal(found[image, region], _plain(one[image], BOXES[image, region], size, stride))


def test_random_regions_of_random_maps():
    random = np.random.default_rng(3)
    for height, width, size in [(9, 31, 4), (1, 5, 3), (17, 2, 6)]:
        one = random.normal(size=(1, height, width, 2)).astype("float32")
        ends = np.sort(random.uniform(0, 1, (200, 2, 2)), axis=1) * (height * 2, width * 2)
        boxes = ends.reshape(1, 200, 4).astype("float32")
        found = _made([one], boxes, size, strides=(2,))
        expected = [_plain(one[0], box, size, 2) for box in boxes[0]]
        np.testing.assert_array_equal(found[0], expected)


def test_a_region_is_read_from_the_map_of_its_size():
    """By equation 1 of the pyramid: with 16 canonical pixels, regions below 8 belong to stride 4, from 16 on to 16."""
    maps = _maps()
    found = _made(maps, BOXES, 2, strides=STRIDES, canonical=16)
    sides = np.sqrt((BOXES[..., 2] - BOXES[..., 0]) * (BOXES[..., 3] - BOXES[..., 1]))
    levels = np.where(sides < 8, 0, np.where(sides < 16, 1, 2))
    assert set(levels.ravel()) == {0, 1, 2}
    for image, region in np.ndindex(levels.shape):
        level = levels[image, region]
        expected = _plain(maps[level][image], BOXES[image, region], 2, STRIDES[level])
        np.testing.assert_array_equal(found[image, region], expected)


def test_it_is_torchvisions():
    """torchvision's own where its operators load; else torch's adaptive maxima of the cells of each region."""
    (one,) = _maps(strides=(4,))
    for size in (7, 3):
        made = reference("roi_pool", str(size), "4", map=one, boxes=BOXES)["read"]
        np.testing.assert_array_equal(_made([one], BOXES, size, strides=(4,)), made)


def test_a_region_that_sticks_out_is_cut_at_the_border():
    (one,) = _maps(strides=(4,))
    boxes = np.array([[(-30, -9, 99, 50), (60, 40, 90, 90)]] * 2, "float32")
    cut = np.clip(boxes, 0, (HEIGHT, WIDTH, HEIGHT, WIDTH)).astype("float32")
    np.testing.assert_array_equal(_made([one], boxes, 3, strides=(4,)), _made([one], cut, 3, strides=(4,)))


def test_the_known_example():
    """A box of 665 pixels at stride 32 is 20.78 cells: RoI pooling makes it 20 and 7 bins of 2, RoIAlign keeps 2.97."""
    boxes = np.array([[(0, 0, 665, 665)]], "float32")
    cells = boxes[0, 0, 2] / 32
    assert cells == pytest.approx(20.78, abs=0.005)
    ends, side = np.array([[0, cells]], "float32"), np.array([[25]], "int32")
    first, after = (ops.convert_to_numpy(one)[0] for one in bins(ends, side, 7, "down"))
    assert (after - first).tolist() == [2] * 7
    assert first.tolist() == [0, 2, 4, 6, 8, 10, 12]
    first, after = (ops.convert_to_numpy(one)[0] for one in bins(ends, side, 1, "down"))
    assert (first.item(), after.item()) == (0, 20)
    ramp = np.tile(np.arange(25, dtype="float32")[:, None], (1, 1, 1, 25)).reshape(1, 25, 25, 1) + 0.5
    read = compiled(lambda x: roi_align([x["map"]], x["boxes"], 7, strides=(32,)), {"map": ramp, "boxes": boxes})
    middles = read[0, 0, :, 0, 0]
    np.testing.assert_allclose(np.diff(middles), cells / 7, rtol=1e-5)
    assert cells / 7 == pytest.approx(2.97, abs=0.005)
    assert middles[-1] + cells / 14 == pytest.approx(cells, rel=1e-5)  # the last bin ends where the region does
    pooled = _made([ramp], boxes, 7, strides=(32,), rounding="down")
    assert pooled[0, 0, :, 0, 0].tolist() == [1.5, 3.5, 5.5, 7.5, 9.5, 11.5, 13.5]  # cells 14 to 19 are in no bin


def test_bins_cut_down_past_a_small_region_are_empty():
    one = np.full((1, 8, 8, 1), 5.0, "float32")
    found = _made([one], np.array([[(0, 0, 8.9, 31)]], "float32"), 4, strides=(4,), rounding="down")
    assert found[0, 0, ..., 0].tolist() == [[5.0] * 4] * 2 + [[0.0] * 4] * 2


def test_the_gradient_reaches_the_largest_cell_of_a_bin_and_not_the_boxes():
    one = np.random.default_rng(1).permutation(48).reshape(1, 6, 8, 1).astype("float32")
    boxes = np.array([[(0, 0, 5, 7)]], "float32")
    weights = np.array([[1.0, 10.0], [100.0, 1000.0]], "float32").reshape(1, 1, 2, 2, 1)
    read = lambda x: ops.sum(roi_pool([x["map"]], x["boxes"], 2, strides=(1,)) * weights)  # noqa: E731
    slope = gradient(lambda x: read({**x, "boxes": boxes}), {"map": one})["map"][0, ..., 0]
    expected = np.zeros((6, 8))
    for row, column in np.ndindex(2, 2):
        inside = (np.arange(6)[:, None] // 3 == row) & (np.arange(8) // 4 == column)
        expected.ravel()[np.where(inside, one[0, ..., 0], -1).argmax()] = weights[0, 0, row, column, 0]
    np.testing.assert_allclose(slope, expected)
    of_boxes = gradient(lambda x: read({"map": one, **x}) + 0 * ops.sum(x["boxes"]), {"boxes": boxes})["boxes"]
    assert not of_boxes.any()
