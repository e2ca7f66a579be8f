"""C3D and the moving digits: the paper's shapes, and a class that no single frame tells."""

from itertools import pairwise

import numpy as np
import pytest
from keras import layers
from sklearn.linear_model import LogisticRegression

from archbench.architectures.network import outline
from archbench.architectures.profile import profile
from archbench.datasets import DATASETS
from archbench.errors import UserError

STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def test_the_papers_video_becomes_8192_numbers():
    network = outline("c3d", (16, 112, 112, 3), 487)
    pooled = [tuple(layer.output.shape[1:4]) for layer in network.layers if isinstance(layer, layers.MaxPooling3D)]
    assert pooled == [(16, 56, 56), (8, 28, 28), (4, 14, 14), (2, 7, 7), (1, 4, 4)]
    dense = [tuple(layer.kernel.shape) for layer in network.layers if isinstance(layer, layers.Dense)]
    assert dense == [(8192, 4096), (4096, 4096), (4096, 487)]


def test_multiply_adds_by_hand():
    sites = [(16 * 112 * 112, 3, 64), (16 * 56 * 56, 64, 128), (8 * 28 * 28, 128, 256), (8 * 28 * 28, 256, 256)]
    sites += [(4 * 14 * 14, 256, 512), (4 * 14 * 14, 512, 512), *[(2 * 7 * 7, 512, 512)] * 2]
    dense = 8192 * 4096 + 4096 * 4096 + 4096 * 487
    expected = sum(places * 27 * inputs * outputs for places, inputs, outputs in sites) + dense
    assert profile(outline("c3d", (16, 112, 112, 3), 487)).multiply_adds == expected


@pytest.mark.parametrize(("convs", "message"), [((), "at least 1 item"), ((1,) * 6, "It may have 1 to 5")])
def test_impossible_stages_are_answered(convs, message):
    with pytest.raises(UserError, match=message):
        outline({"name": "c3d", "convs": convs}, (32, 32, 32, 1), 4)


def test_a_short_video_is_answered():
    with pytest.raises(UserError, match="at least 16 frames and pixels a side, and was given 8"):
        outline("c3d", (8, 112, 112, 3), 4)
    with pytest.raises(UserError, match=r"c3d reads videos of shape \(frame, height, width, channel\)"):
        outline("c3d", (112, 112, 3), 4)


# Moving digits


@pytest.fixture(scope="module")
def moving():
    return DATASETS.build({"name": "moving_digits", "examples": 1200}, None)


def test_the_label_is_the_direction_of_every_step(moving):
    assert moving.class_names == tuple(STEPS)
    assert np.bincount(moving.train["label"]).tolist() == [300] * 4
    speeds = []
    for video, label in zip(moving.train["video"], moving.train["label"], strict=True):
        step = np.array(STEPS[moving.class_names[label]])
        speed = [s for s in (1, 2) if all((np.roll(a, s * step, (0, 1)) == b).all() for a, b in pairwise(video))]
        speeds += speed
        assert len(speed) == 1
    assert 0.4 < np.mean(np.array(speeds) == 1) < 0.6


def test_videos_of_one_digit_are_one_group(moving):
    """Every first frame, moved back to where the digit is whole, is the digit of its group's number."""
    digits = DATASETS.build({"name": "digits", "size": 8}, None).train["image"]
    for video, group in zip(moving.train["video"][:200], moving.train["group"], strict=False):
        canvas = np.pad(digits[group], ((0, 8), (0, 8), (0, 0)))
        assert any((np.roll(canvas, (y, x), (0, 1)) == video[0]).all() for y in range(16) for x in range(16))
    assert np.bincount(moving.train["group"]).max() > 1  # 1,200 videos of 1,797 digits


@pytest.mark.parametrize(("frames", "most"), [(slice(0, 1), 0.33), (slice(4, 5), 0.33), (slice(None), 0.45)])
def test_a_frame_tells_nothing_and_all_of_them_little_without_motion(moving, frames, most):
    """Chance is 0.25, its deviation here 0.025; weights on all frames tell an axis from the other at best, 0.5."""
    x = moving.train["video"][:, frames].reshape(1200, -1) / 255
    label = moving.train["label"]
    classifier = LogisticRegression(C=0.01, max_iter=100).fit(x[:900], label[:900])
    assert classifier.score(x[900:], label[900:]) < most


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 1}, "frames cannot be 1. .* greater than or equal to 2"),
        ({"most_pixels": 5}, "most_pixels .* from 1 to 4"),
    ],
)
def test_impossible_motions_are_answered(options, message):
    with pytest.raises(UserError, match=message):
        DATASETS.build({"name": "moving_digits", **options}, None)
