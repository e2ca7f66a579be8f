"""Windows as proposals: where they stand, that they cover the picture, and what has none."""

import numpy as np
import pytest

from archbench.datasets import store
from archbench.datasets._proposals import NoBoxesToPropose
from archbench.datasets.prepare import prepare
from archbench.datasets.windows import grid, windows


@pytest.fixture(scope="module")
def balloons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "balloons"
    prepare({"name": "balloons", "size": 32, "examples": 30}, "balloons", folder, folder.parent / "raw")
    return store.load(folder)


def test_the_windows_of_a_picture_by_hand():
    """Half of 8 pixels is 4, and neighbours are 2 apart: down from 0, 2, 4; across from 0 to 12 in six steps."""
    found = grid((8, 16), (0.5,), (1.0,), 0.5)
    assert found.dtype == "float32"
    expected = [(top, left, top + 4, left + 4) for top in (0, 2, 4) for left in range(0, 13, 2)]
    assert sorted(map(tuple, found.tolist())) == expected


def test_the_first_windows_are_of_all_sizes_and_lie_all_over_the_picture():
    """Of 9 windows of 4 and 4 of 6 in 8 pixels: the middle, or the first as near to it, then corners, then between."""
    found = grid((8, 8), (0.5, 0.75), (1.0,), 0.5)
    sides = (found[:, 2] - found[:, 0]).tolist()
    assert sides == [4, 6] * 4 + [4] * 5
    small = [tuple(window[:2]) for window, side in zip(found.tolist(), sides, strict=True) if side == 4]
    assert small[0] == (2, 2)
    assert small[1:5] == [(0, 0), (0, 4), (4, 0), (4, 4)]
    assert set(small[5:]) == {(0, 2), (2, 0), (2, 4), (4, 2)}
    large = [tuple(window[:2]) for window, side in zip(found.tolist(), sides, strict=True) if side == 6]
    assert large == [(0, 0), (2, 2), (0, 2), (2, 0)]


def test_a_step_that_does_not_fit_becomes_a_little_smaller():
    found = grid((10, 10), (0.4,), (1.0,), 0.7)  # windows of 4 and steps of 2.8 over 6 pixels: three of 2
    assert sorted(set(found[:, 0].tolist())) == [0, 2, 4, 6]


def test_ratios_are_height_over_width_and_windows_end_at_the_border():
    found = grid((20, 20), (0.5, 1.0), (0.25, 4.0), 0.5)
    sides = found[:, 2:] - found[:, :2]
    assert {tuple(np.round(side, 3)) for side in sides} == {(5, 20), (20, 5), (10, 20), (20, 10)}
    assert found.min() == 0
    assert found.max() == 20


def test_all_pictures_of_all_splits_have_them_beside_what_they_had(balloons):
    raw = windows(None, balloons, sides=(0.5,), step=0.5)
    assert set(raw.train) == {*balloons.splits["train"], "proposals"}
    assert set(raw.official) == {"validation", "test"}
    expected = grid((32, 32), (0.5,), (1.0,), 0.5)
    for split, arrays in {**raw.official, "train": raw.train}.items():
        assert arrays["image"] is balloons.splits[split]["image"]
        assert arrays["proposals"].shape == (len(arrays["image"]), *expected.shape)
        np.testing.assert_array_equal(arrays["proposals"][-1], expected)
    assert raw.class_names == balloons.card.class_names
    assert raw.label_names.keys() == balloons.card.label_names.keys()


def test_data_without_boxes_and_with_proposals_are_refused(balloons, tmp_path):
    prepare("iris", "iris", tmp_path / "iris", tmp_path / "raw")
    with pytest.raises(NoBoxesToPropose, match="'iris' is no data set of pictures with boxes"):
        windows(None, store.load(tmp_path / "iris"))
    spec = {"name": "windows", "sides": [0.5]}
    prepare(spec, "once", tmp_path / "once", tmp_path / "raw", of=balloons)
    with pytest.raises(NoBoxesToPropose, match=r"'once' .* without proposals"):
        windows(None, store.load(tmp_path / "once"))
