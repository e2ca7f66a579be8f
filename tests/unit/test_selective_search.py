"""Selective search: each similarity by hand, the grouping against a plain one, the order, and the data set."""

import itertools

import numpy as np
import pytest
from skimage.segmentation import felzenszwalb

from archbench.datasets import _grouping, store
from archbench.datasets._grouping import STEEPEST, Regions, derivatives, group, measure
from archbench.datasets._proposals import NoBoxesToPropose
from archbench.datasets.prepare import prepare
from archbench.datasets.selective_search import in_space, search, selective_search

FAST = {"spaces": ("hsv",), "measures": ("CTSF",), "scales": (20.0,)}


def _regions(size, boxes, whole=100.0):
    """Regions of so many pixels in such boxes; their histograms are all alike."""
    same = np.ones((len(size), 1))
    touching = ~np.eye(len(size), dtype=bool)
    return Regions(np.array(size, float), np.array(boxes, float), same, same.copy(), touching, whole)


def _alike(letter, regions, one=0, other=1):
    return float(_grouping.MEASURES[letter](regions, one, np.array([other]))[0])


# Similarities


def test_colors_are_as_alike_as_what_their_histograms_share():
    """A black row, and one of which three pixels of four are black and one is of the middle bin: 0.75 of two channels
    in one of which both are black everywhere, so (0.75 + 1) / 2."""
    picture = np.zeros((2, 4, 2))
    picture[1, 3, 0] = 0.5
    regions = measure(picture, np.array([[0] * 4, [1] * 4]))
    assert regions.color.shape == (2, 2 * 25)
    assert regions.color[1, 0] == pytest.approx(0.375)
    assert regions.color[1, 12] == pytest.approx(0.125)
    assert _alike("C", regions) == pytest.approx(0.875)


def test_the_brightest_pixels_are_in_the_last_bin_of_their_own_channel():
    regions = measure(np.ones((1, 2, 3)), np.array([[0, 0]]))
    assert np.flatnonzero(regions.color[0]).tolist() == [24, 49, 74]


def test_a_ramp_is_steep_where_it_rises():
    """It rises by 0.1 a pixel to the right: that much in direction 0, cos 45 of it to either side, and no more."""
    ramp = np.broadcast_to(0.1 * np.arange(10)[None, :, None], (9, 10, 1))
    steep = derivatives(ramp)[4, 5]
    side = 0.1 * np.sqrt(0.5)
    np.testing.assert_allclose(steep, [0.1, side, 0, 0, 0, 0, 0, side], atol=1e-3)
    down = derivatives(ramp.swapaxes(0, 1))[5, 4]
    np.testing.assert_allclose(down, [0, side, 0.1, side, 0, 0, 0, 0], atol=1e-3)


def test_a_step_is_as_steep_as_bins_go():
    """Beside it, the sum of k times the normal density at k = 1, 2, ...: 0.242 + 2 0.0540 + 3 0.0044 + ... = 0.3638."""
    step = np.zeros((9, 20, 1))
    step[:, 10:] = 1
    assert derivatives(step)[4, :, 0].max() == pytest.approx(0.3638, abs=1e-4)
    assert pytest.approx(0.3989, abs=1e-4) == STEEPEST


def test_textures_are_as_alike_as_what_their_histograms_share():
    """Left a flat half, right a ramp of 0.1 a pixel, in ten bins up to 0.399: bins 2 and twice 1 in place of 0."""
    picture = np.zeros((40, 60, 1))
    picture[:, 30:, 0] = 0.1 * np.arange(30)
    labels = np.zeros((40, 60), int)
    labels[:, 20:40] = 1  # what lies near the fold
    labels[:, 40:55] = 2
    labels[:, 55:] = 3  # what lies near the border
    regions = measure(picture, labels)
    assert regions.texture.shape == (4, 8 * 10)
    assert np.flatnonzero(regions.texture[0]).tolist() == [bins * 10 for bins in range(8)]
    assert np.flatnonzero(regions.texture[2]).tolist() == [2, 11, 20, 30, 40, 50, 60, 71]
    assert _alike("T", regions, 0, 2) == pytest.approx(5 / 8)


def test_small_regions_merge_early():
    assert _alike("S", _regions([3, 5], [(0, 0, 1, 3), (0, 3, 1, 8)])) == pytest.approx(1 - 8 / 100)


def test_regions_that_fill_the_box_around_them_merge_early():
    """4 and 3 pixels in a box of 3 by 5: 8 are left empty."""
    assert _alike("F", _regions([4, 3], [(0, 0, 2, 2), (2, 2, 3, 5)])) == pytest.approx(1 - 8 / 100)


def test_similarities_are_summed_over_the_letters():
    regions = _regions([4, 3], [(0, 0, 2, 2), (2, 2, 3, 5)])
    found = _grouping.similarity(regions, 0, np.array([1]), "CTSF")
    assert found[0] == pytest.approx(1 + 1 + 0.93 + 0.92)
    assert _grouping.similarity(regions, 0, np.array([1]), "S")[0] == pytest.approx(0.93)


# Regions and their grouping


def test_segments_are_measured_and_touch_where_they_share_an_edge():
    labels = np.array([[0, 0, 1], [2, 0, 1], [2, 3, 3]])
    regions = measure(np.zeros((3, 3, 1)), labels)
    assert regions.size.tolist() == [3, 2, 2, 2]
    assert regions.boxes.tolist() == [[0, 0, 2, 2], [0, 2, 2, 3], [1, 0, 3, 1], [2, 1, 3, 3]]
    pairs = {(a, b) for a, b in itertools.combinations(range(4), 2) if regions.touching[a, b]}
    assert pairs == {(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)}
    assert not regions.touching.diagonal().any()
    assert (regions.touching == regions.touching.T).all()


def _plain(picture, labels, measures):
    """Algorithm 1 over sets of pixels; every region is measured from its pixels anew."""
    sets = [np.argwhere(labels == one) for one in range(labels.max() + 1)]
    boxes, steep = [_box(pixels) for pixels in sets], derivatives(picture) / STEEPEST

    def histogram(values, pixels, bins):
        counts = [np.histogram(values[*pixels.T, one], bins, (0, 1))[0] for one in range(values.shape[-1])]
        return np.concatenate(counts) / np.sum(counts)

    def alike(a, b):
        top, left, bottom, right = _box(np.concatenate([a, b]))
        one = {
            "C": np.minimum(histogram(picture, a, 25), histogram(picture, b, 25)).sum(),
            "T": np.minimum(histogram(steep, a, 10), histogram(steep, b, 10)).sum(),
            "S": 1 - (len(a) + len(b)) / labels.size,
            "F": 1 - ((bottom - top) * (right - left) - len(a) - len(b)) / labels.size,
        }
        return sum(one[letter] for letter in measures)

    def touch(a, b):
        return np.abs(a[:, None] - b[None]).sum(axis=-1).min() == 1

    numbered = dict(enumerate(sets))
    while len(numbered) > 1:
        pairs = [pair for pair in itertools.combinations(sorted(numbered), 2) if touch(*(numbered[n] for n in pair))]
        a, b = max(pairs, key=lambda pair: alike(*(numbered[n] for n in pair)))  # the first on a tie
        numbered[a] = np.concatenate([numbered[a], numbered.pop(b)])
        boxes.append(_box(numbered[a]))
    return np.array(boxes)


def _box(pixels):
    return [*pixels.min(axis=0), *(pixels.max(axis=0) + 1)]


@pytest.mark.parametrize("measures", ["CTSF", "TSF", "F", "S"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_regions_are_grouped_as_by_the_plain_algorithm(seed, measures):
    random = np.random.default_rng(seed)
    picture = random.random((9, 11, 2)) ** 2
    rows, columns = np.mgrid[:9, :11]
    seeds = random.uniform(0, 11, (7, 2))  # uneven pieces: every pixel belongs to the nearest of seven points
    nearest = np.argmin((rows[..., None] - seeds[:, 0]) ** 2 + (columns[..., None] - seeds[:, 1]) ** 2, axis=-1)
    labels = np.unique(nearest, return_inverse=True)[1].reshape(nearest.shape)
    found = group(measure(picture, labels), measures)
    assert len(found) == 2 * (labels.max() + 1) - 1
    assert found[-1].tolist() == [0, 0, 9, 11]
    np.testing.assert_array_equal(found, _plain(picture, labels, measures))


def test_a_picture_of_one_segment_has_one_region():
    assert group(measure(np.zeros((3, 4, 3)), np.zeros((3, 4), int)), "CTSF").tolist() == [[0, 0, 3, 4]]


# The search in a picture


def _two_squares(low=30, high=200):
    picture = np.full((48, 64, 3), 90, "uint8")
    picture[6:20, 8:26], picture[24:44, 36:58] = (high, low, low), (low, low, high)
    return picture


def test_what_stands_out_is_found_and_no_box_twice():
    found = search(_two_squares(), **FAST)
    assert found.dtype == "float32"
    assert len(np.unique(found, axis=0)) == len(found)
    rows = {tuple(box) for box in found.tolist()}
    assert {(0, 0, 48, 64), (6, 8, 20, 26), (24, 36, 44, 58)} <= rows


def test_the_top_of_the_hierarchy_is_the_likeliest_but_for_chance(monkeypatch):
    """With the same number for all in place of random ones the strategies take turns, each from the top down."""

    class Ones:
        def random(self, count):
            return np.ones(count)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Ones())
    picture = _two_squares()
    picture[:12, 40:] = (200, 180, 20)
    levels = itertools.zip_longest(*(_hierarchy(picture, space)[::-1].tolist() for space in ("rgb", "hsv")))
    boxes = [tuple(box) for level in levels for box in level if box is not None]
    expected = [list(box) for box in dict.fromkeys(boxes)]
    assert search(picture, ("rgb", "hsv"), ("CTSF",), (20.0,)).tolist() == expected
    assert expected[0] == [0, 0, 48, 64]


def _hierarchy(picture, space):
    seen = in_space(picture, space)
    return group(measure(seen, felzenszwalb(seen, scale=20, sigma=0.8, min_size=20)), "CTSF")


def test_a_picture_and_a_seed_decide_the_order():
    picture = _two_squares()
    first, again, other = search(picture, **FAST), search(picture, **FAST), search(picture, **FAST, seed=1)
    np.testing.assert_array_equal(first, again)
    assert {tuple(box) for box in first.tolist()} == {tuple(box) for box in other.tolist()}
    assert not np.array_equal(first, other)


def test_every_strategy_adds_its_regions():
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype("uint8").repeat(2, 0).repeat(2, 1)[:64, :64]
    alone = {
        tuple(box)
        for space in ("rgb", "lab")
        for measures in ("CTSF", "S")
        for box in search(picture, (space,), (measures,), (40.0,)).tolist()
    }
    together = search(picture, ("rgb", "lab"), ("CTSF", "S"), (40.0,))
    assert {tuple(box) for box in together.tolist()} == alone


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ("rgb", (1, 0.2, 0)),
        ("gray", (0.4,)),
        ("rgi", (1 / 1.2, 0.2 / 1.2, 0.4)),
        ("normalized_rgb", (1 / 1.2, 0.2 / 1.2, 0)),
        ("hsv", (0.2 / 6, 1, 1)),
        ("hue", (0.2 / 6,)),
    ],
)
def test_a_color_in_every_space_by_hand(space, expected):
    found = in_space(np.array([[(255, 51, 0)]], "uint8"), space)
    np.testing.assert_allclose(found[0, 0], expected, atol=1e-6)


def test_lab_lies_between_0_and_1_and_gray_has_no_color():
    colors = np.array([[(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255), (0, 255, 0)]], "uint8")
    found = in_space(colors, "lab")
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found[0, :2], [(0, 128 / 255, 128 / 255), (1, 128 / 255, 128 / 255)], atol=1e-3)


def test_gray_pictures_are_searched_too():
    gray = _two_squares()[..., :1]
    assert (6, 8, 20, 26) in {tuple(box) for box in search(gray, ("rgb",), ("CTSF",), (20.0,)).tolist()}


# The data set


@pytest.fixture(scope="module")
def balloons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "balloons"
    prepare({"name": "balloons", "size": 32, "examples": 12}, "balloons", folder, folder.parent / "raw")
    return store.load(folder)


def test_every_picture_has_its_own_proposals_filled_up_with_zeros(balloons):
    raw = selective_search(None, balloons, **FAST)
    assert set(raw.official) == {"validation", "test"}
    widths = {arrays["proposals"].shape[1:] for arrays in (raw.train, *raw.official.values())}
    assert len(widths) == 1
    for split, arrays in {**raw.official, "train": raw.train}.items():
        assert set(arrays) == {*balloons.splits[split], "proposals"}
        for picture, proposals in zip(balloons.splits[split]["image"][:], arrays["proposals"], strict=True):
            expected = search(picture, **FAST)
            np.testing.assert_array_equal(proposals[: len(expected)], expected)
            assert not proposals[len(expected) :].any()


def test_no_more_proposals_than_asked_for_the_likeliest(balloons):
    few = selective_search(None, balloons, proposals=3, **FAST).train["proposals"]
    assert few.shape[1] == 3
    np.testing.assert_array_equal(few[0], search(balloons.splits["train"]["image"][0], **FAST)[:3])


def test_a_card_tells_what_they_were_made_of_and_with_what(balloons, tmp_path):
    spec = {"name": "selective_search", "spaces": ["hsv"], "measures": ["CTSF"], "scales": [20]}
    cards = [
        prepare({**spec, **options}, f"own{place}", tmp_path / f"own{place}", tmp_path / "raw", of=balloons)
        for place, options in enumerate(({}, {}, {"seed": 1}))
    ]
    assert cards[0].made_from["of_sha256"] == balloons.card.sha256
    assert cards[0].sha256 == cards[1].sha256 != cards[2].sha256
    with pytest.raises(NoBoxesToPropose, match=r"'own0' .* without proposals"):
        selective_search(None, store.load(tmp_path / "own0"))
