"""Pictures as they are displayed: a phone leaves it to whoever shows a picture to turn it, by a tag of EXIF.

CIPA DC-008-2012, Exif 2.3, section 4.6.4, tag Orientation.
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from archbench.datasets._picture import BROKEN, FORMATS, PNG_DEPTH

ORIENTATION = 0x0112
"""The tag that says how a picture is to be turned or mirrored; 1 for not at all."""


def is_turned(picture: Image.Image) -> bool:
    """Whether a picture asks to be turned or mirrored."""
    return picture.getexif().get(ORIENTATION, 1) != 1


def displayed_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height of a picture as it is displayed, without decoding it; of a TIFF, Pillow tells these itself."""
    lies = picture.format != "TIFF" and picture.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    return picture.size[::-1] if lies else picture.size


def upright(content: bytes) -> bytes:
    """A picture file as it is displayed, without loss; one that need not be turned, or is none, as it is.

    Pillow turns a TIFF itself as it reads it. What is refused as it is, 16 bits a value, is left to be refused.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            deep = picture.format == "PNG" and content[PNG_DEPTH] == 16
            if not is_turned(picture) or picture.format == "TIFF" or deep:
                return content
            turned, written = ImageOps.exif_transpose(picture), io.BytesIO()
            turned.save(written, "PNG" if picture.format == "PNG" else "TIFF")  # the one has palettes, the other inks
            return written.getvalue()
    except BROKEN:
        return content  # it is told with all other broken ones when it is decoded
