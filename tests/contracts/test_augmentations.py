"""Every augmentation: the picture moves, and its mask, boxes and landmarks are still where the object is."""

import keras
import numpy as np
import pytest
from keras import ops

from archbench.augmentations import AUGMENTATIONS
from archbench.errors import UserError
from backend import compiled

ENTRIES = {entry.name: entry for entry in AUGMENTATIONS}
COUNT, HEIGHT, WIDTH, OBJECTS = 64, 12, 16, 3
BOXES = [(2, 1, 6, 4), (7, 9, 11, 15)]  # two objects, off centre; the third row is empty


def _batch(count: int = COUNT) -> dict[str, np.ndarray]:
    """Pictures with two unlike rectangles, each with a bright pixel as a landmark."""
    image = np.zeros((HEIGHT, WIDTH, 3), "uint8")
    mask, instances = np.zeros((2, HEIGHT, WIDTH), "uint8")
    boxes, landmarks = np.zeros((OBJECTS, 4), "float32"), np.zeros((OBJECTS, 2, 2), "float32")
    for number, (top, left, bottom, right) in enumerate(BOXES):
        image[top:bottom, left:right] = 50 * (number + 1)
        image[top, left] = 200 + number
        mask[top:bottom, left:right] = number + 1
        instances[top:bottom, left:right] = number + 1
        boxes[number] = top, left, bottom, right
        landmarks[number] = (top + 0.5, left + 0.5), (bottom - 0.5, right - 0.5)
    one = {
        "image": image,
        "mask": mask,
        "instances": instances,
        "boxes": boxes,
        "box_label": np.array([3, 0, -1], "int32"),
        "landmarks": landmarks,
    }
    batch = {name: np.repeat(array[None], count, axis=0) for name, array in one.items()}
    return {**batch, "label": np.arange(count, dtype="int32")}


def _run(name: str, batch: dict, seed: int, **options) -> dict[str, np.ndarray]:
    apply = AUGMENTATIONS.build({"name": name, **options})
    batch = {key: ops.convert_to_tensor(array) for key, array in batch.items()}
    changed = apply(batch, keras.random.SeedGenerator(seed))
    return {key: ops.convert_to_numpy(array) for key, array in changed.items()}


def _box_around(pixels: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def _moved(batch: dict, changed: dict) -> np.ndarray:
    return (batch["image"] != changed["image"]).any(axis=(1, 2, 3))


def _assert_all_followed(batch: dict, changed: dict) -> None:
    assert 0 < _moved(batch, changed).sum() < COUNT  # both outcomes, and each example its own
    for example in range(COUNT):
        image = changed["image"][example]
        for number in range(len(BOXES)):
            here = changed["instances"][example] == number + 1
            assert ((image[..., 0] // 50 == number + 1) | (image[..., 0] == 200 + number))[here].all()
            assert (changed["mask"][example] == number + 1)[here].all()
            assert tuple(changed["boxes"][example, number]) == _box_around(here)
            y, x = changed["landmarks"][example, number, 0]
            if 0 <= y < HEIGHT and 0 <= x < WIDTH:
                assert image[int(y), int(x), 0] == 200 + number
        assert not image[changed["instances"][example] == 0].any()
    assert not changed["boxes"][:, 2].any()
    assert not changed["landmarks"][:, 2].any()


@pytest.mark.parametrize("name", ENTRIES)
def test_everything_follows_the_picture(name):
    batch, options = _batch(), ENTRIES[name].facts["smoke"]
    _assert_all_followed(batch, _run(name, batch, seed=1, **options))


@pytest.mark.parametrize("name", ENTRIES)
def test_everything_follows_in_a_compiled_program(name):
    batch, apply = _batch(), AUGMENTATIONS.build({"name": name, **ENTRIES[name].facts["smoke"]})
    changed, again = (compiled(apply, batch, seed=5) for _ in range(2))
    _assert_all_followed(batch, changed)
    assert all((changed[key] == again[key]).all() for key in batch)


@pytest.mark.parametrize("name", ENTRIES)
def test_keeps_types_and_shapes_and_what_is_no_place(name):
    batch = _batch()
    changed = _run(name, batch, seed=2, **ENTRIES[name].facts["smoke"])
    assert {key: (array.dtype, array.shape) for key, array in changed.items()} == {
        key: (array.dtype, array.shape) for key, array in batch.items()
    }
    assert (changed["label"] == batch["label"]).all()


@pytest.mark.parametrize("name", ENTRIES)
def test_the_seed_decides(name):
    batch, options = _batch(), ENTRIES[name].facts["smoke"]
    first, again, other = (_run(name, batch, seed, **options) for seed in (3, 3, 4))
    assert all((first[key] == again[key]).all() for key in batch)
    assert (first["image"] != other["image"]).any()


@pytest.mark.parametrize("name", ENTRIES)
def test_a_generator_gives_new_changes_every_time(name):
    apply = AUGMENTATIONS.build({"name": name, **ENTRIES[name].facts["smoke"]})
    generator, batch = keras.random.SeedGenerator(0), {"image": ops.convert_to_tensor(_batch()["image"])}
    first, second = (ops.convert_to_numpy(apply(batch, generator)["image"]) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("name", ENTRIES)
def test_float_pictures_without_targets(name):
    image = _batch()["image"].astype("float32") / 255
    changed = _run(name, {"image": image}, seed=6, **ENTRIES[name].facts["smoke"])
    assert list(changed) == ["image"]
    assert changed["image"].dtype == "float32"
    assert 0 < _moved({"image": image}, changed).sum() < COUNT


@pytest.mark.parametrize("name", ENTRIES)
def test_a_data_set_without_pictures_is_refused(name):
    with pytest.raises(UserError, match="has only features, label"):
        _run(name, {"features": np.zeros((2, 3)), "label": np.zeros(2)}, seed=0, **ENTRIES[name].facts["smoke"])


@pytest.mark.parametrize(("probability", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_flip_probability(probability, share):
    batch = _batch()
    assert _moved(batch, _run("flip", batch, 0, probability=probability)).mean() == share


def test_flip_by_hand():
    changed = _run("flip", _batch(1), 0, probability=1.0)
    assert (changed["image"] == _batch(1)["image"][:, :, ::-1]).all()
    assert changed["boxes"][0].tolist() == [[2, 12, 6, 15], [7, 1, 11, 7], [0, 0, 0, 0]]
    assert changed["landmarks"][0, 0].tolist() == [[2.5, 14.5], [5.5, 12.5]]


def test_shift_takes_every_offset_about_equally_often():
    changed = _run("shift", _batch(1000), 0, pixels=1)
    offsets = changed["landmarks"][:, 0, 0] - _batch(1)["landmarks"][0, 0, 0]
    _, counts = np.unique(offsets, axis=0, return_counts=True)
    assert len(counts) == 9
    assert counts.min() > 111 - 5 * np.sqrt(111)  # 1000 / 9 each, five deviations


def test_shift_equals_padding_and_cropping():
    batch = _batch(20)
    changed = _run("shift", batch, 0, pixels=4)
    padded = np.pad(batch["image"], ((0, 0), (4, 4), (4, 4), (0, 0)))
    down, right = (changed["landmarks"] - batch["landmarks"])[:, 1, 0].astype(int).T  # the second stays
    for example in range(20):
        top, left = 4 - down[example], 4 - right[example]
        expected = padded[example, top : top + HEIGHT, left : left + WIDTH]
        assert (changed["image"][example] == expected).all()


def test_shift_cuts_boxes_and_drops_those_that_leave():
    changed = _run("shift", _batch(200), 0, pixels=8)
    left = changed["box_label"] == -1
    assert left[:, 2].all()
    assert 0 < left[:, 0].sum() < 200  # the object near the left border sometimes leaves
    for example in range(200):
        for number in range(len(BOXES)):
            here = changed["instances"][example] == number + 1
            assert left[example, number] == (not here.any())
            if here.any():
                assert tuple(changed["boxes"][example, number]) == _box_around(here)
            else:
                assert not changed["boxes"][example, number].any()
                assert not changed["landmarks"][example, number].any()
