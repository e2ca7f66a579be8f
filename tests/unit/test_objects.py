"""Objects on pictures: moved exactly as their picture, ignored ones apart, and impossible ones refused by name."""

import io
import math

import numpy as np
import picture_files as files
import pytest
from PIL import Image

from archbench.datasets import _storage, store
from archbench.datasets._masks import fitted
from archbench.datasets._objects import Object, Part, Scene, WrongObject, gather
from archbench.datasets._picture import Look, decode, size_of
from archbench.datasets._pictures import Files, Joined, Pictures
from archbench.datasets.columns import Ragged, Runs

LOOK = Look((16, 20), fit="stretch")


def square(size, box):
    """A black picture (height, width) with a white box [top, left, bottom, right]."""
    pixels = np.zeros((*size, 3), np.uint8)
    top, left, bottom, right = box
    pixels[top:bottom, left:right] = 255
    return pixels


def white(pixels):
    """The box around all that is rather white than black."""
    rows, columns = np.nonzero(pixels[..., 0] > 127)
    return [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def part(folder, scenes, look=LOOK, size=(20, 16)):
    """Pictures of `size` (width, height), one for each scene."""
    contents = {f"{number}.png": files.noise(number, size, "PNG") for number in range(len(scenes))}
    return Part(Pictures(Files(files.put(folder, contents), list(contents)), look), scenes)


def scene(*objects, size=(16, 20)):
    return Scene("told.xml", size, objects)


def boxed(box, **options):
    return Object("object 1 (dog)", 0, box, **options)


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        # 40 x 80 to 20 x 20: half as high, a quarter as wide.
        (Look((20, 20), fit="stretch"), [4, 5, 10, 15]),
        # Both a quarter, at the top left; what is below is black.
        (Look((20, 20), fit="pad"), [2, 5, 5, 15]),
        # Twice as large, and 80 columns to the right are black.
        (Look((80, 240), fit="pad"), [16, 40, 40, 120]),
        (Look((40, 80), fit="pad"), [8, 20, 20, 60]),
    ],
)
def test_picture_box_and_mask_come_to_lie_at_the_same_place(tmp_path, look, expected):
    box = (8, 20, 20, 60)
    pixels = square((40, 80), box)
    files.put(tmp_path, {"a.png": files.saved(Image.fromarray(pixels), "PNG")})
    told = Scene("a.xml", (40, 80), (boxed(box, mask=lambda: fitted((pixels[..., 0] > 0).astype(np.uint8), look)),))
    found = gather({"train": Part(Pictures(Files(tmp_path, ["a.png"]), look), [told])}, "made up", "boxes", "masks")
    arrays = found.parts["train"]
    assert arrays["image"].shape == (1, *look.shape, 3)
    assert white(arrays["image"][0]) == expected
    assert arrays["boxes"][0].tolist() == [expected]
    assert white(arrays["masks"][0][0][..., None] * 255) == expected
    assert arrays["masks"][0].sum() == (expected[2] - expected[0]) * (expected[3] - expected[1])


def test_a_scale_that_is_no_whole_number_moves_a_box_by_fractions(tmp_path):
    """16 x 20 to 12 x 30: three quarters as high, one and a half times as wide."""
    parts = {"train": part(tmp_path, [scene(boxed((2, 3, 7, 9)))], Look((12, 30), fit="stretch"))}
    assert gather(parts, "x", "boxes").parts["train"]["boxes"][0].tolist() == [[1.5, 4.5, 5.25, 13.5]]


def test_whole_pictures_stretched_or_padded_keep_their_corners():
    content = files.saved(Image.fromarray(square((8, 16), (0, 0, 4, 8))), "PNG")
    padded, _ = decode(content, "a", Look((16, 16), fit="pad"))
    stretched, _ = decode(content, "a", Look((16, 16), fit="stretch"))
    assert white(padded) == [0, 0, 4, 8]
    assert (padded[8:] == 0).all()
    assert white(stretched) == [0, 0, 8, 8]
    assert size_of(content, "a") == (8, 16)


def test_rows_are_as_many_as_the_most_objects_of_any_part_has_and_empty_ones_hold_nothing(tmp_path):
    train = part(tmp_path / "a", [scene(), scene(boxed((0, 0, 16, 20)), boxed((1, 2, 3, 4)))])
    test = part(tmp_path / "b", [scene(boxed((5, 6, 7, 8)))])
    found = gather({"train": train, "test": test}, "x", "boxes").parts
    assert set(found["train"]) == {"image", "boxes", "box_label"}
    assert found["train"]["boxes"][:].tolist() == [[[0] * 4] * 2, [[0, 0, 16, 20], [1, 2, 3, 4]]]
    assert found["train"]["box_label"][:].tolist() == [[-1, -1], [0, 0]]
    assert found["test"]["box_label"][:].tolist() == [[0, -1]]
    assert isinstance(found["test"]["boxes"], Ragged)
    assert found["test"]["boxes"].dtype == np.float32


def test_what_is_ignored_stands_apart_with_its_masks(tmp_path):
    full, none = (lambda: np.ones((16, 20), np.uint8)), (lambda: np.zeros((16, 20), np.uint8))
    dog = boxed((1, 2, 3, 4), mask=none)
    hard = boxed((5, 6, 7, 8), mask=full, ignored=True)
    crowd = boxed((0, 0, 9, 9), mask=full, ignored=True, crowd=True)
    parts = {"train": part(tmp_path, [scene(hard, dog, crowd), scene()])}
    arrays = gather(parts, "x", "boxes", "ignored", "masks").parts["train"]
    assert arrays["boxes"][0].tolist() == [[1, 2, 3, 4]]
    assert arrays["masks"][0].sum() == 0
    assert arrays["ignored_boxes"][0].tolist() == [[5, 6, 7, 8], [0, 0, 9, 9]]
    assert arrays["ignored_label"][:].tolist() == [[0, 0], [-1, -1]]
    assert arrays["ignored_crowd"][:].tolist() == [[0, 1], [0, 0]]
    assert isinstance(arrays["ignored_masks"], Runs)
    assert arrays["ignored_masks"][0].sum() == 2 * 16 * 20


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ((0, 0, 17, 5), "lies outside its picture of 20 x 16 pixels: top 0, left 0, bottom 17, right 5"),
        ((0, -1, 4, 5), "lies outside"),
        ((0, 0, 4, 20.5), "lies outside"),
        ((4, 0, 4, 5), "is empty or upside down"),
        ((0, 6, 4, 5), "is empty or upside down"),
        ((0, 0, 4, math.nan), "has a side that is no finite number"),
    ],
)
def test_impossible_boxes_are_refused_with_file_and_object(tmp_path, box, says):
    with pytest.raises(WrongObject, match=rf"told\.xml: the box of object 1 \(dog\) {says}"):
        gather({"train": part(tmp_path, [scene(boxed(box))])}, "x", "boxes")


def test_objects_of_another_picture_are_refused(tmp_path):
    with pytest.raises(WrongObject, match=r"told\.xml tells of a picture of 16 x 20 pixels; 0\.png has 20 x 16"):
        gather({"train": part(tmp_path, [scene(size=(20, 16))])}, "x", "boxes")


def test_files_known_to_be_broken_are_left_out_and_others_are_not(tmp_path):
    good = part(tmp_path, [scene(boxed((1, 2, 3, 4))), scene(boxed((5, 6, 7, 8)))])
    (tmp_path / "0.png").write_bytes(b"no picture")
    known = Part(good.pictures, good.scenes, known={"0.png"})
    found = gather({"train": known}, "x", "boxes")
    assert found.parts["train"]["boxes"][:].tolist() == [[[5, 6, 7, 8]]]
    assert [name for name, what in found.odd_files if what.startswith("skipped")] == ["0.png"]
    with pytest.raises(Exception, match=r"0\.png cannot be decoded"):
        gather({"train": good}, "x", "boxes")


def test_pictures_of_several_sources_follow_each_other(tmp_path):
    for name in "ab":
        files.put(tmp_path / name, {"0.png": files.noise(ord(name), kind="PNG"), "1.png": files.noise(0, kind="PNG")})
    first, second = (Files(tmp_path / name, ["0.png", "1.png"]) for name in "ab")
    joined = Joined(first, second)
    assert len(joined) == 4
    assert joined.read(2) == second.read(0) != first.read(0)
    assert [joined.name(row) for row in range(4)] == ["0.png", "1.png"] * 2


@pytest.mark.parametrize("storage", ["arrays", "tfrecord"])
def test_a_prepared_folder_gives_back_what_was_gathered(tmp_path, storage):
    """Pictures kept as they were published know their size and how they were fitted."""
    look = Look((12, 30), fit="pad")
    made = part(
        tmp_path / "raw", [scene(boxed((2, 3, 7, 9), mask=lambda: np.eye(12, 30, dtype=np.uint8))), scene()], look
    )
    made = Part(Pictures(made.pictures.source, look, storage), made.scenes)
    arrays = gather({"train": made}, "x", "boxes", "masks").parts["train"]
    fields = {"name": "x", "source": "s", "licence": "l", "input": "image", "class_names": ("dog",)}
    card = store.write(tmp_path / "x", fields, dict.fromkeys(store.SPLITS, arrays))
    read = store.load(tmp_path / "x").splits["test"]
    for name, column in arrays.items():
        np.testing.assert_array_equal(read[name][:], column[:])
    assert read["image"][0][0, 15].tolist() == [0, 0, 0]  # 12 x 15 of 12 x 30
    assert store.digest(store.load(tmp_path / "x").splits) == card.sha256


def test_pictures_of_a_card_that_does_not_say_how_they_were_fitted_are_refused(tmp_path):
    kept = {"shape": [8, 8, 3], "dtype": "uint8", "storage": "tfrecord", "crop": 1.0, "cmyk": "refuse"}
    with pytest.raises(_storage.DamagedFile, match="does not say 'fit' of image"):
        _storage.opened(tmp_path, "image", kept, 1)


def test_gray_pictures_are_counted(tmp_path):
    stream = io.BytesIO()
    Image.new("L", (20, 16), 7).save(stream, "PNG")
    files.put(tmp_path, {"0.png": stream.getvalue()})
    found = gather({"train": Part(Pictures(Files(tmp_path, ["0.png"]), LOOK), [scene()])}, "x", "boxes")
    assert found.odd_files == (("0.png", "gray"),)
