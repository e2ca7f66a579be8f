"""Masks of published formats, by hand: numbers of palettes, COCO's run lengths and polygons, and what is refused.

pycocotools is the independent decoder of run lengths, matplotlib's paths that of polygons.
"""

import numpy as np
import picture_files as files
import pytest
from matplotlib.path import Path as Outline
from PIL import Image
from pycocotools import mask as coco

from archbench.datasets._masks import VOID, WrongMask, fitted, from_polygons, from_runs, indices, points
from archbench.datasets._picture import Look


def palette(numbers):
    """A PNG of colors, as VOC has them, where 1 is a dark red and 255 almost white."""
    picture = Image.fromarray(np.array(numbers, np.uint8), "P")
    colors = [0] * 768
    colors[3:6], colors[765:768] = (128, 0, 0), (224, 224, 192)
    picture.putpalette(colors)
    return files.saved(picture, "PNG")


def test_numbers_of_a_palette_are_read_and_not_their_colors():
    found = indices(palette([[0, 1, 255], [15, 1, 0]]), "a.png", (2, 3))
    assert found.tolist() == [[0, 1, 255], [15, 1, 0]]
    gray = files.saved(Image.fromarray(np.array([[0, 11]], np.uint8)), "PNG")
    assert indices(gray, "a.png", (1, 2)).tolist() == [[0, 11]]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (palette([[0, 1, 2]]), r"a\.png is a mask of 3 x 1 pixels, its picture has 2 x 3"),
        (files.noise(0, (2, 3), "PNG"), "pixels of the kind 'RGB'"),
        (palette(np.zeros((3, 2)))[:40], "cannot be decoded"),
        (files.gray(), "cannot be decoded"),  # JPEG changes numbers
    ],
)
def test_what_is_no_map_of_the_pictures_size_is_refused_by_name(content, says):
    with pytest.raises(WrongMask, match=says):
        indices(content, "a.png", (3, 2))


def test_a_map_is_enlarged_and_padded_as_its_picture_is():
    """2 x 1 in a frame of 4 x 4: twice as large, and the two rows below are outside."""
    numbers = np.array([[3, VOID]], np.uint8)
    padded = fitted(numbers, Look((4, 4), fit="pad"), VOID)
    assert padded.tolist() == [[3, 3, VOID, VOID]] * 2 + [[VOID] * 4] * 2
    assert fitted(numbers, Look((2, 2), fit="stretch")).tolist() == [[3, VOID]] * 2


def test_no_number_comes_up_that_was_not_there():
    """Between 1 and 9 lies no 5."""
    rows = np.repeat(np.array([[1], [9]], np.uint8), [5, 8], axis=0) * np.ones((1, 7), np.uint8)
    assert set(np.unique(fitted(rows, Look((9, 5), fit="stretch")))) == {1, 9}


# --- COCO's run lengths

# Zeros first, down the columns: of the 3 x 4 pixels, 1 zero, 2 ones (rows 1 and 2 of column 0), 4 zeros, 5 ones.
BY_HAND = np.array([[0, 0, 0, 1], [1, 0, 1, 1], [1, 0, 1, 1]], np.uint8)


def test_run_lengths_go_down_the_columns_and_begin_with_zeros():
    assert from_runs([1, 2, 4, 5], (3, 4), "a").tolist() == BY_HAND.tolist()
    assert from_runs([0, 3, 9], (3, 4), "a")[:, 0].tolist() == [1, 1, 1]  # no zero at all before the first one


def test_a_string_of_run_lengths_by_hand():
    """Characters from 48 on. 1, 2, 4 are themselves, `124`; the fourth, 5, is kept as 5 - 2 = 3: `3`."""
    assert from_runs("1243", (3, 4), "a").tolist() == BY_HAND.tolist()


def test_long_and_falling_run_lengths_by_hand():
    """40 = 8 + 32: 8 with the bit of more to come, 48 + 40 = 88, `X`, then 1, `1`; 40 again less 40 is 0, `0`.

    The fourth: 2 - 40 = -38 is ..11101 1 1010 in two's complement, low five bits 11010 with more, 48 + 58, `j`, then
    ..1 11110 = 30 whose sign bit is set, 48 + 30, `N`. The third number is not told as a difference.
    """
    mask = from_runs("X1X1X1jN", (2, 61), "a")
    assert np.bincount(mask.ravel()).tolist() == [80, 42]
    np.testing.assert_array_equal(mask, coco.decode({"size": [2, 61], "counts": b"X1X1X1jN"}))


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_agree_with_pycocotools(seed):
    random = np.random.default_rng(seed)
    size = tuple(int(side) for side in random.integers(1, 90, 2))
    mask = (random.random(size) < random.choice([0, 0.02, 0.5, 0.98, 1])).astype(np.uint8)
    packed = coco.encode(np.asfortranarray(mask))
    np.testing.assert_array_equal(from_runs(packed["counts"].decode(), size, "a"), mask)


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([1, 2, 4, 4], "object 7: its run lengths are those of 11 pixels, its picture has 4 x 3"),
        ([13, -1], "run lengths"),
        ([], "those of 0 pixels"),
        (["a"], "cannot be read"),
        ("124", "those of 7 pixels"),
        ("124X", "cannot be read"),  # breaks off where more should come
        ("12 4", "the character ' ' at 2"),
    ],
)
def test_run_lengths_of_another_size_are_refused_by_name(counts, says):
    with pytest.raises(WrongMask, match=says):
        from_runs(counts, (3, 4), "object 7")


# --- polygons


def test_a_rectangle_fills_the_pixels_between_its_corners():
    """From (2, 1) to (6, 4): columns 2 to 5, rows 1 to 3."""
    rectangle = points([2, 6, 6, 2], [1, 1, 4, 4], "a")
    expected = np.zeros((5, 8), np.uint8)
    expected[1:4, 2:6] = 1
    look = Look((5, 8), fit="stretch")
    np.testing.assert_array_equal(from_polygons([rectangle], (5, 8), look), expected)
    twice = from_polygons([rectangle], (5, 8), Look((10, 16), fit="stretch"))
    np.testing.assert_array_equal(twice, expected.repeat(2, 0).repeat(2, 1))


def test_an_object_of_several_polygons_is_their_union():
    parts = [points([0, 2, 2, 0], [0, 0, 2, 2], "a"), points([1, 4, 4, 1], [1, 1, 3, 3], "a")]
    expected = np.zeros((4, 4), np.uint8)
    expected[:2, :2], expected[1:3, 1:4] = 1, 1
    np.testing.assert_array_equal(from_polygons(parts, (4, 4), Look((4, 4), fit="pad")), expected)


def test_points_on_the_edge_and_outside_end_at_the_edge():
    outline = points([3, 9, 9, 3], [-2, -2, 4, 4], "a")
    expected = np.zeros((4, 6), np.uint8)
    expected[:, 3:] = 1
    np.testing.assert_array_equal(from_polygons([outline], (4, 6), Look((4, 6), fit="pad")), expected)


@pytest.mark.parametrize("seed", range(5))
def test_polygons_agree_with_another_rasterizer_but_for_their_border(seed):
    """Two thirds as large: pixels a whole pixel inside or outside of the outline are the same."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * np.pi, 9))
    outline = np.stack([45 + 30 * np.cos(angle), 30 + 20 * np.sin(angle)], axis=1)
    mask = from_polygons([outline], (60, 90), Look((40, 60), fit="stretch"))
    y, x = np.mgrid[:40, :60] + 0.5
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    path, steps = Outline(outline * 2 / 3), (-1, 0, 1)
    corners = [path.contains_points(centres + np.array([dx, dy])) for dx in steps for dy in steps]
    inner, outer = (bound.reshape(40, 60) for bound in (np.all(corners, axis=0), np.any(corners, axis=0)))
    assert inner.sum() > 100
    assert mask[inner].all()
    assert not mask[~outer].any()


@pytest.mark.parametrize(
    ("x", "y"),
    [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([], []), ([1, 2, float("nan")], [1, 2, 3]), ([1, 2, "x"], [1] * 3)],
)
def test_a_polygon_that_breaks_off_is_refused_by_name(x, y):
    with pytest.raises(WrongMask, match="region 4: a polygon"):
        points(x, y, "region 4")
