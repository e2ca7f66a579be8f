"""Bilinear interpolation by where cells stand: by hand, by numpy's interpolation of lines, by Keras's resizing."""

from fractions import Fraction

import keras
import numpy as np
import pytest
from keras import ops

from archbench.layers.bilinear import Bilinear
from backend import compiled


def _made(x: np.ndarray, *arguments) -> np.ndarray:
    layer = Bilinear(*arguments)
    return ops.convert_to_numpy(compiled(lambda arrays: layer(arrays["x"]), {"x": x}))


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_a_cell_stands_at_the_multiple_of_the_step():
    x = np.array([0.0, 4.0, 2.0], "float32").reshape(1, 1, 3, 1)
    # 1 after 2 pixels of 8, half-way at 4; past the last cell, at 16, it is repeated
    found = _made(x, 1, 19, 8)[0, 0, :, 0]
    np.testing.assert_allclose(found[[0, 2, 4, 8, 12, 16, 17, 18]], [0, 1, 2, 4, 3, 2, 2, 2], atol=1e-6)


@pytest.mark.parametrize("step", [1, 2, 8, 10.5, 0.5, 0.75])
def test_it_interpolates_rows_and_columns_between_cells(step):
    x = _random(2, 5, 4, 3)
    height, width = round(4 * step) + 1, round(3 * step) + 3
    expected = x
    for axis, made in ((1, height), (2, width)):
        at = np.arange(made) / step
        cells = np.arange(x.shape[axis])
        expected = np.apply_along_axis(lambda line, at=at, cells=cells: np.interp(at, cells, line), axis, expected)
    np.testing.assert_allclose(_made(x, height, width, step), expected, atol=1e-5)


@pytest.mark.parametrize("sides", [(16, 12), (11, 23), (4, 3), (1, 1)])
def test_without_a_step_the_cells_share_the_sides(sides):
    x = _random(2, 4, 3, 2)
    if sides == (1, 1):
        x = x[:, :1, :1]
    expected = ops.image.resize(x, sides, interpolation="bilinear")
    np.testing.assert_allclose(_made(x, *sides, None), ops.convert_to_numpy(expected), atol=1e-5)


def test_a_single_cell_is_everywhere():
    x = _random(1, 1, 1, 2)
    np.testing.assert_array_equal(_made(x, 3, 5, 16), np.broadcast_to(x, (1, 3, 5, 2)))


def test_it_says_what_it_sees_and_is_saved_with_its_arguments():
    layer = Bilinear(32, 33, 8)
    layer(np.zeros((1, 4, 5, 1), "float32"))
    assert layer.window() == [(2, Fraction(1, 8)), (2, Fraction(5, 33))]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (again.height, again.width, again.step) == (32, 33, 8)
