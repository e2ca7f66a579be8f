"""Augmentations of colors and of labels: right by other libraries and by hand, and refused where they cannot be."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image, ImageEnhance
from scipy import stats

from archbench.augmentations import AUGMENTATIONS
from archbench.augmentations.color import covered, recolored
from archbench.augmentations.mixing import blended
from archbench.errors import UserError
from augmented import COUNT, arrays_of, batch_of, box_around, build, card_of, run, tensors

LABELS = ("mixup", "label_smoothing")


def _photo() -> np.ndarray:
    return np.random.default_rng(2).integers(40, 160, (1, 9, 7, 3)).astype("uint8")


@pytest.mark.parametrize(
    ("enhance", "factors"),
    [
        (ImageEnhance.Brightness, (1.3, 1.0, 1.0)),
        (ImageEnhance.Contrast, (1.0, 0.6, 1.0)),
        (ImageEnhance.Color, (1.0, 1.0, 0.4)),
    ],
)
def test_colors_equal_pillow(enhance, factors):
    expected = np.asarray(enhance(Image.fromarray(_photo()[0])).enhance(max(factors, key=lambda f: abs(f - 1))))
    image = ops.convert_to_tensor(_photo().astype("float32"))
    found = ops.convert_to_numpy(recolored(image, *(np.float32([factor]) for factor in factors)))[0]
    assert np.abs(found - expected).max() <= 1.5  # Pillow rounds gray, and cuts off what follows the point


def test_the_contrast_of_a_picture_is_its_own():
    """The mean gray around which contrast stretches is not that of the batch."""
    pair = np.concatenate([_photo(), _photo() + 60]).astype("float32")
    factors = [np.float32([1, 1]), np.float32([0.5, 1.5]), np.float32([1, 1])]
    together = ops.convert_to_numpy(recolored(ops.convert_to_tensor(pair), *factors))
    for number in range(2):
        alone = recolored(ops.convert_to_tensor(pair[number : number + 1]), *(f[number : number + 1] for f in factors))
        np.testing.assert_allclose(together[number], ops.convert_to_numpy(alone)[0], rtol=1e-5)


def test_colors_of_whole_numbers_end_at_255():
    image = np.full((50, 4, 4, 1), 250, "uint8")
    changed = run("color", {"image": image}, 0, brightness=0.5)["image"]
    assert changed.max() == 255
    assert changed.min() < 200


def test_color_strength_zero_changes_nothing():
    changed = run("color", {"image": _photo()}, 0, brightness=0.0, contrast=0.0, saturation=0.0)
    assert (changed["image"] == _photo()).all()


def test_color_of_other_channels_is_refused():
    with pytest.raises(UserError, match="'toy' have 4 channels"):
        build("color", {"image": np.zeros((2, 5, 5, 4), "uint8")})


def test_cutout_covers_whole_squares_with_the_mean():
    image = np.random.default_rng(3).integers(0, 256, (300, 10, 8, 3)).astype("uint8")
    changed = run("cutout", {"image": image}, 0, pixels=4)["image"]
    mean = np.round(image.mean(axis=(0, 1, 2))).astype("uint8")
    sizes = set()
    for before, after in zip(image, changed, strict=True):
        hidden = (after == mean).all(axis=-1)
        assert (before[~hidden] == after[~hidden]).all()
        top, left, bottom, right = box_around(hidden)
        assert hidden[top:bottom, left:right].all()
        sizes.add((bottom - top, right - left))
    assert sizes == {(height, width) for height in (2, 3, 4) for width in (2, 3, 4)}  # cut by the border


def test_cutout_by_hand():
    image = np.ones((1, 5, 5, 1), "float32")
    found = ops.convert_to_numpy(covered(ops.convert_to_tensor(image), np.array([1]), np.array([4]), 2, [0.0]))
    assert np.argwhere(found[0, ..., 0] == 0).tolist() == [[0, 3], [0, 4], [1, 3], [1, 4]]


# --- labels


def test_mixup_blends_pictures_and_labels_by_one_share():
    batch = {"image": batch_of()["image"], "label": np.arange(COUNT, dtype="int32")}
    batch["image"] = np.random.default_rng(4).integers(0, 256, batch["image"].shape).astype("uint8")
    changed = run("mixup", batch, 0, alpha=1.0)
    assert changed["image"].dtype == changed["label"].dtype == "float32"
    assert changed["label"].sum(axis=1) == pytest.approx(np.ones(COUNT))
    partners = []
    for example, share in enumerate(changed["label"][np.arange(COUNT), np.arange(COUNT)]):
        others = np.flatnonzero(changed["label"][example])
        other = next((number for number in others if number != example), example)
        expected = share * batch["image"][example].astype(float) + (1 - share) * batch["image"][other]
        np.testing.assert_allclose(changed["image"][example], expected, atol=0.01)
        partners.append(other)
    assert sorted(partners) == list(range(COUNT))


def test_mixup_by_hand():
    batch = {"image": np.array([[0.0], [10.0]]), "label": np.eye(2)}
    found = arrays_of(blended(tensors(batch), "image", np.array([1, 0]), np.array([0.75, 0.5], "float32")))
    assert found["image"].tolist() == [[2.5], [5.0]]
    assert found["label"].tolist() == [[0.75, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize("alpha", [0.2, 2.0])
def test_mixup_shares_follow_the_beta_distribution(alpha):
    batch = {"features": np.zeros((3000, 1), "float32"), "label": np.zeros(3000, "int32")}
    batch["features"][:1500] = 1
    batch["label"] = np.repeat([1, 0], 1500).astype("int32")
    changed = AUGMENTATIONS.build({"name": "mixup", "alpha": alpha}, card_of(batch, 2))(
        tensors(batch), keras.random.SeedGenerator(0)
    )
    share = ops.convert_to_numpy(changed["features"])[:1500, 0]
    mixed = share[share < 1]  # with a partner of the other class; the share of 1 may come of rounding or of its own
    expected = stats.beta(alpha, alpha)
    assert 600 < len(mixed) < 900
    assert stats.kstest(mixed, lambda x: expected.cdf(x)).statistic < 0.12
    assert ops.convert_to_numpy(changed["label"])[:1500, 1] == pytest.approx(share)


def test_label_smoothing_by_hand():
    batch = {"features": np.zeros((2, 3), "float32"), "label": np.array([0, 3], "int32")}
    apply = AUGMENTATIONS.build({"name": "label_smoothing", "epsilon": 0.2}, card_of(batch, 4))
    changed = arrays_of(apply(tensors(batch), keras.random.SeedGenerator(0)))
    assert changed["label"] == pytest.approx(np.array([[0.85, 0.05, 0.05, 0.05], [0.05, 0.05, 0.05, 0.85]]))


def test_smoothing_after_mixing():
    batch = {"image": batch_of()["image"], "label": np.arange(COUNT, dtype="int32")}
    mixed = run("mixup", batch, 1)
    both = run("label_smoothing", {**batch, "label": mixed["label"]}, 1, epsilon=0.1)
    assert both["label"] == pytest.approx(0.9 * mixed["label"] + 0.1 / COUNT)


@pytest.mark.parametrize("name", LABELS)
def test_data_without_classes_are_refused(name):
    image = np.zeros((2, 4, 4, 1), "uint8")
    with pytest.raises(UserError, match="'toy' has none"):
        build(name, {"image": image})
    with pytest.raises(UserError, match="'toy' has none"):
        AUGMENTATIONS.build(name, card_of({"image": image, "label": np.zeros(2, "int32")}, classes=0))


def test_mixing_symbols_is_refused():
    batch = {"sequence": np.zeros((2, 5, 1), "int32"), "label": np.zeros(2, "int32")}
    with pytest.raises(UserError, match="the sequence of 'toy' holds symbols"):
        build("mixup", batch)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"name": "flip", "probability": 1.5}, "probability cannot be 1.5"),
        ({"name": "shift", "pixels": 0}, "pixels cannot be 0"),
        ({"name": "rotation", "degrees": 0.0}, "degrees cannot be 0.0"),
        ({"name": "rotation", "degrees": 200.0}, "degrees cannot be 200.0"),
        ({"name": "scale", "factors": [1.2, 0.8]}, r"low <= high, and are \[1.2, 0.8\]"),
        ({"name": "scale", "factors": [0.0, 1.0]}, "At place 1: Input should be greater than 0"),
        ({"name": "scale", "factors": [1.0]}, "factors cannot be"),
        ({"name": "affine", "shear": 1.0}, "shear cannot be 1.0"),
        ({"name": "affine", "factors": [1.2, 0.8]}, r"low <= high, and are \[1.2, 0.8\]"),
        ({"name": "crop", "area": 0.0}, "area cannot be 0.0"),
        ({"name": "crop", "aspect": 0.5}, "aspect cannot be 0.5"),
        ({"name": "color", "contrast": 1.1}, "contrast cannot be 1.1"),
        ({"name": "cutout", "pixels": -3}, "pixels cannot be -3"),
        ({"name": "mixup", "alpha": 0.0}, "alpha cannot be 0.0"),
        ({"name": "label_smoothing", "epsilon": 1.0}, "epsilon cannot be 1.0"),
    ],
)
def test_numbers_that_make_no_change_are_refused_when_params_are_read(spec, says):
    with pytest.raises(UserError, match=says):
        AUGMENTATIONS.resolve(spec)


def test_a_cutout_larger_than_the_picture_is_refused():
    with pytest.raises(
        UserError, match=r"square of 13 pixels, but pictures of 'toy' are 12 x 16\. Set pixels to at most"
    ):
        build("cutout", batch_of(), pixels=13)
