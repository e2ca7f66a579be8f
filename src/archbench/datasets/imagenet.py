"""ImageNet (ILSVRC 2012) from folders that its user has; its terms do not allow that it is downloaded here.

Russakovsky et al. 2015, arXiv:1409.0575. Classes are numbered in the order of their WordNet ids, as in
`keras.applications`, not by the ids of the development kit. Pictures are cut to a central square of `size` pixels: a
`crop` of 0.875 at 224 is the usual central crop of 224 out of 256.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from archbench.datasets import dataset
from archbench.datasets._folders import (
    About,
    Crop,
    EmptyClass,
    Listed,
    Size,
    StrangeFile,
    Treatment,
    check_classes,
    contains,
    files_below,
    files_by_class,
    labelled,
    picture_raw,
    unique_names,
)
from archbench.datasets._idx import DamagedData
from archbench.datasets._options import given_path, plain
from archbench.datasets._picture import Inks
from archbench.datasets._pictures import Files, Storage
from archbench.datasets._raw import Raw
from archbench.errors import UserError
from archbench.options import Inside

SOURCE = "Russakovsky et al. 2015, arXiv:1409.0575"
LICENCE = "image-net.org: non-commercial research and education, after registration"
KIT = "ILSVRC2012_devkit_t12/data"
PARTS = ("train", "val")
BROKEN = (MatReadError, OSError, EOFError, ValueError, TypeError, KeyError, IndexError, NotImplementedError, zlib.error)


class NotHere(UserError):
    """ImageNet is asked for and not in its folder."""


@dataset(
    "imagenet",
    source=SOURCE,
    licence=LICENCE,
    kind="manual",
    bytes=0,
    contains=lambda *, size, **_: contains(size, 1_281_167, 50_000, 1_000),
    reads=lambda raw, *, folder, **_: files_below(_root(raw, folder), (*PARTS, KIT)),
)
def imagenet(
    raw: Path,
    *,
    folder: str | None = None,
    validation: Inside = 0.02,
    size: Size = 224,
    crop: Crop = 0.875,
    cmyk: Inks = "refuse",
    storage: Storage = "arrays",
    skip_broken: bool = False,
) -> Raw:
    """Photographs of 1,000 classes: 1,281,167 to train with and 50,000 to test on, from a folder you have.

    `folder`, or else data/raw/imagenet, holds `train/<wnid>/*.JPEG`, and `val/<wnid>/*.JPEG` or the flat
    `val/ILSVRC2012_val_*.JPEG` beside the development kit `ILSVRC2012_devkit_t12`. A subset of the classes will do.
    `~` is expanded, and a relative path counts from the folder of params.yaml. The card keeps a digest of the files:
    when they change, the data set has to be prepared again.
    """
    treatment = Treatment(size, crop, cmyk, storage, skip_broken)
    root = _root(raw, folder)
    files = files_by_class(root / "train")
    if not files:
        raise _not_here(root, "train")
    wnids = list(files)
    kit = _Kit(root / KIT) if (root / KIT).is_dir() else None
    names, label = labelled(files, wnids, "train/")
    train = Listed(Files(root, names), label)
    class_names = {wnid: kit.words[wnid] if kit and wnid in kit.words else plain(wnid) for wnid in wnids}
    about = About(plain(root), SOURCE, LICENCE, wnids, unique_names(class_names))
    return picture_raw(about, train, _validation(root, wnids, kit), treatment, validation)


class _Kit:
    """The development kit: the class of each validation picture, and what the classes are called."""

    def __init__(self, folder: Path) -> None:
        meta, self.truth = folder / "meta.mat", folder / "ILSVRC2012_validation_ground_truth.txt"
        try:
            synsets = loadmat(meta, squeeze_me=True, appendmat=False)["synsets"]
            self.wnids = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets}
            self.words = {str(row["WNID"]): str(row["words"]).split(",")[0] for row in synsets}
            self.ids = [int(line) for line in self.truth.read_text(encoding="ascii").split()]
        except BROKEN as error:
            raise DamagedData(
                f"The development kit at {plain(folder)} cannot be read ({error}). It needs meta.mat and "
                f"{self.truth.name}: unpack ILSVRC2012_devkit_t12.tar.gz there again."
            ) from error

    def wnid(self, name: str) -> str:
        """The class of `ILSVRC2012_val_<number>.JPEG`; raises `StrangeFile`."""
        number = Path(name).stem.rpartition("_")[2]
        if not number.isdigit() or not 1 <= int(number) <= len(self.ids) or self.ids[int(number) - 1] not in self.wnids:
            raise StrangeFile(
                f"val/{plain(name)} is none of the {len(self.ids)} pictures that {self.truth} labels. Move it away."
            )
        return self.wnids[self.ids[int(number) - 1]]


def _validation(root: Path, wnids: Sequence[str], kit: _Kit | None) -> Listed:
    """The labelled pictures of `val`, in class folders or flat."""
    visible = sorted(path for path in (root / "val").iterdir() if not path.name.startswith("."))
    if not visible:
        raise EmptyClass(f"{plain(root / 'val')} holds no picture. Put the validation pictures there.")
    if visible[0].is_dir():
        files = files_by_class(root / "val")
        check_classes(files, wnids, root / "val")
        names, label = labelled(files, wnids, "val/")
        return Listed(Files(root, names), label)
    if kit is None:
        raise NotHere(
            f"{plain(root / 'val')} holds pictures without class folders, and {plain(root / KIT)}, which tells their "
            f"classes, is not there. Unpack ILSVRC2012_devkit_t12.tar.gz in {plain(root)}, or sort the pictures into "
            "val/<wnid>/."
        )
    number = {wnid: place for place, wnid in enumerate(wnids)}
    known = [(path.name, kit.wnid(path.name)) for path in visible]
    chosen = [(f"val/{name}", number[wnid]) for name, wnid in known if wnid in number]
    empty = np.flatnonzero(np.bincount([label for _, label in chosen], minlength=len(wnids)) == 0)
    if len(empty):
        missing = plain(wnids[empty[0]])
        raise EmptyClass(f"{plain(root / 'val')} holds no picture of the class {missing}, which train has.")
    return Listed(Files(root, [name for name, _ in chosen]), [label for _, label in chosen])


def _root(raw: Path, folder: str | None) -> Path:
    """Where the pictures are; raises `NotHere`."""
    root = raw / "imagenet" if folder is None else given_path("folder", folder)
    for part in PARTS:
        if not (root / part).is_dir():
            raise _not_here(root, part)
    return root


def _not_here(root: Path, part: str) -> NotHere:
    return NotHere(
        f"ImageNet is not at {plain(root)}: there is no folder {part}/ with pictures. It is never downloaded: register "
        "at https://image-net.org/challenges/LSVRC/2012, unpack ILSVRC2012_img_train.tar to train/<wnid>/*.JPEG and "
        f"ILSVRC2012_img_val.tar to val/ below {plain(root)}, or name the folder where they are with the option "
        "`folder`."
    )
