"""Every augmentation: the picture moves, and its mask, boxes and landmarks are still where the object is."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from scipy import ndimage, stats

from archbench.augmentations import AUGMENTATIONS
from archbench.augmentations.affine import about_centre, turn, warp
from archbench.augmentations.build import build_augmentation
from archbench.errors import UserError
from augmented import (
    BOXES,
    COUNT,
    ENTRIES,
    HEIGHT,
    WIDTH,
    arrays_of,
    batch_of,
    box_around,
    build,
    card_of,
    moved_pictures,
    run,
    tensors,
)
from backend import compiled

WHOLE_PIXELS, BETWEEN_PIXELS = ("flip", "shift"), ("rotation", "scale", "crop", "affine")
UNMOVED, LABELS = ("color", "cutout"), ("mixup", "label_smoothing")
DEFORMED = ("elastic",)
"""Where boxes are no boxes any more; `test_elastic.py` tells how masks follow."""
PICTURES = (*WHOLE_PIXELS, *BETWEEN_PIXELS, *DEFORMED, *UNMOVED)


def _assert_all_followed(batch: dict, changed: dict) -> None:
    assert 0 < moved_pictures(batch, changed).sum() < COUNT  # both outcomes, and each example its own
    for example in range(COUNT):
        image = changed["image"][example]
        for number in range(len(BOXES)):
            here = changed["instances"][example] == number + 1
            assert ((image[..., 0] // 50 == number + 1) | (image[..., 0] == 200 + number))[here].all()
            assert (changed["mask"][example] == number + 1)[here].all()
            assert tuple(changed["boxes"][example, number]) == box_around(here)
            y, x = changed["landmarks"][example, number, 0]
            if 0 <= y < HEIGHT and 0 <= x < WIDTH:
                assert image[int(y), int(x), 0] == 200 + number
        assert not image[changed["instances"][example] == 0].any()
    assert not changed["boxes"][:, 2].any()
    assert not changed["landmarks"][:, 2].any()


def test_every_augmentation_is_of_a_kind_that_is_tried():
    assert set(ENTRIES) == {*PICTURES, *LABELS}
    assert {name for name in ENTRIES if "tasks" in ENTRIES[name].facts} == set(LABELS)


STRONG = {
    "shift": {"pixels": 8},
    "rotation": {"degrees": 180.0},
    "scale": {"factors": [1.0, 4.0]},
    "crop": {"area": 0.05},
    "affine": {"pixels": 8.0, "probability": 1.0},
    "elastic": {"pixels": 10.0},
    "cutout": {"pixels": 12},
}


@pytest.mark.parametrize("name", PICTURES)
def test_what_can_lose_an_object_says_that_it_spoils_labels_of_all_objects(name):
    """At its strongest: what is moved outside, or covered, is not seen any more."""
    batch = {**batch_of(300), "singles": batch_of(300)["image"][:, None]}
    batch["instances"][batch["instances"] == 2] = 0
    batch["instances"][:, 5:8, 14:16], batch["boxes"][:, 1] = 2, (5, 14, 8, 16)  # where a turn takes it outside, too
    changed = run(name, batch, 7, **STRONG.get(name, {}))
    seen = changed["instances"]
    if name == "cutout":
        seen = np.where((changed["image"] != batch["image"]).any(axis=-1), 0, seen)
    count = sum((seen == number + 1).any(axis=(1, 2)).astype(int) for number in range(len(BOXES)))
    boxed = (changed["box_label"] >= 0).sum(axis=1)
    spoils = ENTRIES[name].facts["spoils"]
    lost = bool((count < len(BOXES)).any())
    assert lost == ("count" in spoils) == ("present" in spoils)
    assert (boxed > count).mean() < 0.1 or "boxes" in spoils  # slivers of under a pixel apart
    assert (changed["singles"] == batch["singles"]).all()
    assert "singles" in spoils


@pytest.mark.parametrize("name", WHOLE_PIXELS)
def test_everything_follows_the_picture(name):
    batch = batch_of()
    _assert_all_followed(batch, run(name, batch, seed=1))


@pytest.mark.parametrize("name", WHOLE_PIXELS)
def test_everything_follows_in_a_compiled_program(name):
    batch = batch_of()
    changed, again = (compiled(build(name, batch), batch, seed=5) for _ in range(2))
    _assert_all_followed(batch, changed)
    assert all((changed[key] == again[key]).all() for key in batch)


@pytest.mark.parametrize("name", [*UNMOVED, *LABELS])
def test_other_changes_in_a_compiled_program(name):
    batch = {key: batch_of()[key] for key in ("image", "label")}
    changed, again = (compiled(build(name, batch), batch, seed=5) for _ in range(2))
    assert all((changed[key] == again[key]).all() for key in batch)
    plain = run(name, batch, seed=5)
    assert {k: (v.dtype, v.shape) for k, v in changed.items()} == {k: (v.dtype, v.shape) for k, v in plain.items()}
    assert np.isfinite(changed["image"]).all()
    assert moved_pictures(batch, changed).any() == (name != "label_smoothing")
    if name in LABELS:
        assert changed["label"].sum(axis=1) == pytest.approx(np.ones(COUNT), rel=1e-5)


@pytest.mark.parametrize("name", PICTURES)
def test_keeps_types_and_shapes_and_what_is_no_place(name):
    batch = batch_of()
    changed = run(name, batch, seed=2)
    assert {key: (array.dtype, array.shape) for key, array in changed.items()} == {
        key: (array.dtype, array.shape) for key, array in batch.items()
    }
    assert (changed["label"] == batch["label"]).all()


@pytest.mark.parametrize("name", UNMOVED)
def test_what_lies_on_the_picture_stays(name):
    batch = batch_of()
    changed = run(name, batch, seed=2)
    assert moved_pictures(batch, changed).mean() > 0.9
    assert all((changed[key] == batch[key]).all() for key in batch if key != "image")


@pytest.mark.parametrize("name", ENTRIES)
def test_the_seed_decides(name):
    batch = batch_of()
    first, again, other = (run(name, batch, seed) for seed in (3, 3, 4))
    assert all((first[key] == again[key]).all() for key in batch)
    if name != "label_smoothing":  # which draws nothing
        assert (first["image"] != other["image"]).any()


@pytest.mark.parametrize("name", [*PICTURES, "mixup"])
def test_a_generator_gives_new_changes_every_time(name):
    batch = {key: batch_of()[key] for key in ("image", "label")}
    apply, generator = build(name, batch), keras.random.SeedGenerator(0)
    first, second = (ops.convert_to_numpy(apply(tensors(batch), generator)["image"]) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("name", PICTURES)
def test_float_pictures_without_targets(name):
    image = batch_of()["image"].astype("float32") / 255
    changed = run(name, {"image": image}, seed=6)
    assert list(changed) == ["image"]
    assert changed["image"].dtype == "float32"
    assert changed["image"].min() >= 0
    assert changed["image"].max() <= image.max()
    assert moved_pictures({"image": image}, changed).any()


@pytest.mark.parametrize("name", PICTURES)
def test_a_data_set_without_pictures_is_refused(name):
    with pytest.raises(UserError, match=r"'toy' has only features, label\. Take"):
        build(name, {"features": np.zeros((2, 3)), "label": np.zeros(2)})


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_flip_probability(probability, share):
    batch = batch_of()
    assert moved_pictures(batch, run("flip", batch, 0, probability=probability)).mean() == share


def test_proposals_are_mirrored_with_the_boxes_and_moved_by_nothing_else():
    batch = batch_of(1)
    changed = run("flip", {**batch, "proposals": batch["boxes"].copy()}, 0, probability=1.0)
    np.testing.assert_array_equal(changed["proposals"][:, :2], changed["boxes"][:, :2])
    for name in ("shift", "rotation", "scale", "crop", "affine", "cutout"):
        assert "proposals" in ENTRIES[name].facts["spoils"], name


@pytest.mark.parametrize("name", [*WHOLE_PIXELS, *BETWEEN_PIXELS])
def test_masks_of_objects_move_as_the_map_of_instances_does(name):
    batch = batch_of()
    masks = np.stack([batch["instances"] == number + 1 for number in range(3)], axis=1).astype("uint8")
    changed = run(name, {**batch, "masks": masks}, 3)
    assert moved_pictures(batch, changed).any()
    for number in range(3):
        np.testing.assert_array_equal(changed["masks"][:, number], changed["instances"] == number + 1)


def test_flip_by_hand():
    changed = run("flip", batch_of(1), 0, probability=1.0)
    assert (changed["image"] == batch_of(1)["image"][:, :, ::-1]).all()
    assert changed["boxes"][0].tolist() == [[2, 12, 6, 15], [7, 1, 11, 7], [0, 0, 0, 0]]
    assert changed["landmarks"][0, 0].tolist() == [[2.5, 14.5], [5.5, 12.5]]


def test_shift_takes_every_offset_about_equally_often():
    changed = run("shift", batch_of(1000), 0, pixels=1)
    offsets = changed["landmarks"][:, 0, 0] - batch_of(1)["landmarks"][0, 0, 0]
    _, counts = np.unique(offsets, axis=0, return_counts=True)
    assert len(counts) == 9
    assert counts.min() > 111 - 5 * np.sqrt(111)  # 1000 / 9 each, five deviations


def test_shift_equals_padding_and_cropping():
    batch = batch_of(20)
    changed = run("shift", batch, 0, pixels=4)
    padded = np.pad(batch["image"], ((0, 0), (4, 4), (4, 4), (0, 0)))
    down, right = (changed["landmarks"] - batch["landmarks"])[:, 1, 0].astype(int).T  # the second stays
    for example in range(20):
        top, left = 4 - down[example], 4 - right[example]
        expected = padded[example, top : top + HEIGHT, left : left + WIDTH]
        assert (changed["image"][example] == expected).all()


def test_shift_cuts_boxes_and_drops_those_that_leave():
    changed = run("shift", batch_of(200), 0, pixels=8)
    left = changed["box_label"] == -1
    assert left[:, 2].all()
    assert 0 < left[:, 0].sum() < 200  # the object near the left border sometimes leaves
    for example in range(200):
        for number in range(len(BOXES)):
            here = changed["instances"][example] == number + 1
            assert left[example, number] == (not here.any())
            if here.any():
                assert tuple(changed["boxes"][example, number]) == box_around(here)
            else:
                assert not changed["boxes"][example, number].any()
                assert not changed["landmarks"][example, number].any()


# --- between pixels


def _assert_enclosed(batch: dict, changed: dict, tight: bool) -> None:
    seen = 0
    for example, number in np.ndindex(COUNT, len(BOXES)):
        here = changed["instances"][example] == number + 1
        assert (here == (changed["mask"][example] == number + 1)).all()
        if changed["box_label"][example, number] == -1 or not here.any():
            continue
        top, left, bottom, right = box = changed["boxes"][example, number]
        rows, columns = np.nonzero(here)
        assert top - 1e-3 <= rows.min() + 0.5
        assert rows.max() + 0.5 <= bottom + 1e-3
        assert left - 1e-3 <= columns.min() + 0.5
        assert columns.max() + 0.5 <= right + 1e-3
        assert 0 <= top < bottom <= HEIGHT
        assert 0 <= left < right <= WIDTH
        assert not tight or np.abs(np.array(box_around(here)) - box).max() <= 0.5 + 1e-3
        seen += 1
    assert seen > COUNT
    assert moved_pictures(batch, changed).sum() > 0.9 * COUNT
    gone = changed["box_label"] == -1
    assert not changed["boxes"][gone].any()
    assert not changed["landmarks"][gone].any()


@pytest.mark.parametrize("name", BETWEEN_PIXELS)
def test_boxes_still_enclose_their_object(name):
    batch = batch_of()
    tight = name in ("scale", "crop")  # the box around a turned or sheared box is larger than the object
    _assert_enclosed(batch, run(name, batch, seed=1), tight)
    changed, again = (compiled(build(name, batch), batch, seed=5) for _ in range(2))
    _assert_enclosed(batch, changed, tight)
    assert all((changed[key] == again[key]).all() for key in batch)


@pytest.mark.parametrize("void", [0, 255])
@pytest.mark.parametrize("name", ["shift", "rotation", "scale", "affine"])
def test_what_comes_in_from_outside_is_void_where_there_is_such(name, void):
    batch = {"image": np.full((20, 9, 9, 1), 80, "uint8"), "mask": np.full((20, 9, 9), 3, "uint8")}
    options = {"scale": {"factors": [0.5, 0.7]}}.get(name, ENTRIES[name].facts["smoke"])
    card = card_of(batch, void={"mask": void} if void else {})
    apply = AUGMENTATIONS.build({"name": name, **options}, card)
    changed = arrays_of(apply(tensors(batch), keras.random.SeedGenerator(1)))
    black = changed["image"][..., 0] == 0
    assert 0.02 < black.mean() < 0.9
    assert (changed["mask"][black] == void).all()
    assert (changed["mask"][~black] == 3).all()


def test_crop_drops_objects_that_leave():
    changed = run("crop", batch_of(200), 0, area=0.05)
    gone = changed["box_label"][:, 0] == -1
    assert 0 < gone.sum() < 200
    assert (changed["instances"][~gone] == 1).any(axis=(1, 2)).mean() > 0.95
    # What is left of a dropped object is less than a pixel wide or high.
    rest = [box_around(picture == 1) for picture in changed["instances"][gone] if (picture == 1).any()]
    assert all(min(bottom - top, right - left) <= 1 for top, left, bottom, right in rest)


def _smooth(size: int = 33) -> np.ndarray:
    """A float picture without sharp edges, and nothing in it alike."""
    picture = np.random.default_rng(0).uniform(0, 255, (size, size, 2))
    return ndimage.gaussian_filter(picture, (2, 2, 0)).astype("float32")


def _middle(size: int) -> np.ndarray:
    """The pixels that stay inside whatever the angle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return y**2 + x**2 < (size / 2 - 2) ** 2


@pytest.mark.parametrize("degrees", [17.0, -90.0])
def test_rotation_equals_scipy(degrees):
    image = _smooth()
    changed = about_centre(
        {"image": ops.convert_to_tensor(image[None])}, turn(np.radians([degrees], dtype="float32")), 33, 33, {}
    )
    expected = ndimage.rotate(image, degrees, reshape=False, order=1, mode="nearest")
    found = ops.convert_to_numpy(changed["image"])[0]
    np.testing.assert_allclose(found[_middle(33)], expected[_middle(33)], atol=2e-2)


def test_rotation_turns_masks_as_pictures_by_right_angles():
    picture = np.random.default_rng(1).integers(0, 200, (1, 8, 8, 1)).astype("uint8")
    batch = tensors({"image": picture, "mask": picture[..., 0]})
    changed = arrays_of(about_centre(batch, turn(np.radians([89.9999], dtype="float32")), 8, 8, {}))
    assert (changed["image"][..., 0] == changed["mask"]).all()
    assert (changed["mask"][0] == np.rot90(picture[0, :, :, 0])).all()


@pytest.mark.parametrize("factor", [0.7, 1.6])
def test_scale_equals_scipy(factor):
    image = _smooth()
    found = run("scale", {"image": image[None]}, 0, factors=[factor, factor])["image"][0]
    centre = 16.0  # of 33 pixels, as an index
    for channel in range(2):
        expected = ndimage.affine_transform(
            image[..., channel], np.eye(2) / factor, centre - centre / factor, order=1, mode="nearest"
        )
        y, x = np.abs(np.mgrid[:33, :33] - centre) / factor
        expected = np.where((y < 16.5) & (x < 16.5), expected, 0)
        np.testing.assert_allclose(found[..., channel], expected, atol=2e-2)


def test_scale_draws_its_factor_log_uniformly():
    """As many examples shrink as grow under [1/2, 2]; uniform draws would grow two in three."""
    corners = np.array([[[0, 0], [HEIGHT, WIDTH]]], "float32")
    batch = {**batch_of(1000), "landmarks": np.repeat(np.concatenate([corners] * 3)[None], 1000, axis=0)}
    batch["boxes"][:, 0] = 4, 6, 8, 10  # in the middle, so that it stays
    moved = run("scale", batch, 0, factors=[0.5, 2.0])["landmarks"][:, 0]
    drawn = np.log2((moved[:, 1, 0] - moved[:, 0, 0]) / HEIGHT)
    assert stats.kstest(drawn, "uniform", args=(-1, 2)).pvalue > 1e-3


def test_crop_equals_pillow():
    image = _smooth()[..., :1]
    top, left, height, width = 3.25, 8.5, 20.0, 14.5
    matrix, origin = np.array([np.diag([height / 33, width / 33])], "float32"), np.array([[top, left]], "float32")
    batch = {"image": ops.convert_to_tensor(image[None])}
    found = arrays_of(warp(batch, ops.convert_to_tensor(matrix), ops.convert_to_tensor(origin), {}))["image"]
    box = (left, top, left + width, top + height)
    expected = Image.fromarray(image[..., 0]).resize((33, 33), Image.Resampling.BILINEAR, box=box)
    np.testing.assert_allclose(found[0, ..., 0], np.asarray(expected), atol=5e-2)


def test_crop_takes_windows_of_the_promised_area_and_aspect():
    corners = np.array([[[0, 0], [HEIGHT, WIDTH]]], "float32")
    batch = {**batch_of(500), "landmarks": np.repeat(np.concatenate([corners] * 3)[None], 500, axis=0)}
    moved = run("crop", batch, 0, area=0.3, aspect=2.0)
    kept = moved["box_label"][:, 1] >= 0  # rows of objects that left are zero
    share = np.array([HEIGHT, WIDTH]) / (moved["landmarks"][kept, 1, 1] - moved["landmarks"][kept, 1, 0])
    assert share.max() <= 1 + 1e-4
    assert 0.25 < share.prod(axis=1).min() < 0.4
    ratio = share[:, 1] / share[:, 0]
    assert 0.5 - 1e-3 <= ratio.min() < 0.7
    assert 1.4 < ratio.max() <= 2 + 1e-3


@pytest.mark.parametrize("name", BETWEEN_PIXELS)
def test_landmarks_follow_what_they_mark(name):
    y, x = np.mgrid[:41, :41] + 0.5
    spots = np.tile(np.array([[[16.0, 24.0]], [[21.0, 14.0]]], "float32"), (4, 1, 1))
    images = np.stack([np.exp(-((y - spot[0, 0]) ** 2 + (x - spot[0, 1]) ** 2) / 8) for spot in spots])
    batch = {
        "image": images[..., None].astype("float32"),
        "boxes": np.array([[[10, 10, 30, 30]]] * 8, "float32"),
        "box_label": np.zeros((8, 1), "int32"),
        "landmarks": spots[:, None],
    }
    options = {"crop": {"area": 0.8}, "rotation": {"degrees": 40.0}, "affine": {"probability": 1.0}}.get(name, {})
    changed = run(name, batch, 3, **options)
    moved = []
    for example in range(8):
        weight = changed["image"][example, ..., 0]
        centre = (weight * y).sum() / weight.sum(), (weight * x).sum() / weight.sum()
        assert changed["landmarks"][example, 0, 0] == pytest.approx(centre, abs=0.2)
        moved.append(np.abs(centre - spots[example, 0]).max())
    assert max(moved) > 1


NOTHING = {"degrees": 1e-6, "shear": 0.0, "factors": [1.0, 1.0], "pixels": 0.0}
"""Of an affine change."""


def _affine(**options) -> tuple[np.ndarray, np.ndarray]:
    """The matrices (example, 2, 2) and moves (example, 2) by which 1,000 examples were changed, from three places."""
    centre, units = np.array([HEIGHT / 2, WIDTH / 2]), np.array([[0, 0], [1, 0], [0, 1]])
    batch = {"image": np.zeros((1000, HEIGHT, WIDTH, 1), "uint8"), "box_label": np.zeros((1000, 1), "int32")}
    batch["landmarks"] = np.tile((centre + units).astype("float32"), (1000, 1, 1, 1))
    moved = run("affine", batch, 2, **{**NOTHING, **options})["landmarks"][:, 0]
    return (moved[:, 1:] - moved[:, :1]).transpose(0, 2, 1), moved[:, 0] - centre


def _assert_uniform(drawn: np.ndarray, low: float, high: float, nothing: float, probability: float = 0.5) -> None:
    """Of numbers (example, axis): about the promised share is drawn, for each axis by itself, and uniformly."""
    there = np.abs(drawn - nothing) > 1e-4
    assert there.mean(axis=0) == pytest.approx([probability] * drawn.shape[1], abs=0.06)
    assert there.all(axis=1).mean() == pytest.approx(probability ** drawn.shape[1], abs=0.06)
    assert stats.kstest(drawn[there], "uniform", args=(low, high - low)).pvalue > 1e-3


@pytest.mark.parametrize("probability", [0.2, 0.5])
def test_each_part_of_an_affine_change_is_drawn_by_itself(probability):
    """Koch et al. 2015, section 3.2."""
    matrix, move = _affine(pixels=2.0, probability=probability)
    np.testing.assert_allclose(matrix, np.tile(np.eye(2), (1000, 1, 1)), atol=1e-5)
    _assert_uniform(move, -2, 2, 0, probability)
    matrix, move = _affine(factors=[0.8, 1.2], probability=probability)
    _assert_uniform(np.diagonal(matrix, axis1=1, axis2=2), 0.8, 1.2, 1, probability)
    assert np.abs([matrix[:, 0, 1], matrix[:, 1, 0], *move.T]).max() < 1e-5
    matrix, move = _affine(shear=0.3, probability=probability)
    back = np.linalg.inv(matrix)
    _assert_uniform(np.stack([back[:, 0, 1], back[:, 1, 0]], axis=1), -0.3, 0.3, 0, probability)
    assert np.abs([*(np.diagonal(back, axis1=1, axis2=2) - 1).T, *move.T]).max() < 1e-5
    matrix, move = _affine(degrees=10.0, probability=probability)
    angle = np.degrees(np.arctan2(matrix[:, 0, 1], matrix[:, 0, 0]))
    _assert_uniform(angle[:, None], -10, 10, 0, probability)
    assert np.linalg.det(matrix) == pytest.approx(np.ones(1000), abs=1e-5)


def test_an_affine_change_equals_scipy():
    """By a matrix that turns, shears and zooms, and a way."""
    image, matrix, way = _smooth()[..., :1], np.array([[1.1, 0.2], [-0.1, 0.9]], "float32"), np.array([1.5, -2.0])
    changed = about_centre(
        {"image": ops.convert_to_tensor(image[None])}, matrix[None], 33, 33, {}, way[None].astype("float32")
    )
    offset = 16 - matrix @ (16 + way)
    expected = ndimage.affine_transform(image[..., 0], matrix, offset, order=1, mode="nearest")
    found = ops.convert_to_numpy(changed["image"])[0, ..., 0]
    inside = slice(7, -7)
    np.testing.assert_allclose(found[inside, inside], expected[inside, inside], atol=2e-2)


# --- pairs


def _spec(name: str) -> dict:
    return {"name": name, **ENTRIES[name].facts["smoke"]}


@pytest.mark.parametrize("name", PICTURES)
def test_both_pictures_of_a_pair_change_each_by_its_own_draw(name):
    """Of pairs of one and the same picture, two others come out; the first is what it would be alone."""
    image = batch_of()["image"]
    batch = {"image": image, "other": image.copy(), "same": np.ones(COUNT, "uint8")}
    both = build_augmentation(_spec(name), card_of(batch))
    for changed in (arrays_of(both(tensors(batch), keras.random.SeedGenerator(5))), compiled(both, batch, seed=5)):
        assert list(changed) == list(batch)
        assert changed["other"].dtype == image.dtype
        assert (changed["other"] != changed["image"]).any(axis=(1, 2, 3)).mean() > 0.3
        moved = [(changed[side] != image).any(axis=(1, 2, 3)).mean() for side in ("image", "other")]
        assert min(moved) > 0.3
        assert (changed["same"] == 1).all()
    alone = run(name, {"image": image}, 5)["image"]
    np.testing.assert_array_equal(arrays_of(both(tensors(batch), keras.random.SeedGenerator(5)))["image"], alone)


@pytest.mark.parametrize("name", ENTRIES)
def test_where_there_are_no_pairs_draws_are_those_of_the_augmentation_itself(name):
    batch, found = batch_of(), []
    for make in (AUGMENTATIONS.build, build_augmentation):
        generator = keras.random.SeedGenerator(3)
        changed = arrays_of(make(_spec(name), card_of(batch))(tensors(batch), generator))
        found.append({**changed, "state": ops.convert_to_numpy(generator.state.value)})
    assert list(found[0]) == list(found[1])
    assert all((found[0][key] == found[1][key]).all() for key in found[0])


def test_what_goes_with_some_tasks_alone_is_given_pairs_as_they_are():
    batch = {**batch_of(), "other": batch_of()["image"]}
    for name in LABELS:
        changed = arrays_of(
            build_augmentation(_spec(name), card_of(batch))(tensors(batch), keras.random.SeedGenerator(3))
        )
        assert (changed["other"] == batch["other"]).all()
        assert (changed["label"] != np.eye(COUNT)).any()
