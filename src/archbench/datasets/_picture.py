"""One picture file to pixels: decoded with Pillow by its content, whatever its name says, and fitted to one size.

Gray, two-color and palette pictures and those with an alpha channel that hides nothing become RGB exactly. Inks
(CMYK) become RGB without a color profile, so that must be asked for. What has no single meaning in 8 bits a color is
refused: 16 bits a value, see-through parts, several frames. The orientation that EXIF may ask for is not applied.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from archbench.datasets import tfrecord
from archbench.errors import UserError

Inks = Literal["refuse", "convert"]
Fit = Literal["crop", "stretch", "pad"]
"""The central square; or the whole picture: stretched, or at the top left in its own proportion, the rest black."""
Form = Literal["file", "record"]
"""A picture file, or a TFRecord of an `Example` whose `image/encoded` is one and `image/filename` its name."""
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
PNG_DEPTH = 24
"""Where the header of a PNG says how many bits a value has; Pillow drops half of 16 without a word."""
TIFF_DEPTHS = 258
"""The tag of a TIFF, `BitsPerSample`, that says the same."""
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for a file that it cannot read to its end."""


class BrokenPicture(UserError):
    """A picture that cannot be decoded, or whose pixels have no clear meaning."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} {why}.")
        self.name, self.why = name, why


@dataclass(frozen=True)
class Look:
    """How a picture becomes RGB pixels of one size."""

    size: int | tuple[int, int]
    """Pixels a side, or (height, width)."""
    crop: float = 1.0
    """Side of the central square that is kept, as a share of the picture's shorter side."""
    cmyk: Inks = "refuse"
    fit: Fit = "crop"

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of what is made."""
        return (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)

    def inner(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a whole picture of this size takes of what is made, from the top left."""
        if self.fit != "pad":
            return self.shape
        scale = min(self.shape[0] / height, self.shape[1] / width)
        return max(1, round(height * scale)), max(1, round(width * scale))


def decode(content: bytes, name: str, look: Look) -> tuple[np.ndarray, str]:
    """The pixels, uint8 (height, width, 3), and what the file held: `RGB` or what it was converted from.

    Raises `BrokenPicture`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if _bits(picture, content) == 16:
                raise BrokenPicture(name, "has 16 bits a value; save it with 8")
            picture.load()
            rgb, held = _as_rgb(picture, name, look)
            return np.asarray(_fitted(rgb, look)), held
    except BROKEN as error:
        raise BrokenPicture(name, f"cannot be decoded ({_plain(error)})") from error


def _bits(picture: Image.Image, content: bytes) -> int:
    """Bits a value of the formats that may have more than Pillow keeps of colors; of others 8."""
    if picture.format == "PNG":
        return content[PNG_DEPTH]
    return max(picture.tag_v2.get(TIFF_DEPTHS, (8,))) if picture.format == "TIFF" else 8


def unwrap(form: Form, content: bytes, name: str) -> tuple[bytes, str]:
    """The picture file and its name that `content`, found at `name`, holds; raises `BrokenPicture`."""
    if form == "file":
        return content, name
    try:
        example = tfrecord.decode_example(tfrecord.unframe(content))
        return example["image/encoded"][0], example["image/filename"][0].decode()
    except (tfrecord.DamagedRecord, KeyError, IndexError) as error:
        raise BrokenPicture(name, f"is damaged ({error}); prepare its data set again") from error


def _as_rgb(picture: Image.Image, name: str, look: Look) -> tuple[Image.Image, str]:
    if getattr(picture, "is_animated", False) and picture.format != "MPO":
        raise BrokenPicture(name, f"has {picture.n_frames} frames; save the one that is meant")
    if picture.mode in ("RGB", "YCbCr") and "transparency" not in picture.info:
        return picture.convert("RGB"), "RGB"
    if picture.mode in ("L", "1") and "transparency" not in picture.info:
        return picture.convert("RGB"), "gray"
    if picture.mode == "CMYK":
        if look.cmyk == "refuse":
            raise BrokenPicture(name, "is in CMYK, which is RGB by convention only; give `cmyk: convert` to take it")
        return picture.convert("RGB"), "CMYK"
    if picture.mode not in ("RGB", "L", "1", "P", "LA", "PA", "RGBA"):
        raise BrokenPicture(name, f"has pixels of the kind {picture.mode!r}, more than 8 bits a value; save it with 8")
    whole = picture.convert("RGBA")
    if whole.getextrema()[3][0] < 255:
        raise BrokenPicture(name, "has see-through parts, whose color is nowhere told; save it without")
    return whole.convert("RGB"), "palette" if picture.mode in ("P", "PA") else "alpha"


def size_of(content: bytes, name: str) -> tuple[int, int]:
    """Height and width that a picture file tells, without decoding it; raises `BrokenPicture`."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            return picture.height, picture.width
    except BROKEN as error:
        raise BrokenPicture(name, f"cannot be decoded ({_plain(error)})") from error


def _fitted(picture: Image.Image, look: Look) -> Image.Image:
    height, width = look.shape
    if look.fit == "crop":
        side = min(picture.size) * look.crop
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        return picture.resize((width, height), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    inner = look.inner(picture.height, picture.width)
    fitted = picture.resize(inner[::-1], Image.Resampling.BILINEAR)
    if inner == (height, width):
        return fitted
    whole = Image.new("RGB", (width, height))
    whole.paste(fitted, (0, 0))
    return whole


def _plain(error: BaseException) -> str:
    """The reason without the address of the object that Pillow quotes."""
    return "it is no picture" if isinstance(error, Image.UnidentifiedImageError) else str(error) or type(error).__name__
