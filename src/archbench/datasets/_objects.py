"""What is told of places on pictures: checked against the picture, moved with it, and put into columns.

What every such data set hands over, however it was published:

- `boxes` float32 (example, object, [top, left, bottom, right]) in pixels of the prepared picture, where the pixel in
  column i covers [i, i + 1); `box_label` int32 (example, object), their classes, -1 in a row without one.
- `masks`, run lengths (example, object, height, width), where there are masks: those of `boxes`, in the same order.
- `ignored_boxes`, `ignored_label` and `ignored_masks`, where the data set has such: what is neither to be found nor
  wrong to be found. `ignored_crowd` uint8 (example, object) is 1 for a group of which any part may be found (COCO's
  crowd), and 0 for a single object that is too hard to ask for (VOC's difficult).
- `mask` uint8 (example, height, width): the class of every pixel, where that is told; 255 (`VOID`) where none is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from archbench.datasets import _fetch
from archbench.datasets._masks import VOID
from archbench.datasets._picture import Look, size_of
from archbench.datasets._pictures import Pictures, checked
from archbench.datasets._raw import Raw
from archbench.datasets.columns import Arrays, Ragged, Runs
from archbench.errors import UserError

Side = Annotated[int, Field(ge=8, le=4_096)]
"""Pixels."""
Frame = tuple[Side, Side]
"""Height and width of prepared pictures."""
Whole = Literal["stretch", "pad"]
"""How a picture of other proportions is brought to them: see `Fit`."""
Told = Literal["boxes", "ignored", "masks", "mask"]
"""Columns beside the picture: boxes with their classes, those that are ignored, masks of both, classes of pixels."""
Box = tuple[float, float, float, float]
"""Top, left, bottom and right, in pixels of the published picture."""


class WrongObject(UserError):
    """A box or a class that cannot be, or a picture that is not the one its objects are told of."""


@dataclass(frozen=True)
class Object:
    """One object as it was published."""

    name: str
    """What messages call it: `object 3 (dog)`."""
    label: int
    box: Box
    mask: Callable[[], np.ndarray] | None = None
    """Makes its mask uint8 (height, width), as the picture is prepared."""
    ignored: bool = False
    crowd: bool = False


@dataclass(frozen=True)
class Scene:
    """What is told of one picture."""

    file: str
    """Where it is told, for messages."""
    size: tuple[int, int]
    """Height and width of the picture, as told there."""
    objects: tuple[Object, ...] = ()
    classes: Callable[[], np.ndarray] | None = None
    """Makes the class of every pixel uint8 (height, width), as the picture is prepared."""
    notes: tuple[str, ...] = ()
    """What was done to objects that the data set is known for: `left out: object 3 (dog), a single pixel`."""

    def told(self, ignored: bool) -> list[Object]:
        """The objects that are to be found, or those that are `ignored`."""
        return [one for one in self.objects if one.ignored == ignored]


@dataclass(frozen=True)
class Part:
    """Pictures of one part of a data set, with what is told of each; `known` are files that are broken as published."""

    pictures: Pictures
    scenes: Sequence[Scene]
    known: Container[str] = ()


@dataclass(frozen=True)
class Gathered:
    """A data set in columns."""

    parts: dict[str, Arrays]
    scenes: dict[str, list[Scene]]
    """Part -> what is told of those of its pictures that are good."""
    odd_files: tuple[tuple[str, str], ...]
    """(file, what) for each file that is not as the others."""

    def raw(
        self,
        name: str,
        source: str,
        class_names: tuple[str, ...],
        *,
        labels: tuple[str, ...] = ("box_label",),
        label_names: Mapping[str, tuple[str, ...]] | None = None,
        validation: float | None = None,
        test: float | None = None,
        strata: str | None = None,
    ) -> Raw:
        """The data set `name` of these pictures: all parts but `train` are official; the rest as `Raw` has it."""
        return Raw(
            source,
            str(_fetch.facts(name)["licence"]),
            "image",
            self.parts["train"],
            validation,
            test,
            official={part: arrays for part, arrays in self.parts.items() if part != "train"},
            class_names=class_names,
            labels=labels,
            label_names=label_names or {},
            strata=strata,
            void={"mask": VOID} if "mask" in self.parts["train"] else {},
            odd_files=self.odd_files,
        )


def gather(parts: Mapping[str, Part], where: str, *columns: Told, skip_broken: bool = False) -> Gathered:
    """The `columns` of every part; each picture is decoded once, and what is told of it held against it.

    Messages call the data set `where`. Raises `BrokenPictures`, `WrongObject` or `WrongMask`.
    """
    good: dict[str, tuple[Pictures, list[Scene]]] = {}
    odd_files: list[tuple[str, str]] = []
    for name, part in parts.items():
        _fetch.say(f"{where}: decoding {len(part.pictures)} pictures, to learn which are good")
        rows, odd = checked(part.pictures, where, skip_broken=skip_broken, known=part.known)
        pictures, scenes = part.pictures.take(rows), [part.scenes[row] for row in rows]
        for row, scene in enumerate(scenes):
            _check(scene, *pictures.encoded(row))
        good[name] = pictures, scenes
        odd_files += odd + [(scene.file, note) for scene in scenes for note in scene.notes]
    every = [scene for _, scenes in good.values() for scene in scenes]
    most = {ignored: max([1, *(len(scene.told(ignored)) for scene in every)]) for ignored in (False, True)}
    arrays = {name: {"image": pictures} for name, (pictures, _) in good.items()}
    for name, (pictures, scenes) in good.items():
        for ignored in _kinds(columns):
            arrays[name] |= _columns(scenes, pictures.look, most[ignored], ignored, masks="masks" in columns)
        if "mask" in columns:
            arrays[name]["mask"] = np.stack([scene.classes() for scene in scenes])
    return Gathered(arrays, {name: scenes for name, (_, scenes) in good.items()}, tuple(odd_files))


def holds(
    size: Sequence[int], parts: Mapping[str, int], classes: int, *columns: Told, examples: int | None = None
) -> dict:
    """The fact `contains` of a data set with these `columns` and so many pictures in its official `parts`."""
    counts = {part: min(count, examples or count) for part, count in parts.items()}
    return {"input": "image", "arrays": _declared(size, columns), **counts, "classes": classes}


def _declared(size: Sequence[int], columns: Container[Told]) -> dict[str, dict]:
    """Columns of data that are not here yet, as their card will describe them."""
    found = {"image": {"shape": [*size, 3], "dtype": "uint8"}}
    for ignored in _kinds(columns):
        boxes, label, crowd, masks = _names(ignored)
        found[boxes] = {"shape": [None, 4], "dtype": "float32", "storage": "ragged", "pad": 0}
        found[label] = {"shape": [None], "dtype": "int32", "storage": "ragged", "pad": -1}
        if ignored:
            found[crowd] = {"shape": [None], "dtype": "uint8", "storage": "ragged", "pad": 0}
        if "masks" in columns:
            found[masks] = {"shape": [None, *size], "dtype": "uint8", "storage": "runs"}
    if "mask" in columns:
        found["mask"] = {"shape": [*size], "dtype": "uint8"}
    return found


def _kinds(columns: Container[Told]) -> list[bool]:
    """Whether ignored objects or not, for those that there are columns of."""
    return [ignored for ignored, name in ((False, "boxes"), (True, "ignored")) if name in columns]


def _names(ignored: bool) -> tuple[str, str, str, str]:
    """The arrays of boxes, classes, crowds (of the ignored alone) and masks."""
    if ignored:
        return "ignored_boxes", "ignored_label", "ignored_crowd", "ignored_masks"
    return "boxes", "box_label", "", "masks"


def _columns(scenes: Sequence[Scene], look: Look, most: int, ignored: bool, *, masks: bool) -> Arrays:
    told, (boxes, label, crowd, mask) = [scene.told(ignored) for scene in scenes], _names(ignored)
    moved = (_moved([one.box for one in some], scene.size, look) for some, scene in zip(told, scenes, strict=True))
    arrays: Arrays = {
        boxes: Ragged.of(moved, 0, most),
        label: Ragged.of((np.array([one.label for one in some], np.int32) for some in told), -1, most),
    }
    if ignored:
        arrays[crowd] = Ragged.of((np.array([one.crowd for one in some], np.uint8) for some in told), 0, most)
    if masks:
        drawn = (np.array([one.mask() for one in some], np.uint8).reshape(-1, *look.shape) for some in told)
        arrays[mask] = Runs.of(drawn, look.shape, most)
    return arrays


def _moved(boxes: Sequence[Box], size: tuple[int, int], look: Look) -> np.ndarray:
    """Boxes float32 (object, 4) on the picture of `size` (height, width) as the `look` has it."""
    (height, width), inner = size, look.inner(*size)
    scale = np.array([inner[0] / height, inner[1] / width] * 2)
    return (np.array(boxes, np.float64).reshape(-1, 4) * scale).astype(np.float32)


def _check(scene: Scene, content: bytes, picture: str) -> None:
    """Raise `WrongObject` unless the picture file has the size that is told, and every box lies on it."""
    height, width = scene.size
    if (found := size_of(content, picture)) != scene.size:
        raise WrongObject(
            f"{scene.file} tells of a picture of {width} x {height} pixels; {picture} has {found[1]} x {found[0]}. "
            "What is told would lie elsewhere: mend one of the two, or download the data set again."
        )
    for one in scene.objects:
        top, left, bottom, right = one.box
        fault = None
        if top >= bottom or left >= right:
            fault = "is empty or upside down"
        elif min(top, left) < 0 or bottom > height or right > width:
            fault = f"lies outside its picture of {width} x {height} pixels"
        elif not all(map(math.isfinite, one.box)):
            fault = "has a side that is no finite number"
        if fault:
            raise WrongObject(
                f"{scene.file}: the box of {one.name} {fault}: top {top:g}, left {left:g}, bottom {bottom:g}, right "
                f"{right:g}, counted from 0. Correct it, or download the data set again."
            )
