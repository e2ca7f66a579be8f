"""Small annotation files in the formats they are published in."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence

import numpy as np
import picture_files as files
from PIL import Image


def tar(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def png(numbers: object, palette: bool = False) -> bytes:
    """A PNG of numbers (height, width), gray or with a palette whose colors are other numbers."""
    picture = Image.fromarray(np.array(numbers, np.uint8), "P" if palette else "L")
    if palette:
        picture.putpalette([255 - number // 3 for number in range(768)])
    return files.saved(picture, "PNG")


def annotation(size: tuple[int, int], *objects: str) -> bytes:
    """Pascal VOC's XML of a picture (width, height)."""
    width, height = size
    told = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation><folder>x</folder>{told}<segmented>0</segmented>{''.join(objects)}</annotation>".encode()


def thing(name: str, box: Sequence[object], *more: str) -> str:
    """An object with its box (xmin, ymin, xmax, ymax); the order of children is another than usual."""
    xmin, ymin, xmax, ymax = box
    sides = f"<ymax>{ymax}</ymax><xmin>{xmin}</xmin><xmax>{xmax}</xmax><ymin>{ymin}</ymin>"
    return f"<object>{''.join(more)}<bndbox>{sides}</bndbox><name>{name}</name></object>"
