"""Pictures of phones are turned as they say: every loader of the user's own sees them as they are displayed.

By orientation 6 the first column that is stored is the top row that is shown, from right to left: a quarter turn
clockwise. What should come out is made with NumPy, from the stored pixels.
"""

import io
import json

import numpy as np
import pytest
from own_files import COLORS, class_folders
from picture_files import put, saved
from PIL import Image

from archbench.datasets import store
from archbench.datasets._picture import Look, decode, size_of
from archbench.datasets._upright import displayed_size, upright
from archbench.datasets.prepare import prepare

SHOWN = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x.swapaxes(0, 1)[:, ::-1],
    7: lambda x: x.swapaxes(0, 1)[::-1, ::-1],
    8: lambda x: x.swapaxes(0, 1)[::-1],
}
"""Orientation -> what is displayed of stored pixels (row, column, ...): where the first row and column go to."""


def _turned(picture: Image.Image, kind: str = "JPEG", orientation: int = 6, **options) -> bytes:
    exif = picture.getexif()
    exif[0x0112] = orientation
    return saved(picture, kind, exif=exif, **options)


def _stored(seed: int, height: int = 24, width: int = 32) -> Image.Image:
    """Dark, with a bright square of 8 pixels at row 0, column 16 of what is stored; once turned, at row 16 too."""
    pixels = np.random.default_rng(seed).integers(0, 30, (height, width, 3)).astype(np.uint8)
    pixels[0:8, 16:24] = 250
    return Image.fromarray(pixels)


def _prepared(tmp_path, spec):
    prepare(spec, "mine", tmp_path / "d" / "mine", tmp_path / "raw")
    return store.load(tmp_path / "d" / "mine")


def _all(data, name):
    return np.concatenate([np.asarray(arrays[name]) for arrays in data.splits.values()])


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "P"), ("TIFF", "RGB")]
)
def test_a_turned_picture_has_the_pixels_that_are_displayed(kind, mode, orientation):
    stored = _stored(0).convert(mode)
    plain = saved(stored, kind)
    content = upright(_turned(stored, kind, orientation))
    look = Look((24, 32) if orientation < 5 else (32, 24), cmyk="convert", fit="stretch")
    pixels, held = decode(content, "one", look)
    expected, as_it_is = decode(plain, "one", Look((24, 32), cmyk="convert", fit="stretch"))
    np.testing.assert_array_equal(pixels, SHOWN[orientation](expected))
    assert held == as_it_is
    assert size_of(content, "one") == pixels.shape[:2]


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_size_that_headers_tell_is_that_which_is_displayed(kind, orientation):
    content = _turned(_stored(0), kind, orientation)
    with Image.open(io.BytesIO(content)) as picture:
        found = displayed_size(picture)
    with Image.open(io.BytesIO(upright(content))) as picture:
        assert picture.size == found == ((32, 24) if orientation < 5 else (24, 32))


@pytest.mark.parametrize("content", [saved(_stored(0)), saved(_stored(0), "PNG"), b"no picture", b""])
def test_all_else_stays_as_it_is(content):
    assert upright(content) is content


def test_class_folders(tmp_path):
    content = class_folders(8)
    content |= {f"{name}/t{n}.jpg": _turned(_stored(n), quality=95) for name in COLORS for n in range(8)}
    put(tmp_path / "p", content)
    data = _prepared(tmp_path, {"name": "image_folder", "folder": str(tmp_path / "p"), "size": [32, 24], "fit": "pad"})
    images = _all(data, "image")
    bright = images[images[:, 18:22, 18:22].min(axis=(1, 2, 3)) > 200]
    assert len(bright) == 24
    assert bright[:, :14].max() < 120


@pytest.mark.parametrize("storage", ["arrays", "tfrecord"])
def test_boxes_given_for_the_displayed_picture_fit(storage, tmp_path):
    names = [f"{n}.jpg" for n in range(14)]
    told = {
        "images": [{"id": n, "file_name": name, "width": 24, "height": 32} for n, name in enumerate(names)],
        "categories": [{"id": 1, "name": "square"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [16, 16, 8, 8]} for n in range(14)],
    }
    put(tmp_path / "p", {name: _turned(_stored(n), quality=95) for n, name in enumerate(names)})
    put(tmp_path / "p", {"told.json": json.dumps(told).encode()})
    spec = {"name": "boxes", "folder": str(tmp_path / "p"), "size": [32, 24], "storage": storage}
    _check_boxes(_prepared(tmp_path, spec))


def test_shares_of_the_displayed_picture_fit(tmp_path):
    content = {f"images/{n}.jpg": _turned(_stored(n), quality=95) for n in range(14)}
    content |= {f"labels/{n}.txt": f"0 {20 / 24} {20 / 32} {8 / 24} {8 / 32}\n".encode() for n in range(14)}
    put(tmp_path / "p", {**content, "classes.txt": b"square\n"})
    _check_boxes(_prepared(tmp_path, {"name": "boxes", "folder": str(tmp_path / "p"), "size": [32, 24]}))


def _check_boxes(data):
    for arrays in data.splits.values():
        for image, boxes in zip(np.asarray(arrays["image"]), arrays["boxes"], strict=True):
            (top, left, bottom, right) = np.asarray(boxes)[0].round().astype(int)
            assert (top, left, bottom, right) == (16, 16, 24, 24)
            assert image[top + 1 : bottom - 1, left + 1 : right - 1].min() > 200
            assert image[:14].max() < 120


def test_masks_drawn_over_the_displayed_picture_fit(tmp_path):
    mask = np.zeros((32, 24), np.uint8)
    mask[16:24, 16:24] = 255
    content = {f"images/{n}.jpg": _turned(_stored(n), quality=95) for n in range(14)}
    content |= {f"masks/{n}.png": saved(Image.fromarray(mask), "PNG") for n in range(12)}
    # Two of an editor that turns nothing, and says so too.
    content |= {f"masks/{n}.png": _turned(Image.fromarray(mask[:, ::-1].T.copy()), "PNG") for n in (12, 13)}
    put(tmp_path / "p", content)
    data = _prepared(tmp_path, {"name": "masks", "folder": str(tmp_path / "p"), "size": [32, 24]})
    images, masks = _all(data, "image"), _all(data, "mask")
    assert len(masks) == 14
    assert (masks == masks[0]).all()
    assert images[masks == 1].mean() > 220
    assert images[masks == 0].mean() < 40


def test_pairs(tmp_path):
    content = {f"{n}.jpg": _turned(_stored(n), quality=95) for n in range(12)}
    rows = [f"{n}.jpg,{(n + 1 + k) % 12}.jpg,{k % 2}" for k in range(4) for n in range(12)]
    put(tmp_path / "p", {**content, "pairs.csv": "\n".join(["first,second,same", *rows]).encode()})
    spec = {"name": "image_pairs", "folder": str(tmp_path / "p"), "table": str(tmp_path / "p" / "pairs.csv")}
    data = _prepared(tmp_path, {**spec, "size": [32, 24], "fit": "pad"})
    for name in ("image", "other"):
        images = _all(data, name)
        assert images[:, 18:22, 18:22].min() > 200
        assert images[:, :14].max() < 120
