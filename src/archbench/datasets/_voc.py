"""Annotations in Pascal VOC's XML, which other data sets have taken over.

Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88. A box there counts pixels from 1
and holds both its ends, so that `xmin` 1, `xmax` 3 are three columns: here left 0, right 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from archbench.datasets._objects import Box, Object, Scene, WrongObject

SIDES = ("ymin", "xmin", "ymax", "xmax")


def read(content: bytes, file: str, kinds: Sequence[str]) -> Scene:
    """The objects of one annotation `file`, whose classes are numbered as in `kinds`; difficult ones are ignored.

    An object is known by its own name and box: those of its parts (a person's head) are left alone. Raises
    `WrongObject`.
    """
    try:
        root = ElementTree.fromstring(content)
        size = int(root.findtext("size/height", "")), int(root.findtext("size/width", ""))
    except (ElementTree.ParseError, ValueError) as error:
        raise WrongObject(f"{file} is no annotation of Pascal VOC ({error}). Download the data set again.") from error
    found = enumerate(root.findall("object"), 1)
    return Scene(file, size, tuple(_object(element, number, file, kinds) for number, element in found))


def _object(element: ElementTree.Element, number: int, file: str, kinds: Sequence[str]) -> Object:
    kind = element.findtext("name", "").strip()
    name = f"object {number} ({kind})"
    if kind not in kinds:
        raise WrongObject(f"{file}: {name} is of an unknown class. It must be one of {', '.join(kinds)}.")
    difficult = element.findtext("difficult", "0").strip() == "1"
    return Object(name, kinds.index(kind), _box(element, name, file), ignored=difficult)


def _box(element: ElementTree.Element, name: str, file: str) -> Box:
    """From the object's own `bndbox`; a few files of 2012 have fractions, whose whole part counts."""
    box = element.find("bndbox")
    try:
        top, left, bottom, right = (int(float(box.findtext(side, ""))) for side in SIDES)
    except (AttributeError, ValueError, OverflowError) as error:
        raise WrongObject(f"{file}: {name} has no box of four numbers ({error}).") from error
    return top - 1, left - 1, bottom, right
