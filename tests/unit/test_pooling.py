"""A border never wins a maximum, and sides round as in Torch or in Caffe: by hand, in plain Python, in PyTorch."""

from itertools import product

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures import ARCHITECTURES
from archbench.architectures.network import load_network, outline
from archbench.layers.pooling import LowestPadding2D, max_pool, max_pool_ceil
from backend import compiled, gradient
from references import reference

HALF = {"float16": -65504.0, "bfloat16": -3.3895314e38, "float32": -3.4028235e38}
"""The lowest finite number of a type."""
BORDERED, CEIL = [(3, 2, 1), (2, 2, 1), (3, 1, 1)], [(3, 2), (2, 2), (3, 3), (2, 1)]
SIDES = [(2, 3), (4, 5), (6, 9), (7, 7), (8, 11)]


def _negative(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).uniform(-9, -1, (2, height, width, 3)).astype("float32")


def _maxima(x: np.ndarray, size: int, stride: int, border: int, ceil: bool) -> np.ndarray:
    """Caffe's loops: the output's sides, and of each window the part that lies in the map."""
    sides = x.shape[1:3]
    many = [(side + 2 * border - size + (stride - 1 if ceil else 0)) // stride + 1 for side in sides]
    if ceil:  # the last window begins inside of the map or of the border before it
        many = [n - 1 if (n - 1) * stride >= side + border else n for n, side in zip(many, sides, strict=True)]
    y = np.empty((x.shape[0], *many, x.shape[-1]), x.dtype)
    for row, column in product(*map(range, many)):
        top, left = row * stride - border, column * stride - border
        y[:, row, column] = x[:, max(0, top) : top + size, max(0, left) : left + size].max((1, 2))
    return y


def test_by_hand():
    x = -np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "float32").reshape(1, 3, 3, 1)
    bordered = ops.convert_to_numpy(max_pool(x, 3, 2, border=1))[0, ..., 0]
    # windows of rows and columns 1 to 2 and 2 to 3: the border of zeros would have won all four
    np.testing.assert_array_equal(bordered, [[-1, -2], [-4, -5]])
    wide = -np.arange(1, 17, dtype="float32").reshape(1, 4, 4, 1)
    # ceil((4 - 3) / 2) + 1 = 2: rows 1 to 3, and rows 3 to 4, which are cut off
    np.testing.assert_array_equal(ops.convert_to_numpy(max_pool_ceil(wide, 3, 2))[0, ..., 0], [[-1, -3], [-9, -11]])
    # ceil((3 - 2) / 2) + 1 = 2: the last row stands alone
    np.testing.assert_array_equal(ops.convert_to_numpy(max_pool_ceil(x, 2, 2))[0, ..., 0], [[-1, -3], [-7, -9]])


@pytest.mark.parametrize(("size", "stride", "border"), BORDERED)
def test_a_border_as_in_plain_python(size, stride, border):
    for sides in SIDES:
        x = _negative(*sides)
        expected = _maxima(x, size, stride, border, ceil=False)
        np.testing.assert_array_equal(ops.convert_to_numpy(max_pool(x, size, stride, border)), expected)


@pytest.mark.parametrize(("size", "stride"), CEIL)
def test_rounding_up_as_in_plain_python(size, stride):
    for sides in SIDES:
        x = _negative(*sides)
        if min(sides) + stride > size:
            expected = _maxima(x, size, stride, 0, ceil=True)
            np.testing.assert_array_equal(ops.convert_to_numpy(max_pool_ceil(x, size, stride)), expected)


def test_pytorch_has_the_same_maxima():
    given, found = {}, {}
    for sides in SIDES:
        x = _negative(*sides)
        for size, stride, border in BORDERED:
            name = f"{size} {stride} {border} 0 {sides}"
            given[name], found[name] = x, max_pool(x, size, stride, border)
        for size, stride in (pair for pair in CEIL if min(sides) >= pair[0]):
            name = f"{size} {stride} 0 1 {sides}"
            given[name], found[name] = x, max_pool_ceil(x, size, stride)
    c3d = outline({"name": "c3d", "convs": (1, 1)}, (4, 8, 8, 1), 2)
    (pool,) = (layer for layer in c3d.layers if getattr(layer, "pool_size", None) == (2, 2, 2))
    for frames, side in ((2, 7), (3, 5), (4, 6)):
        name = f"2 2 0 1 {frames}"
        given[name] = np.random.default_rng(0).uniform(-9, -1, (2, frames, side, side + 1, 3)).astype("float32")
        found[name] = pool(given[name])
    made = reference("max_pool", **{name: np.moveaxis(x, -1, 1) for name, x in given.items()})
    assert len(made) == len(given) > 30
    for name, y in found.items():
        np.testing.assert_array_equal(np.moveaxis(ops.convert_to_numpy(y), -1, 1), made[name], err_msg=name)


@pytest.mark.parametrize("dtype", HALF)
def test_the_border_loses_to_the_lowest_number_of_every_precision_also_compiled(dtype):
    lowest = HALF[dtype]

    def pooled(arrays):
        x = ops.cast(arrays["x"], dtype)
        return [ops.cast(max_pool(x, 3, 2, border=1), "float32"), ops.cast(max_pool_ceil(x, 3, 2), "float32")]

    for maxima in compiled(pooled, {"x": np.full((1, 4, 5, 2), lowest, "float32")}):
        np.testing.assert_allclose(maxima, lowest, rtol=1e-6)


@pytest.mark.parametrize("dtype", HALF)
def test_gradients_are_finite_and_all_of_them_reach_the_map(dtype):
    """As many ones as there are windows: 2 by 3 and 2 by 2 of a 4 by 5 map."""
    x = np.random.default_rng(0).uniform(-9, -1, (1, 4, 5, 1)).astype("float32")
    for pool, windows in ((lambda x: max_pool(x, 3, 2, border=1), 6), (lambda x: max_pool_ceil(x, 3, 2), 4)):
        found = gradient(lambda x, pool=pool: ops.sum(ops.cast(pool(ops.cast(x, dtype)), "float32")), x)
        assert np.isfinite(found).all()
        assert found.sum() == windows


def test_a_border_survives_saving_in_safe_mode(tmp_path):
    inputs = keras.Input((5, 4, 2))
    keras.Model(inputs, max_pool_ceil(max_pool(inputs, 3, 2, border=1), 2, 2)).save(tmp_path / "net.keras")
    x = _negative(5, 4)[..., :2]
    again = ops.convert_to_numpy(load_network(tmp_path / "net.keras")(x))
    np.testing.assert_array_equal(again, ops.convert_to_numpy(max_pool_ceil(max_pool(x, 3, 2, border=1), 2, 2)))


@pytest.mark.parametrize("entry", list(ARCHITECTURES), ids=lambda entry: entry.name)
def test_no_net_pools_a_border_of_zeros(entry):
    outputs = entry.facts["smoke_input"][-1] if entry.facts["task"] == "reconstruction" else 3
    for layer in outline({"name": entry.name, **entry.facts["smoke"]}, entry.facts["smoke_input"], outputs).layers:
        if isinstance(layer, layers.MaxPooling2D | layers.MaxPooling3D | layers.AveragePooling2D):
            made_by = layer.input._keras_history.operation
            zeros = isinstance(made_by, layers.ZeroPadding2D | layers.ZeroPadding3D)
            assert not zeros or isinstance(made_by, LowestPadding2D), f"{entry.name}: {layer.name}"
