"""Files of the user's own: opened where they lie, told by name where they are wrong, and divided into splits.

Whatever a table or an annotation names is looked for inside the folder that was given, and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from archbench.datasets._extract import Unpacked
from archbench.datasets._options import given_path, plain
from archbench.datasets._pictures import Files
from archbench.datasets._raw import Raw
from archbench.datasets._split import split
from archbench.datasets._upright import upright
from archbench.datasets.columns import Arrays, take
from archbench.errors import UserError, listed, shown

SOURCE, LICENCE = "files of the user's own", "that of their owner"
OWN = {"source": SOURCE, "licence": LICENCE, "kind": "own", "bytes": 0}
"""The facts of a data set that is made from them."""
SPLIT_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""How users call their splits -> what they are called here."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""How names of pictures end, in small letters."""


class NotThere(UserError):
    """A file or folder that is named and is not there."""


class OutsideFolder(UserError):
    """A file that a table or an annotation names outside the folder that was given."""


class WrongSplit(UserError):
    """Splits that are named in another way, lack one that trains, or share a group."""


class UnknownLabel(UserError):
    """A label of the validation or test split that the training split lacks."""


class EmptyValue(UserError):
    """A place of a table, or a line of a text, where something must stand and nothing does."""


def existing(option: str, value: str) -> Path:
    """As `given_path`, of what is there; raises `NotThere`."""
    path = given_path(option, value)
    if not path.exists():
        raise NotThere(
            f"The option {option} names {plain(path)}, and there is no such file or folder (seen from "
            f"{plain(Path.cwd())}). Correct it in the datasets section of params.yaml."
        )
    return path


def paths(facts: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Path]:
    """Option -> the file or folder of the user's own that it names."""
    named = {name: options.get(name) for name in facts.get("paths", ())}
    return {name: given_path(name, value) for name, value in named.items() if isinstance(value, str)}


def files_below(named: Mapping[str, Path]) -> dict[str, Path]:
    """Name -> file, of all files that these are or hold; raises `NotThere`."""
    found: dict[str, Path] = {}
    for option, path in named.items():
        existing(option, str(path))
        if path.is_file():
            found[option] = path
        else:
            found |= {f"{option}/{name}": path / name for name in _below(path)}
    return found


def _below(folder: Path) -> list[str]:
    """The files below a folder, by their paths from there, sorted; those of the operating system left out."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts))


class Displayed(Files):
    """Picture files as they are displayed: turned as their EXIF asks."""

    def read(self, row: int) -> bytes:
        """The file's bytes, of a picture that stands upright; raises `FolderGone`."""
        return upright(super().read(row))


class Place:
    """A folder of the user's own, or an archive, unpacked for as long as this object lives.

    Where an archive holds one folder and nothing else, that folder is the place.
    """

    def __init__(self, option: str, given: str, raw: Path) -> None:
        self.given, self._packed = existing(option, given), None
        self.folder = self.given
        if self.given.is_file():
            within = raw / "own"
            within.mkdir(parents=True, exist_ok=True)
            room = shutil.disk_usage(within).free // 2
            self._packed = Unpacked(self.given, room, within=within, own=True)
            self.folder = _inner(self._packed.folder)

    @cached_property
    def _all(self) -> list[str]:
        """The files below it, read once."""
        return _below(self.folder)

    def names(self, below: str = "") -> list[str]:
        """The files below a folder of it, by their paths from the place, sorted; none where there is no such folder."""
        start = f"{below}/" if below else ""
        return [name for name in self._all if name.startswith(start)]

    def pictures(self, below: str = "") -> list[str]:
        """Those of `names` that end as pictures do."""
        return [name for name in self.names(below) if name.lower().endswith(PICTURES)]

    @cached_property
    def by_stem(self) -> dict[tuple[str, str], str]:
        """(folder, name without its end) -> picture."""
        paths = map(PurePosixPath, self.pictures())
        return {(path.parent.as_posix(), path.stem): path.as_posix() for path in paths}

    def check(self, name: str, where: str) -> str:
        """`name` as a path below the place; raises `OutsideFolder` or `NotThere`, with `where` it is named."""
        return self.find(name, ("",), where)

    def find(self, name: str, folders: Sequence[str], where: str) -> str:
        """`name`, looked for in several folders of the place one after the other; raises as `check` does."""
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", name) or not path.parts:
            raise OutsideFolder(
                f"{where} names {shown(name)}, which is no path below {plain(self.given)}. Name files by their paths "
                "from there, without .. and without a drive."
            )
        for folder in folders:
            if (self.folder / folder / path).is_file():
                return (PurePosixPath(folder) / path).as_posix()
        raise NotThere(f"{where} names {shown(name)}, and {plain(self.given)} has no such file. Correct it.")

    def source(self, names: Sequence[str]) -> Displayed:
        """These files as a source of pictures."""
        return Displayed(self.folder, names, self._packed)

    def read(self, name: str) -> bytes:
        """The content of a file; of a picture as it is displayed."""
        content = (self.folder / name).read_bytes()
        return upright(content) if name.lower().endswith(PICTURES) else content

    def __str__(self) -> str:
        return plain(self.given)


def _inner(folder: Path) -> Path:
    """The one folder in a folder that holds nothing else; else the folder itself."""
    visible = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    return _inner(visible[0]) if len(visible) == 1 and visible[0].is_dir() else folder


def split_named(word: str, where: str) -> str:
    """The split that a user's word means; raises `WrongSplit`, naming `where` it stands."""
    found = SPLIT_OF.get(word.strip().lower())
    if found is None:
        raise WrongSplit(f"{where}: the split {shown(word)} is none of {', '.join(SPLIT_OF)}. Correct it.")
    return found


def split_in(path: str) -> str | None:
    """The split that a part of a path is named after, as in `images/train/7.png`."""
    return next((SPLIT_OF[part] for part in PurePosixPath(path.lower()).parts[:-1] if part in SPLIT_OF), None)


@dataclass(frozen=True)
class Shares:
    """How what is not given is divided."""

    validation: float
    test: float
    seed: int


def divide(
    named: Sequence[str | None],
    shares: Shares,
    *,
    strata: np.ndarray | None = None,
    group: np.ndarray | None = None,
    where: str,
) -> dict[str, np.ndarray]:
    """Split -> its rows: as they are `named`, and those that nobody names cut from what trains.

    Every class of `strata` is divided in the same proportions, every `group` is in one split. Raises `WrongSplit`
    where some rows are named and others are not, none trains, or a group is named in two splits.
    """
    names = set(named)
    if None in names and len(names) > 1:
        row = [*named].index(None) + 1
        raise WrongSplit(f"{where} names the split of some examples and not of row {row}. Name all.")
    known = () if None in names else [name for name in ("train", "validation", "test") if name in names]
    given = {name: np.flatnonzero([one == name for one in named]) for name in known}
    if given and "train" not in given:
        raise WrongSplit(f"{where} names the splits {listed(sorted(given))}, and none to train with. Name some train.")
    if group is not None:
        _check_groups(given, group, where)
    pool = given.get("train", np.arange(len(named)))
    fractions = {"validation": shares.validation, "test": shares.test}
    fractions = {name: share for name, share in fractions.items() if name not in given}
    cut = {"train": np.arange(len(pool))}
    if fractions:
        own = [None if column is None else column[pool] for column in (strata, group)]
        cut = split(len(pool), fractions, shares.seed, *own)
    found = {**given, **{name: pool[rows] for name, rows in cut.items()}}
    return {name: found[name] for name in ("train", "validation", "test")}


def _check_groups(splits: Mapping[str, np.ndarray], group: np.ndarray, where: str) -> None:
    seen: dict[int, str] = {}
    for name, rows in splits.items():
        for one in np.unique(group[rows]).tolist():
            if one in seen:
                raise WrongSplit(
                    f"{where}: group {one} has examples in {seen[one]} and in {name}. Put a group into one split, or "
                    "leave the splits to be made."
                )
            seen[one] = name


def numbered(
    labels: Sequence[str], splits: Mapping[str, np.ndarray], places: Sequence[str]
) -> tuple[np.ndarray, tuple]:
    """The class of every example int32 (example,), and the names of the classes: those of the training split, sorted.

    Raises `UnknownLabel` with the place, of `places`, of one that only another split has.
    """
    classes = tuple(sorted({labels[row] for row in splits["train"]}))
    number = {name: place for place, name in enumerate(classes)}
    for name, rows in splits.items():
        for row in sorted(rows.tolist()):
            if labels[row] not in number:
                raise UnknownLabel(
                    f"{places[row]}: the label {shown(labels[row])} is in the split {name} and no training example has "
                    f"it. These have: {listed(classes)}. Correct it, or add training examples."
                )
    return np.array([number.get(label, -1) for label in labels], np.int32), classes


def codes(values: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Values as numbers int32 (example,), and what the numbers mean, sorted."""
    names = tuple(sorted(set(values)))
    number = {name: place for place, name in enumerate(names)}
    return np.array([number[value] for value in values], np.int32), names


def fingerprint(content: bytes) -> bytes:
    """What is the same of equal contents alone."""
    return hashlib.sha256(content).digest()


def repeated(keys: Sequence[Any], places: Sequence[str], splits: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """(place, what) of every example that an earlier split has too, by `keys` that equal examples share."""
    first: dict[Any, tuple[str, int]] = {}
    found = []
    for name, rows in splits.items():
        for row in sorted(rows.tolist()):
            other, place = first.setdefault(keys[row], (name, row))
            if other != name:
                found.append((places[row], f"duplicate: in {name}, and in {other} as {places[place]}"))
    return found


def own_raw(
    given: str, read: str, arrays: Arrays, splits: Mapping[str, np.ndarray], odd: Sequence[tuple[str, str]], **more: Any
) -> Raw:
    """A data set of these `arrays`, of which a network reads `read`, in these splits; the rest as `Raw` has it."""
    parts = {name: {key: take(array, rows) for key, array in arrays.items()} for name, rows in splits.items()}
    return Raw(f"{SOURCE}: {given}", LICENCE, read, parts.pop("train"), official=parts, odd_files=tuple(odd), **more)
