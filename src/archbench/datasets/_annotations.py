"""Boxes as users have them: COCO's JSON, Pascal VOC's XML, YOLO's lines of text, each with its pictures.

COCO: Lin et al. 2014, arXiv:1405.0312, `bbox` is left, top, width, height in pixels from 0. VOC: see `_voc.py`. YOLO:
a line is the number of a class, the middle's x and y, width and height, all as shares of the picture (Redmon's
darknet, and Ultralytics' layout of folders).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

import yaml

from archbench.datasets import _voc
from archbench.datasets._objects import Box, Object, Scene, WrongObject
from archbench.datasets._own import SPLIT_OF, NotThere, Place, split_in
from archbench.datasets._picture import BrokenPicture, size_of
from archbench.datasets._text import BrokenText
from archbench.datasets._text import lines as text_lines
from archbench.errors import listed, shown

SLACK = 1.0
"""Pixels that a box may stick out of its picture: roundings; it is cut there, and counted."""
NAMES = ("classes.txt", "obj.names", "data.yaml", "dataset.yaml")
"""Where YOLO's users write down what their classes are called."""
FIELDS = 5


@dataclass(frozen=True)
class Annotated:
    """A picture with what is told of it."""

    picture: str
    scene: Scene
    split: str | None


@dataclass(frozen=True)
class Found:
    """All that annotations tell."""

    pictures: list[Annotated]
    kinds: tuple[str, ...]


def read(place: Place, form: str | None) -> Found:
    """The annotations at a place, in the `form` that is told, or in that whose files are there; raises `NotThere`."""
    files = annotated(place)
    if form is None and len(files) != 1:
        what = f"files of {' and of '.join(files)}" if files else "no annotations: no .json, no .xml, no .txt"
        raise NotThere(f"{place} holds {what}. Say which by `format`, coco, voc or yolo, or add them.")
    form = form or next(iter(files))
    if form not in files:
        raise NotThere(f"{place} holds no annotations of the format {form}. It holds: {listed(place.names())}.")
    return {"coco": _coco, "voc": _pascal, "yolo": _yolo}[form](place, files[form])


def annotated(place: Place) -> dict[str, list[str]]:
    """Format -> the files at a place that are annotations of it, of the formats of which there are some."""
    names = place.names()
    files = {
        "coco": [name for name in names if name.lower().endswith(".json")],
        "voc": [name for name in names if name.lower().endswith(".xml")],
        "yolo": [name for name in names if name.endswith(".txt") and not _is_list(name)],
    }
    return {form: found for form, found in files.items() if found}


def _is_list(name: str) -> bool:
    """Whether a text lists classes or pictures, as VOC's `ImageSets/Main/train.txt` and YOLO's `train.txt` do."""
    path = PurePosixPath(name)
    return path.name in NAMES or "ImageSets" in path.parts or (path.stem in SPLIT_OF and "labels" not in path.parts)


def _fitted(box: Box, size: tuple[int, int]) -> tuple[Box, bool]:
    """A box cut to the picture where it sticks out by a rounding, and whether it was cut."""
    limits = (*size, *size)
    cut = tuple(min(max(side, 0.0), limit) for side, limit in zip(box, limits, strict=True))
    near = all(math.isfinite(side) and abs(side - other) <= SLACK for side, other in zip(box, cut, strict=True))
    return (cut, cut != box) if near else (box, False)


def _scene(where: str, size: tuple[int, int], objects: Sequence[Object]) -> Scene:
    """What is told of a picture, its boxes cut to it where that is but a rounding."""
    kept, notes = [], []
    for one in objects:
        box, moved = _fitted(one.box, size)
        kept.append(Object(one.name, one.label, box, ignored=one.ignored, crowd=one.crowd))
        notes += [f"clipped: {one.name}, to the picture's edge"] * moved
    return Scene(where, size, tuple(kept), notes=tuple(notes))


def _coco(place: Place, files: Sequence[str]) -> Found:
    told = {file: _json(place, file) for file in files}
    kinds = tuple(sorted({one["name"] for content in told.values() for one in content["categories"].values()}))
    number = {kind: place for place, kind in enumerate(kinds)}
    found = []
    for file, content in told.items():
        split = _split_of_file(file)
        if split is None and len(files) > 1:
            raise NotThere(f"{place}: of several JSON files each needs the name of a split, as train.json: {file}.")
        boxes: dict[Any, list[Object]] = {key: [] for key in content["images"]}
        for key, one in content["annotations"]:
            boxes[key].append(Object(one[0], number[one[1]], one[2], ignored=one[3], crowd=one[3]))
        folder = str(PurePosixPath(file).parent)
        below = [folder, "", "images", *(f"{base}{name}" for name in SPLIT_OF for base in ("", "images/"))]
        for key, (name, size) in content["images"].items():
            picture = place.find(name, below, f"{file}, image {key}")
            found.append(Annotated(picture, _scene(f"{file}, image {key} ({name})", size, boxes[key]), split))
    return Found(found, kinds)


def _split_of_file(file: str) -> str | None:
    """The split that a file, or a folder that it is in, is named after: `instances_train2017.json`."""
    words = re.split(r"[^a-z]+", file.lower())
    return next((SPLIT_OF[word] for word in words if word in SPLIT_OF), None)


def _json(place: Place, file: str) -> dict[str, Any]:
    """Images (name, size) by id, categories by id, and annotations (image, (name, kind, box, crowd)) of COCO's JSON."""
    try:
        content = json.loads(place.read(file))
        images = {one["id"]: (str(one["file_name"]), _size_told(one)) for one in content["images"]}
        categories = {one["id"]: {"name": str(one["name"])} for one in content["categories"]}
        annotations = [_coco_object(file, one, images, categories) for one in content["annotations"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WrongObject(
            f"{file} is no annotation of COCO ({type(error).__name__}: {error}): it needs images, categories and "
            "annotations. Mend it."
        ) from error
    return {"images": images, "categories": categories, "annotations": annotations}


def _size_told(image: Mapping[str, Any]) -> tuple[int, int]:
    return int(image["height"]), int(image["width"])


def _coco_object(file: str, one: Mapping[str, Any], images: Mapping, categories: Mapping) -> tuple[Any, tuple]:
    where = f"annotation {one['id']}"
    for key, known, what in (("image_id", images, "image"), ("category_id", categories, "category")):
        if one[key] not in known:
            raise WrongObject(
                f"{file}: {where} is of the {what} {shown(one[key])}, which is not listed there. Mend it."
            )
    left, top, width, height = map(float, one["bbox"])
    kind = categories[one["category_id"]]["name"]
    box = top, left, top + height, left + width
    return one["image_id"], (f"{where} ({kind})", kind, box, bool(one.get("iscrowd")))


def _pascal(place: Place, files: Sequence[str]) -> Found:
    lists = _lists(place)
    kinds = tuple(sorted({kind for file in files for kind in _kinds(place, file)}))
    found = []
    for file in files:
        path = PurePosixPath(file)
        scene = _voc.read(place.read(file), file, kinds)
        parent = path.parent
        folders = [str(parent), *(str(parent.parent / name) for name in ("JPEGImages", "images")), "images", ""]
        folders += [str(PurePosixPath("images", *parent.parts[1:]))]
        name = (ElementTree.fromstring(place.read(file)).findtext("filename") or "").strip()
        keys = ((folder or ".", path.stem) for folder in folders)
        beside = next((place.by_stem[key] for key in keys if key in place.by_stem), None)
        picture = beside or place.find(name or f"{path.stem}.jpg", folders, file)
        found.append(Annotated(picture, _scene(file, scene.size, scene.objects), lists.get(path.stem, split_in(file))))
    return Found(found, kinds)


def _kinds(place: Place, file: str) -> list[str]:
    try:
        root = ElementTree.fromstring(place.read(file))
    except ElementTree.ParseError as error:
        raise WrongObject(f"{file} is no annotation of Pascal VOC ({error}). Mend it, or move it away.") from error
    return [element.findtext("name", "").strip() for element in root.findall("object")]


def _lists(place: Place) -> dict[str, str]:
    """Stem of a picture -> the split whose list in `ImageSets/Main` has it."""
    files = [name for name in place.names() if "ImageSets/Main/" in name and PurePosixPath(name).stem in SPLIT_OF]
    return {
        line.split()[0]: SPLIT_OF[PurePosixPath(file).stem]
        for file in files
        for _, line in text_lines(place.read(file), file)
        if line.strip()
    }


def _yolo(place: Place, files: Sequence[str]) -> Found:
    kinds = _names(place)
    labels, found = set(files), []
    for picture in place.pictures():
        path = PurePosixPath(picture)
        parts = ["labels" if part == "images" else part for part in path.parent.parts]
        told = [str(PurePosixPath(*where, f"{path.stem}.txt")) for where in (parts, path.parent.parts)]
        file = next((name for name in told if name in labels), None)
        labels.discard(file)
        try:
            size = size_of(place.read(picture), picture)
        except BrokenPicture:
            size = (1, 1)  # it is told with all other broken ones when it is decoded
        objects = _lines(place, file, size, kinds) if file and size != (1, 1) else []
        scene = _scene(file or picture, size, objects)
        if file is None:
            scene = Scene(picture, size, notes=("without a file of labels, so without objects",))
        found.append(Annotated(picture, scene, split_in(picture)))
    if labels:
        raise NotThere(f"{place} has labels in {min(labels)}, and no picture of that name. Correct one of them.")
    return Found(found, kinds)


def _names(place: Place) -> tuple[str, ...]:
    """What the classes 0, 1, ... are called; raises `NotThere` or `BrokenText`."""
    file = next((name for name in NAMES if name in place.names()), None)
    if file is None:
        raise NotThere(f"{place} does not say what its classes are called. Write classes.txt there, a name a line.")
    if file.endswith(".yaml"):
        try:
            names = yaml.safe_load(place.read(file))["names"]
            names = [names[number] for number in range(len(names))]
        except (yaml.YAMLError, KeyError, TypeError, IndexError) as error:
            raise BrokenText(f"{file} has no `names`, a list of classes ({error}). Mend it.") from error
        return tuple(map(str, names))
    return tuple(line.strip() for _, line in text_lines(place.read(file), file) if line.strip())


def _lines(place: Place, file: str, size: tuple[int, int], kinds: Sequence[str]) -> list[Object]:
    objects = []
    for number, line in text_lines(place.read(file), file):
        if not line.strip():
            continue
        where, values = f"{file}, line {number}", line.split()
        try:
            kind, (x, y, width, height) = int(values[0]), map(float, values[1:])
        except ValueError as error:
            raise BrokenText(
                f"{where}: this is no class and four shares of the picture, but {line!r:.80} ({error}). Mend it."
            ) from error
        if not 0 <= kind < len(kinds):
            raise WrongObject(f"{where}: there is no class {kind}; {listed(kinds)} are 0 to {len(kinds) - 1}. Mend it.")
        top, left = (y - height / 2) * size[0], (x - width / 2) * size[1]
        box = top, left, top + height * size[0], left + width * size[1]
        objects.append(Object(f"line {number} ({kinds[kind]})", kind, box))
    return objects
