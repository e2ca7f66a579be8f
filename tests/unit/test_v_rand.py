"""The Rand score of regions between borders, held against a count of every pair of pixels."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics.cluster import pair_confusion_matrix

from archbench.metrics.regions import THRESHOLDS, thinned, v_rand


def _pairwise(truth: list[np.ndarray], found: list[np.ndarray]) -> float:
    """By the definition: of all pairs of pixels that truly are inside, one by one; 0 in `found` stands alone."""
    both = true = predicted = 0
    for t, f in zip(truth, found, strict=True):
        t, f = t[t > 0], f[t > 0]
        for one in range(len(t)):
            for other in range(len(t)):
                same = t[one] == t[other]
                together = one == other or (f[one] == f[other] != 0)
                both, true, predicted = both + (same and together), true + same, predicted + together
    return 2 * both / (true + predicted)


def _by_scikit_learn(truth: list[np.ndarray], found: list[np.ndarray]) -> float:
    """Of its ordered pairs of two pixels, and those of a pixel with itself; each pixel on a border is a cluster."""
    both = true = predicted = 0
    for t, f in zip(truth, found, strict=True):
        t, f = t[t > 0], f[t > 0]
        f = np.where(f == 0, -1 - np.arange(len(f)), f)
        (_, only_predicted), (only_true, same) = pair_confusion_matrix(t, f)
        both, true, predicted = both + same + len(t), true + same + only_true + len(t), predicted + same + len(t)
        predicted += only_predicted
    return 2 * both / (true + predicted)


def _scene(seed: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and a probability that agrees with it here and there."""
    random = np.random.default_rng(seed)
    smooth, noise = (ndimage.gaussian_filter(random.normal(size=shape), (0, 1.2, 1.2)) for _ in range(2))
    return smooth > -0.1, 1 / (1 + np.exp(-6 * smooth - 4 * noise))


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_best_over_thresholds_of_all_pairs_counted_one_by_one(seed):
    targets, predictions = _scene(seed, (2, 9, 11))
    truth = [ndimage.label(one)[0] for one in targets]  # scipy's own neighbours: those at the sides
    each = []
    for threshold in THRESHOLDS:
        found = [thinned(ndimage.label(one > threshold)[0]) for one in predictions]
        each.append(_pairwise(truth, found))
        assert each[-1] == pytest.approx(_by_scikit_learn(truth, found))
    assert v_rand(targets, predictions) == pytest.approx(max(each))
    assert len({round(one, 6) for one in each}) > 3  # thresholds matter here


def test_the_true_borders_are_perfect_and_how_wide_they_are_drawn_does_not_matter():
    targets = np.ones((1, 20, 20), "uint8")
    targets[0, 9:11], targets[0, :, 9:11] = 0, 0
    assert v_rand(targets, targets.astype(float)) == 1.0
    wide = targets.astype(float)
    wide[0, 6:14], wide[0, :, 6:14] = 0, 0
    assert v_rand(targets, wide) == 1.0
    open_ = wide.copy()
    open_[0, 6:14, :3] = 1  # a gap joins two of four cells
    assert v_rand(targets, open_) == pytest.approx(2 * 4 * 81**2 / (4 * 81**2 + 6 * 81**2), rel=2e-2)


def test_cells_that_touch_at_a_corner_are_two():
    targets = np.zeros((1, 4, 4), "uint8")
    targets[0, :2, :2], targets[0, 2:, 2:] = 1, 1
    assert v_rand(targets, targets.astype(float)) == 1.0
    assert v_rand(targets, np.ones((1, 4, 4))) == pytest.approx(2 * 32 / (32 + 64))


def test_borders_are_thinned_to_lines_of_one_pixel():
    regions = np.array([[1, 1, 0, 0, 0, 2], [1, 1, 0, 0, 0, 2], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    found = thinned(regions)
    assert (found[regions > 0] == regions[regions > 0]).all()
    assert ((found == 0).sum(axis=1) == 1).all()
    assert thinned(np.array([[1, 0, 0, 2]])).tolist() == [[1, 0, 2, 2]]
    assert thinned(np.array([[1, 1, 0, 0]])).tolist() == [[1, 1, 1, 1]]  # a border of nothing
    assert thinned(np.zeros((2, 3), int)).tolist() == [[0] * 3] * 2


def test_a_split_without_a_pixel_inside_has_no_score():
    assert np.isnan(v_rand(np.zeros((2, 4, 4)), np.ones((2, 4, 4))))
    targets = np.zeros((2, 4, 4))
    targets[1] = 1
    assert v_rand(targets, np.ones((2, 4, 4))) == 1.0  # the first picture counts nothing
