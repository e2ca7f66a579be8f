"""Pictures in a folder a class: found, decoded once to learn which are good, handed over still encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets._decoders import Source
from archbench.datasets._fetch import say
from archbench.datasets._options import plain
from archbench.datasets._picture import Inks, Look
from archbench.datasets._pictures import Pictures, Storage, checked
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.errors import UserError

Crop = Annotated[float, Field(gt=0, le=1)]
Size = Annotated[int, Field(ge=8, le=1_024)]
"""Pixels a side."""


class EmptyClass(UserError):
    """A class without a picture."""


class StrangeFile(UserError):
    """A file or folder that has no place in a data set of class folders."""


@dataclass(frozen=True)
class Treatment:
    """What the options of a picture data set say."""

    size: int
    crop: float
    cmyk: Inks
    storage: Storage
    skip_broken: bool

    @property
    def look(self) -> Look:
        """How a picture is decoded."""
        return Look(self.size, float(self.crop), self.cmyk)


@dataclass(frozen=True)
class Listed:
    """Pictures of one part with the class of each."""

    source: Source
    label: Sequence[int]


@dataclass(frozen=True)
class About:
    """What a data set says of itself."""

    where: str
    """The folder or archive, for messages."""
    source: str
    licence: str
    wnids: Sequence[str]
    """The class folders, in the order of the labels."""
    class_names: tuple[str, ...]


def contains(size: int, train: int, test: int, classes: int) -> dict:
    """What a data set holds once it is prepared, for plans made before it is here."""
    arrays = {"image": {"shape": [size, size, 3], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    return {"input": "image", "arrays": arrays, "train": train, "test": test, "classes": classes}


def files_by_class(folder: Path) -> dict[str, list[str]]:
    """Class folder -> its files, `<class>/<file>`, both sorted; raises `StrangeFile` or `EmptyClass`.

    Files whose names begin with a dot belong to the operating system and are no part of the data.
    """
    found: dict[str, list[str]] = {}
    for entry in _visible(folder):
        if not entry.is_dir():
            raise StrangeFile(
                f"{plain(entry)} is no folder of a class; {plain(folder)} holds one folder a class. Move it away."
            )
        names = []
        for file in _visible(entry):
            if not file.is_file():
                raise StrangeFile(f"{plain(file)} is no file; a class's folder holds pictures alone. Move it away.")
            names.append(f"{entry.name}/{file.name}")
        if not names:
            raise EmptyClass(
                f"{plain(entry)} holds no picture. Put the pictures of this class there, or remove the folder."
            )
        found[entry.name] = names
    return found


def files_below(root: Path, parts: Iterable[str]) -> dict[str, Path]:
    """Path below `root` -> file, sorted, of all files in these folders of it and in the folders in them."""
    folders = [root / part for part in parts if (root / part).is_dir()]
    found = [path for folder in folders for path in _visible(folder)]
    found += [inner for path in found if path.is_dir() for inner in _visible(path)]
    return {str(path.relative_to(root)): path for path in sorted(found) if path.is_file()}


def check_classes(found: Iterable[str], expected: Iterable[str], where: Path | str) -> None:
    """Raise `StrangeFile` unless the class folders at `where` are the expected ones."""
    found, expected = set(found), set(expected)
    if found != expected:
        names = (sorted(some)[:5] for some in (expected - found, found - expected))
        missing, strange = (", ".join(map(plain, some)) or "none" for some in names)
        raise StrangeFile(
            f"{plain(where)} should hold {len(expected)} class folders. Missing are {len(expected - found)}: "
            f"{missing}; unknown are {len(found - expected)}: {strange}. Unpack or download the data set again."
        )


def labelled(files: Mapping[str, Sequence[str]], wnids: Sequence[str], prefix: str) -> tuple[list[str], list[int]]:
    """File names below `prefix` and the class of each, in the order of `wnids`."""
    names = [f"{prefix}{name}" for wnid in wnids for name in files[wnid]]
    label = [number for number, wnid in enumerate(wnids) for _ in files[wnid]]
    return names, label


def picture_raw(about: About, train: Listed, test: Listed, treatment: Treatment, validation: float) -> Raw:
    """The data set, after every picture has been decoded once; raises `BrokenPictures` or `EmptyClass`."""
    odd: list[tuple[str, str]] = []
    parts = []
    for part in (train, test):
        pictures = Pictures(part.source, treatment.look, treatment.storage)
        say(f"{about.where}: decoding {len(pictures)} pictures, to learn which are good")
        rows, notes = checked(pictures, about.where, skip_broken=treatment.skip_broken)
        label = np.asarray(part.label, np.int32)[rows]
        _check_classes_left(label, about)
        parts.append({"image": pictures.take(rows), "label": label})
        odd += notes
    return Raw(
        about.source,
        about.licence,
        "image",
        parts[0],
        validation,
        official={"test": parts[1]},
        class_names=about.class_names,
        **ONE_CLASS,
        odd_files=tuple(odd),
    )


def _check_classes_left(label: np.ndarray, about: About) -> None:
    empty = np.flatnonzero(np.bincount(label, minlength=len(about.wnids)) == 0)
    if len(empty):
        names = ", ".join(plain(about.wnids[number]) for number in empty[:5])
        raise EmptyClass(
            f"{about.where} has no good picture of {len(empty)} classes: {names}. Every class needs some: look at "
            "these folders, and at what was skipped if skip_broken is set."
        )


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def unique_names(names: Mapping[str, str]) -> tuple[str, ...]:
    """Class names, with the class folder added where two classes share one (ImageNet has two cranes)."""
    counts = Counter(names.values())
    return tuple(name if counts[name] == 1 else f"{name} ({wnid})" for wnid, name in names.items())
