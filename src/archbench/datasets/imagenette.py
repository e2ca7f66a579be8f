"""Imagenette and Imagewoof (second edition): ten easy, and ten hard classes of ImageNet, as JPEG in class folders.

J. Howard 2019, github.com/fastai/imagenette. The edition `160` or `320` has pictures of that shorter side, `full` the
original ones. Gray and CMYK pictures are among ImageNet's, so both are converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import Unpacked
from archbench.datasets._folders import (
    About,
    Crop,
    Listed,
    Size,
    StrangeFile,
    Treatment,
    check_classes,
    contains,
    files_by_class,
    labelled,
    picture_raw,
)
from archbench.datasets._picture import Inks
from archbench.datasets._pictures import Files, Storage
from archbench.datasets._raw import Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Inside

SOURCE = "J. Howard 2019, github.com/fastai/imagenette"
LIMIT = 4_000_000_000
"""Bytes; the largest edition is 1.6 GB of JPEG, which hardly shrinks in an archive."""
Edition = Literal["160", "320", "full"]
IMAGENETTE = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
IMAGEWOOF = {
    "n02086240": "Shih-Tzu",
    "n02087394": "Rhodesian ridgeback",
    "n02088364": "beagle",
    "n02089973": "English foxhound",
    "n02093754": "Border terrier",
    "n02096294": "Australian terrier",
    "n02099601": "golden retriever",
    "n02105641": "Old English sheepdog",
    "n02111889": "Samoyed",
    "n02115641": "dingo",
}


def _files(name: str, edition: Edition) -> list[str]:
    return [f"{_folder(name, edition)}.tgz"]


def _folder(name: str, edition: Edition) -> str:
    return f"{name}2" if edition == "full" else f"{name}2-{edition}"


@dataset(
    "imagenette",
    source=SOURCE,
    **_fetch.facts("imagenette"),
    files=lambda *, edition, **_: _files("imagenette", edition),
    contains=lambda *, size, **_: contains(size, 9_469, 3_925, 10),
)
def imagenette(
    raw: Path,
    *,
    validation: Inside = VALIDATION,
    edition: Edition = "160",
    size: Size = 128,
    crop: Crop = 1.0,
    cmyk: Inks = "convert",
    storage: Storage = "arrays",
    skip_broken: bool = False,
) -> Raw:
    """Photographs of 10 easily told classes of ImageNet: 9,469 to train with and 3,925 to test on."""
    return _load("imagenette", IMAGENETTE, raw, edition, validation, Treatment(size, crop, cmyk, storage, skip_broken))


@dataset(
    "imagewoof",
    source=SOURCE,
    **_fetch.facts("imagewoof"),
    files=lambda *, edition, **_: _files("imagewoof", edition),
    contains=lambda *, size, **_: contains(size, 9_025, 3_929, 10),
)
def imagewoof(
    raw: Path,
    *,
    validation: Inside = VALIDATION,
    edition: Edition = "160",
    size: Size = 128,
    crop: Crop = 1.0,
    cmyk: Inks = "convert",
    storage: Storage = "arrays",
    skip_broken: bool = False,
) -> Raw:
    """Photographs of 10 dog breeds of ImageNet: 9,025 to train with and 3,929 to test on."""
    return _load("imagewoof", IMAGEWOOF, raw, edition, validation, Treatment(size, crop, cmyk, storage, skip_broken))


def _load(
    name: str, classes: Mapping[str, str], raw: Path, edition: Edition, validation: float, treatment: Treatment
) -> Raw:
    (archive,) = _fetch.fetch(name, raw, only=_files(name, edition)).values()
    unpacked = Unpacked(archive, LIMIT)
    parts = []
    for part in ("train", "val"):
        folder = unpacked.folder / _folder(name, edition)
        if not (folder / part).is_dir():
            raise StrangeFile(f"{archive} has no folder {_folder(name, edition)}/{part}. Delete it: rm {archive}")
        files = files_by_class(folder / part)
        check_classes(files, classes, f"{part} of {archive}")
        names, label = labelled(files, list(classes), f"{part}/")
        parts.append(Listed(Files(folder, names, unpacked), label))
    licence = str(_fetch.facts(name)["licence"])
    about = About(str(archive), SOURCE, licence, list(classes), tuple(classes.values()))
    return picture_raw(about, *parts, treatment, validation)
