"""Masks as they are published, brought to the size of prepared pictures: index pictures, COCO's run lengths, polygons.

A mask is moved as its picture is (`Look`): it takes the nearest pixel, where the picture takes a mean.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from archbench.datasets._options import plain
from archbench.datasets._picture import BROKEN, Look
from archbench.errors import UserError

VOID = 255
"""In a map of classes or objects: a pixel of no known class, which losses and scores leave out."""
FIRST, GROUP, MORE, SIGN = 48, 0x1F, 0x20, 0x10
"""COCO's strings of run lengths: the character of 0, and in each the five bits, whether more follow, and the sign."""


class WrongMask(UserError):
    """A mask that is no mask, or of another size than its picture."""


def indices(content: bytes, where: str, size: tuple[int, int]) -> np.ndarray:
    """The numbers uint8 (height, width) that a picture with a palette, or a gray one, holds: not their colors.

    Raises `WrongMask` unless it has the `size` (height, width).
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            if picture.mode not in ("P", "L"):
                raise WrongMask(f"{plain(where)} is no map of numbers but has pixels of the kind {picture.mode!r}.")
            found = np.asarray(picture)
    except BROKEN as error:
        raise WrongMask(f"{plain(where)} cannot be decoded ({error}).") from error
    if found.shape != size:
        raise WrongMask(f"{plain(where)} is a mask of {_by(found.shape)} pixels, its picture has {_by(size)}.")
    return found


def fitted(mask: np.ndarray, look: Look, outside: int = 0) -> np.ndarray:
    """A map uint8 (height, width) as the `look` has its picture; `outside` is where the picture is filled up."""
    height, width = look.inner(*mask.shape)
    whole = np.full(look.shape, outside, np.uint8)
    whole[:height, :width] = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    return whole


def from_runs(counts: str | Sequence[int], size: tuple[int, int], where: str) -> np.ndarray:
    """COCO's run lengths, of zeros first and column after column, to a mask uint8 of `size` (height, width).

    As a list, or as the string that pycocotools writes. Raises `WrongMask` where they are not those of so many pixels.
    """
    try:
        runs = _unpacked(counts) if isinstance(counts, str) else [int(count) for count in counts]
    except (IndexError, TypeError, ValueError) as error:
        raise WrongMask(f"{where}: its run lengths cannot be read ({error}).") from error
    if min(runs, default=0) < 0 or sum(runs) != size[0] * size[1]:
        raise WrongMask(f"{where}: its run lengths are those of {sum(runs)} pixels, its picture has {_by(size)}.")
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)
    return np.ascontiguousarray(flat.reshape(size[::-1]).T)


def from_polygons(polygons: Sequence[np.ndarray], size: tuple[int, int], look: Look) -> np.ndarray:
    """The union of `polygons` (point, [x, y]) on a picture of `size` (height, width), as the `look` has that picture.

    Drawn by pycocotools at the size that is wanted, so that edges are as sharp there. Points outside the picture are
    moved to its edge.
    """
    height, width = look.inner(*size)
    scale = np.array([width / size[1], height / size[0]])
    flat = [(np.clip(points, 0, size[::-1]) * scale).ravel().tolist() for points in polygons]
    whole = np.zeros(look.shape, np.uint8)
    whole[:height, :width] = coco.decode(coco.merge(coco.frPyObjects(flat, height, width)))
    return whole


def points(flat_x: Sequence[float], flat_y: Sequence[float], where: str) -> np.ndarray:
    """A polygon float64 (point, [x, y]); raises `WrongMask` where it breaks off or has fewer than three points."""
    if not len(flat_x) == len(flat_y) >= 3:
        raise WrongMask(f"{where}: a polygon of {len(flat_x)} x and {len(flat_y)} y; it needs three points or more.")
    try:
        found = np.array([flat_x, flat_y], np.float64).T
    except (TypeError, ValueError) as error:
        raise WrongMask(f"{where}: a polygon with a point that is no number ({error}).") from error
    if not np.isfinite(found).all():
        raise WrongMask(f"{where}: a polygon with a point that is no finite number.")
    return found


def _unpacked(text: str) -> list[int]:
    """Numbers in groups of five bits, the lowest first; from the fourth on, less the one two places before."""
    counts: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            code = ord(text[place]) - FIRST
            if not 0 <= code < 2 * MORE:
                raise ValueError(f"the character {text[place]!r} at {place}")
            value |= (code & GROUP) << shift
            shift, place, more = shift + 5, place + 1, bool(code & MORE)
        if code & SIGN:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    return counts


def _by(size: Sequence[int]) -> str:
    return f"{size[1]} x {size[0]}"
