"""Picture files to pixels: what is converted, what is refused, and what is cut."""

import io

import numpy as np
import picture_files as files
import pytest
import tifffile
from PIL import Image

from archbench.datasets._picture import BrokenPicture, Look, decode

LOOK = Look(16)


def test_a_picture_of_the_right_size_keeps_its_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    read, held = decode(files.saved(Image.fromarray(pixels), "PNG"), "a.png", LOOK)
    np.testing.assert_array_equal(read, pixels)
    assert held == "RGB"


def test_the_content_decides_what_a_file_is_and_not_its_name():
    """One PNG of ImageNet is called .JPEG."""
    assert decode(files.noise(3, kind="PNG"), "n02105855_2933.JPEG", LOOK)[1] == "RGB"


def test_the_central_square_is_kept():
    """40 wide, 20 high: red, then 20 columns of green in the middle, then blue; only green is left."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :10, 0], pixels[:, 10:30, 1], pixels[:, 30:, 2] = 255, 255, 255
    read, _ = decode(files.saved(Image.fromarray(pixels), "PNG"), "a", Look(20))
    np.testing.assert_array_equal(read, np.broadcast_to(np.uint8([0, 255, 0]), (20, 20, 3)))


def test_a_crop_keeps_that_share_of_the_shorter_side():
    """A half of 32 pixels is the middle 16, pixel by pixel."""
    pixels = np.random.default_rng(1).integers(0, 256, (32, 50, 3), np.uint8)
    read, _ = decode(files.saved(Image.fromarray(pixels), "PNG"), "a", Look(16, crop=0.5))
    np.testing.assert_array_equal(read, pixels[8:24, 17:33])


def test_smaller_pictures_are_averages():
    """Half the size with a triangle of width 2: a flat region stays flat, and the mean is kept."""
    pixels = np.full((32, 32, 3), 100, np.uint8)
    pixels[:, 16:] = 200
    read, _ = decode(files.saved(Image.fromarray(pixels), "PNG"), "a", LOOK)
    assert (read[:, :7] == 100).all()
    assert (read[:, 9:] == 200).all()
    assert abs(read.mean() - 150) < 0.5


def palette(**options):
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    return files.saved(picture, "PNG", **options)


@pytest.mark.parametrize(
    ("content", "held", "color"),
    [
        (files.gray(), "gray", (77, 77, 77)),
        (files.saved(Image.new("1", (16, 16), 1), "PNG"), "gray", (255, 255, 255)),
        (palette(), "palette", (10, 20, 30)),
        (files.saved(Image.new("RGBA", (16, 16), (1, 2, 3, 255)), "PNG"), "alpha", (1, 2, 3)),
        (files.saved(Image.new("LA", (16, 16), (9, 255)), "PNG"), "alpha", (9, 9, 9)),
    ],
)
def test_modes_with_one_meaning_are_converted_and_told(content, held, color):
    pixels, told = decode(content, "a", LOOK)
    assert told == held
    assert np.abs(pixels.astype(int) - color).max() <= 1


def test_cmyk_is_converted_where_asked():
    """A fifth of black ink on white is four fifths of 255; most programs store such files upside down."""
    pixels, told = decode(files.cmyk(), "a", Look(16, cmyk="convert"))
    assert told == "CMYK"
    assert np.abs(pixels.astype(int) - 204).max() <= 2


def frames():
    stream = io.BytesIO()
    one, two = (Image.new("RGB", (16, 16), color) for color in ("red", "blue"))
    one.save(stream, "GIF", save_all=True, append_images=[two])
    return stream.getvalue()


def tiff_of_two_pages():
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "TIFF", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")])
    return stream.getvalue()


def tiff16():
    """By the library that scikit-image reads TIFF with: Pillow cannot write color ones."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.full((16, 16, 3), 300, np.uint16), photometric="rgb")
    return stream.getvalue()


REFUSED = {
    "cmyk": (files.cmyk(), "n1/x.JPEG is in CMYK.*`cmyk: convert`"),
    "gray of 16 bits": (files.png16(1), "has 16 bits a value"),
    "color of 16 bits": (files.png16(3), "has 16 bits a value"),
    "truncated": (files.truncated(), "cannot be decoded .*truncated"),
    "empty": (b"", "cannot be decoded .*it is no picture"),
    "text": (b"<html>not found</html>", "cannot be decoded .*it is no picture"),
    "half a header": (files.noise(0)[:100], "cannot be decoded"),
    "damaged png": (files.noise(0, kind="PNG")[:60] + b"0000" + files.noise(0, kind="PNG")[64:], "cannot be decoded"),
    "see-through": (files.saved(Image.new("RGBA", (16, 16), (1, 2, 3, 254)), "PNG"), "see-through"),
    "see-through palette": (palette(transparency=1), "see-through"),
    "frames": (frames(), "has 2 frames"),
    "pages": (tiff_of_two_pages(), "has 2 frames"),
    "tiff of 16 bits": (tiff16(), "has 16 bits a value"),
    "format": (files.saved(Image.new("RGB", (16, 16)), "PPM"), "it is no picture"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_by_name(case):
    content, says = REFUSED[case]
    with pytest.raises(BrokenPicture, match=says) as failure:
        decode(content, "n1/x.JPEG", LOOK)
    assert str(failure.value).startswith("n1/x.JPEG ")
