"""The spatial pyramid by the paper's numbers, and as what RoI pooling is a level of."""

import numpy as np
import pytest
from keras import ops

from archbench.architectures.network import build_network
from archbench.layers.pyramid_pooling import SpatialPyramidPooling2D, spans
from archbench.layers.roi_pool import roi_pool


@pytest.mark.parametrize(("bins", "window", "stride"), [(3, 5, 4), (2, 7, 6), (1, 13, 13)])
def test_of_13_cells_the_bins_are_the_papers_windows(bins, window, stride):
    """Figure 4 of arXiv:1406.4729: window ceil(13 / n), stride floor(13 / n)."""
    assert spans(13, bins) == [(stride * place, stride * place + window) for place in range(bins)]


def test_the_bins_of_all_grids_by_hand():
    x = np.arange(2 * 3 * 4 * 2, dtype="float32").reshape(2, 3, 4, 2)
    found = ops.convert_to_numpy(SpatialPyramidPooling2D((2, 1))(x))
    # Rows 0 to 1 and 1 to 2, columns 0 to 1 and 2 to 3; the last cell of a bin is its largest.
    cells = [(1, 1), (1, 3), (2, 1), (2, 3), (2, 3)]
    np.testing.assert_array_equal(found, np.concatenate([x[:, row, column] for row, column in cells], axis=1))


def test_of_a_whole_map_it_is_roi_pooling_at_several_sizes():
    x = np.random.default_rng(0).normal(size=(2, 7, 10, 3)).astype("float32")
    whole = np.tile(np.array([0, 0, 7, 10], "float32"), (2, 1, 1))
    grids = [ops.convert_to_numpy(roi_pool([x], whole, side, strides=(1,))).reshape(2, -1) for side in (6, 3, 2, 1)]
    found = ops.convert_to_numpy(SpatialPyramidPooling2D((6, 3, 2, 1))(x))
    np.testing.assert_array_equal(found, np.concatenate(grids, axis=1))


def test_a_map_smaller_than_a_grid_repeats_its_cells():
    x = np.array([[[[1.0], [2.0]]]], "float32")
    found = ops.convert_to_numpy(SpatialPyramidPooling2D((3,))(x)).reshape(3, 3)
    assert found.tolist() == [[1, 2, 2]] * 3


def test_sppnet_has_as_many_weights_for_pictures_of_any_shape():
    options = {"widths": (4, 4, 4, 4, 4), "dense_width": 8, "strides": (1, 1)}
    counts = {
        build_network({"name": "sppnet", **options}, shape, 3).count_params() for shape in [(24, 30, 3), (40, 22, 3)]
    }
    assert len(counts) == 1
