"""Pictures of the user's own with a class each: in class folders, or listed in a table of files and labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archbench.datasets import dataset
from archbench.datasets._fetch import say
from archbench.datasets._folders import Crop, EmptyClass, Size, StrangeFile
from archbench.datasets._objects import Frame
from archbench.datasets._options import plain
from archbench.datasets._own import (
    OWN,
    SPLIT_OF,
    Place,
    Shares,
    codes,
    divide,
    fingerprint,
    numbered,
    own_raw,
    repeated,
)
from archbench.datasets._picture import Fit, Inks, Look
from archbench.datasets._pictures import Pictures, Storage, checked
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets._tables import read_table
from archbench.options import Inside, Seed


@dataclass(frozen=True)
class Listed:
    """One picture as it is listed."""

    file: str
    place: str
    """Where it is listed, for messages."""
    label: str
    split: str | None = None
    group: str = ""


@dataset("image_folder", **OWN, paths=("folder", "table"))
def image_folder(
    raw: Path,
    *,
    folder: str,
    table: str | None = None,
    file: str = "file",
    label: str = "label",
    split: str | None = None,
    group: str | None = None,
    size: Size | Frame = 64,
    fit: Fit = "crop",
    crop: Crop = 1.0,
    cmyk: Inks = "refuse",
    storage: Storage = "arrays",
    validation: Inside = VALIDATION,
    test: Inside = TEST,
    seed: Seed = 0,
    skip_broken: bool = False,
) -> Raw:
    """Pictures of your own, one class each, from a folder or an archive: PNG, JPEG, WebP, BMP, TIFF, of any size.

    `folder` holds a folder for each class; or `train`, `test` and maybe `validation` with these in each. With `table`,
    a CSV or Parquet file, its column `file` names pictures below `folder` and `label` their classes; `split` and
    `group` are columns too, of `train`, `validation` or `test`, and of what must stay in one split. What is not given
    is cut from what trains, every class in proportion. `image` uint8 (height, width, 3) of `size`, pixels a side or
    (height, width): the central square of a picture, of which `crop` is kept, or by `fit` the whole of it, stretched or
    padded. `label` int32; `group` int32 where there is one. The card counts pictures that two splits have alike.
    """
    place = Place("folder", folder, raw)
    found = _by_table(place, table, (file, label, split, group)) if table else _by_folder(place)
    look = Look(tuple(size) if not isinstance(size, int) else size, float(crop), cmyk, fit)
    pictures = Pictures(place.source([one.file for one in found]), look, storage)
    say(f"{place}: decoding {len(pictures)} pictures, to learn which are good")
    rows, odd = checked(pictures, str(place), skip_broken=skip_broken)
    _check_classes(found, rows, place)
    found, pictures = [found[row] for row in rows], pictures.take(rows)
    places, strata = [one.place for one in found], codes([one.label for one in found])[0]
    groups = codes([one.group for one in found])[0] if group else None
    shares = Shares(validation, test, seed)
    splits = divide([one.split for one in found], shares, strata=strata, group=groups, where=table or str(place))
    number, classes = numbered([one.label for one in found], splits, places)
    odd += repeated([fingerprint(place.read(one.file)) for one in found], places, splits)
    arrays = {"image": pictures, "label": number, **({} if groups is None else {"group": groups})}
    more = {**ONE_CLASS, "group": "group" if group else None}
    return own_raw(folder, "image", arrays, splits, odd, class_names=classes, **more)


def _by_table(place: Place, table: str, columns: tuple[str, str, str | None, str | None]) -> list[Listed]:
    rows, (file, label, split, group) = read_table("table", table), columns
    files, labels = rows.column(file, "file"), rows.column(label, "label")
    splits, groups = rows.splits(split), rows.column(group, "group") if group else [""] * len(rows)
    return [
        Listed(place.check(files[row], rows.place(row)), rows.place(row), labels[row].strip(), splits[row], groups[row])
        for row in range(len(rows))
    ]


def _by_folder(place: Place) -> list[Listed]:
    """The pictures of class folders, in folders of splits or at once; raises `StrangeFile` or `EmptyClass`."""
    folders = _folders(place.folder, place)
    inner = {name: any(path.is_dir() for path in folder.iterdir()) for name, folder in folders.items()}
    splits = [name for name in folders if name.lower() in SPLIT_OF and inner[name]]
    if splits and len(splits) < len(folders):
        other = next(name for name in folders if name not in splits)
        raise StrangeFile(f"{place} holds folders of splits, {', '.join(splits)}, and {plain(other)}. Move it away.")
    if splits:
        return [
            Listed(f"{name}/{one.file}", f"{name}/{one.place}", one.label, SPLIT_OF[name.lower()])
            for name in splits
            for one in _classes(_folders(folders[name], place), place)
        ]
    return _classes(folders, place)


def _folders(folder: Path, place: Place) -> dict[str, Path]:
    """Name -> folder, of those in a folder that may hold nothing else."""
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    strange = [path for path in visible if not path.is_dir()]
    if strange or not visible:
        what = f"{plain(strange[0].name)} in it is none" if strange else "it has none"
        raise StrangeFile(
            f"{place} should hold a folder for each class, or a table that lists the pictures should be named by "
            f"`table`; {what}. Sort the pictures, or move it away."
        )
    return {path.name: path for path in visible}


def _classes(folders: dict[str, Path], place: Place) -> list[Listed]:
    found = []
    for label, folder in folders.items():
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        if not files:
            raise EmptyClass(
                f"{place}: the folder {plain(folder.name)} holds no picture. Put the pictures of this class there, or "
                "remove the folder."
            )
        names = [f"{label}/{file.relative_to(folder).as_posix()}" for file in files]
        found += [Listed(name, plain(name), plain(label)) for name in names]
    return found


def _check_classes(found: list[Listed], rows: np.ndarray, place: Place) -> None:
    """Raise `EmptyClass` where no picture of a class is left, or there is but one class."""
    labels, left = {one.label for one in found}, {found[row].label for row in rows}
    if lost := sorted(labels - left):
        raise EmptyClass(f"{place} has no good picture of the class {lost[0]}. Look at what was skipped.")
    if len(left) < 2:
        raise EmptyClass(f"{place} has pictures of one class, {left.pop()}. A classifier needs two or more.")
