"""Enlargement by a transposed convolution: bilinear where nothing is learnt, and where learning starts."""

import keras
import numpy as np
from keras import ops

from archbench.blocks.upsample import BilinearKernel, upsample
from archbench.parts import Parts


def _enlarged(x, factor, parts=None):
    inputs = keras.Input(x.shape[1:])
    return ops.convert_to_numpy(keras.Model(inputs, upsample(inputs, factor, parts))(x))


def test_the_kernel_of_an_enlargement_by_two_by_hand():
    kernel = ops.convert_to_numpy(BilinearKernel()((4, 4, 2, 2)))
    np.testing.assert_array_equal(kernel[:, :, 0, 0], np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25]))
    assert not kernel[:, :, 0, 1].any()
    assert not kernel[:, :, 1, 0].any()


def test_an_odd_window_has_its_peak_in_the_middle():
    np.testing.assert_array_equal(ops.convert_to_numpy(BilinearKernel()((3, 1, 1, 1)))[:, 0, 0, 0], [0.5, 1, 0.5])


def test_an_enlarged_map_is_interpolated_bilinearly():
    """As by resizing, but for the rim, where what lies outside of the map is 0."""
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")
    for factor in (2, 4, 8):
        half = factor // 2
        expected = ops.convert_to_numpy(ops.image.resize(x, (5 * factor, 4 * factor), "bilinear"))
        found = _enlarged(x, factor)
        assert found.shape == (2, factor * 6, factor * 5, 3)
        inside = found[:, half:-half, half:-half]
        np.testing.assert_allclose(inside[:, half:-half, half:-half], expected[:, half:-half, half:-half], atol=1e-5)
        assert (np.abs(found[:, 0]) < np.abs(inside[:, half]).max() / factor).all()


def test_what_stays_as_it_is_has_nothing_to_train():
    inputs = keras.Input((4, 4, 2))
    for parts, count in ((None, 0), (Parts(), 1)):
        model = keras.Model(inputs, upsample(inputs, 2, parts))
        assert len(model.trainable_weights) == count
        np.testing.assert_array_equal(model.weights[0], BilinearKernel()((4, 4, 2, 2)))
