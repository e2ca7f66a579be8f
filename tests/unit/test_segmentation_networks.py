"""What the papers say of FCN, U-Net and FC-DenseNet beside their counts and their order."""

from itertools import groupby

import keras
import numpy as np
import pytest
from keras import layers, ops

from archbench.architectures.network import build_network, outline
from archbench.errors import UserError
from formula_weights import formula_weights

TIRAMISU = [112, 192, 304, 464, 656, 896, 1088, 816, 576, 384, 256]
"""Maps after each dense block of FC-DenseNet103: the authors' code; table 2 of the paper prints four of them wrong."""


def test_the_maps_of_fc_densenet103_are_its_authors():
    """A block's last layer reads all but the 16 maps that it adds."""
    model = outline("fc_densenet103", (224, 224, 3), 11)
    read = [
        (one.output.shape[1], one.input.shape[-1])
        for one in model.operations
        if isinstance(one, layers.Conv2D) and not isinstance(one, layers.Conv2DTranspose) and one.kernel_size == (3, 3)
    ]
    blocks = [list(of_one_side) for _, of_one_side in groupby(read[1:], key=lambda pair: pair[0])]
    assert [block[0][0] for block in blocks] == [224, 112, 56, 28, 14, 7, 14, 28, 56, 112, 224]
    assert [block[-1][1] + 16 for block in blocks] == TIRAMISU
    assert [len(block) for block in blocks] == [4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4]


@pytest.mark.parametrize("side", [32, 45, 63])
def test_fc_densenet_reads_sides_that_halvings_leave_a_remainder_of(side):
    assert outline("fc_densenet56", (side, side + 1, 3), 11).output.shape == (None, side, side + 1, 11)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("name", ["fcn32s", "fcn16s", "fcn8s"])
def test_fcn_maps_a_picture_of_any_size(name, padding):
    for shape in ((1, 1, 3), (31, 64, 1), (65, 97, 3)):
        spec = {"name": name, "width": 1, "dense_width": 1, "padding": padding}
        assert outline(spec, shape, 4).output.shape == (None, *shape[:2], 4)


@pytest.mark.parametrize("window", [1, 2, 3, 5])
def test_fcn_maps_pictures_with_other_windows(window):
    for side in (33, 64, 70):
        spec = {"name": "fcn8s", "width": 1, "dense_width": 1, "window": window}
        assert outline(spec, (side, side, 3), 4).output.shape == (None, side, side, 4)


def test_fcn_shows_its_picture_and_not_a_place_beside_it():
    """With mirrored kernels a mirrored picture has the mirrored map."""
    spec = {"name": "fcn8s", "convs": [1, 1, 1], "width": 2, "dense_width": 4, "window": 3, "padding": "same"}
    model = build_network(spec, (24, 24, 1), 2, {"dropout": None})
    formula_weights(model)
    mirrored = build_network(spec, (24, 24, 1), 2, {"dropout": None})
    mirrored.set_weights([w[:, ::-1] if w.ndim == 4 else w for w in model.get_weights()])
    x = np.random.default_rng(0).normal(size=(1, 24, 24, 1)).astype("float32")
    there, back = (ops.convert_to_numpy(one) for one in (model(x), mirrored(x[:, :, ::-1])))
    np.testing.assert_allclose(there, back[:, :, ::-1], atol=1e-4 * np.abs(there).max())


def test_the_scores_of_fcn_start_at_zero():
    model = build_network({"name": "fcn8s", "convs": [1, 1, 1], "width": 2, "dense_width": 4}, (20, 20, 3), 5)
    scores = [layer for layer in model.layers if type(layer) is layers.Conv2D and layer.filters == 5]
    assert len(scores) == 3
    assert not any(np.any(weight) for layer in scores for weight in layer.get_weights())
    assert all(np.any(layer.get_weights()[0]) for layer in model.layers if layer.weights and layer not in scores)


def test_what_enlarges_the_scores_of_fcn_learns_by_two_and_at_the_end_never():
    for learn, count in ((False, 0), (True, 2)):
        spec = {"name": "fcn8s", "convs": [1, 1, 1], "width": 2, "dense_width": 4, "learn_upsampling": learn}
        model = outline(spec, (20, 20, 3), 5)
        ups = [layer for layer in model.layers if isinstance(layer, layers.Conv2DTranspose)]
        assert [len(layer.trainable_weights) for layer in ups] == [int(learn), int(learn), 0]
        assert sum(len(layer.trainable_weights) for layer in ups) == count


def test_more_skips_than_fcn_has_stages_for_are_refused():
    with pytest.raises(UserError, match=r"skips is 3\. It must be 0 to 2"):
        outline({"name": "fcn8s", "skips": 3, "convs": [1, 1, 1]}, (20, 20, 3), 5)


@pytest.mark.parametrize("shape", [(64, 64, 1), (49, 53, 3), (60, 71, 1)])
def test_a_mirrored_unet_is_a_valid_one_on_the_mirrored_image(shape):
    """By a wide border of mirror images, of whose map the centre is shown."""
    spec = {"name": "unet", "width": 2, "depth": 3}
    mirrored = build_network({**spec, "padding": "mirror"}, shape, 2)
    formula_weights(mirrored)
    assert mirrored.output.shape == (None, *shape[:2], 2)
    x = np.random.default_rng(0).normal(size=(1, *shape)).astype("float32")
    borders, cuts = [], []
    for side in shape[:2]:  # inputs of depth 3 are 4 more than a multiple of 8, and maps 88 pixels smaller
        whole = next(n for n in range(side + 88, side + 96) if n % 8 == 4)
        borders.append(((whole - side) // 2, whole - side - (whole - side) // 2))
        cuts.append((whole - 88 - side) // 2)
    wide = np.pad(x, [(0, 0), *borders, (0, 0)], mode="reflect")
    valid = build_network(spec, wide.shape[1:], 2)
    valid.set_weights(mirrored.get_weights())
    whole = ops.convert_to_numpy(valid(wide))
    expected = whole[:, cuts[0] : cuts[0] + shape[0], cuts[1] : cuts[1] + shape[1]]
    np.testing.assert_allclose(ops.convert_to_numpy(mirrored(x)), expected, atol=1e-5 * np.abs(expected).max())


def test_512_pixels_that_are_mirrored_are_read_as_700():
    """The slices of ISBI 2012: valid convolutions make 516 of 700, which is the next size that halves four times."""
    model = outline({"name": "unet", "padding": "mirror"}, (512, 512, 1), 2)
    assert model.output.shape == (None, 512, 512, 2)
    assert next(one.output.shape[1] for one in model.operations if type(one).__name__ == "Pad") == 700


def test_tiles_that_overlap_give_the_map_of_the_whole_image():
    """Figure 2 of Ronneberger et al.: what a valid net says of a place hangs on its own surroundings alone."""
    spec = {"name": "unet", "width": 2, "depth": 2}
    whole, tile = build_network(spec, (76, 60, 1), 2), build_network(spec, (60, 60, 1), 2)
    formula_weights(whole)
    tile.set_weights(whole.get_weights())
    x = np.random.default_rng(0).normal(size=(1, 76, 60, 1)).astype("float32")
    parts = [ops.convert_to_numpy(tile(x[:, top : top + 60])) for top in (0, 16)]
    expected = ops.convert_to_numpy(whole(x))
    assert expected.shape == (1, 36, 20, 2)
    for part, top in zip(parts, (0, 16), strict=True):
        np.testing.assert_allclose(part, expected[:, top : top + 20], atol=1e-5 * np.abs(expected).max())


def test_a_mirrored_unet_is_saved_and_loaded(tmp_path):
    model = build_network({"name": "unet", "width": 2, "depth": 1, "padding": "mirror"}, (16, 18, 1), 2)
    model.save(tmp_path / "unet.keras")
    x = np.random.default_rng(0).normal(size=(1, 16, 18, 1)).astype("float32")
    loaded = keras.saving.load_model(tmp_path / "unet.keras", safe_mode=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(model(x)))
