"""SVHN, house numbers photographed from the street, cropped to one digit each.

Netzer, Wang, Coates, Bissacco, Wu, Ng 2011, "Reading Digits in Natural Images with Unsupervised Feature Learning".

A file is in MATLAB's format 5: `X` uint8 (row, column, color, example) and `y` (example, 1), where 10 stands for the
digit 0.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from archbench.datasets import _fetch, dataset
from archbench.datasets._idx import DamagedData
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Inside

SOURCE = (
    'Netzer, Wang, Coates, Bissacco, Wu, Ng 2011, "Reading Digits in Natural Images with Unsupervised Feature Learning"'
)
TRAIN, TEST, EXTRA = "train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"
BROKEN = (MatReadError, OSError, EOFError, ValueError, TypeError, KeyError, IndexError, NotImplementedError, zlib.error)
"""What the reader raises for a file that is damaged or in another of MATLAB's formats."""


def files(*, extra: bool, **_: object) -> list[str]:
    """The files that these options need."""
    return [TRAIN, TEST, *([EXTRA] if extra else [])]


def contains(*, extra: bool, **_: object) -> dict:
    """What the files hold, for plans made before they are here."""
    arrays = {"image": {"shape": [32, 32, 3], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    train = 73_257 + (531_131 if extra else 0)
    return {"input": "image", "arrays": arrays, "train": train, "test": 26_032, "classes": 10}


@dataset("svhn", source=SOURCE, **_fetch.facts("svhn"), files=files, contains=contains)
def svhn(raw: Path, *, validation: Inside = VALIDATION, extra: bool = False) -> Raw:
    """House numbers, one digit in 32x32 in color: 73,257 training and 26,032 test images of 10 classes.

    `extra` adds 531,131 easier training images.
    """
    paths = _fetch.fetch("svhn", raw, only=files(extra=extra))
    parts = [_part(paths[name]) for name in ([TRAIN, EXTRA] if extra else [TRAIN])]
    train = {key: np.concatenate([part[key] for part in parts]) for key in ("image", "label")} if extra else parts[0]
    licence = str(_fetch.facts("svhn")["licence"])
    test, names = _part(paths[TEST]), tuple("0123456789")
    return Raw(SOURCE, licence, "image", train, validation, official={"test": test}, class_names=names, **ONE_CLASS)


def _part(path: Path) -> dict[str, np.ndarray]:
    """`image` uint8 (example, 32, 32, 3) and `label` int32 (example,) of one file; raises `DamagedData`."""
    try:
        content = loadmat(path, variable_names=["X", "y"], appendmat=False)
        image, label = np.asarray(content["X"]), np.asarray(content["y"])
    except BROKEN as error:
        raise _damaged(path, f"it cannot be read as MATLAB's format 5 ({error})") from error
    if image.dtype != np.uint8 or image.ndim != 4 or image.shape[:3] != (32, 32, 3):
        raise _damaged(path, f"X is {image.dtype} {image.shape} instead of uint8 (32, 32, 3, examples)")
    if label.dtype.kind not in "uif" or label.size != image.shape[3]:
        raise _damaged(path, f"y is {label.dtype} {label.shape} for {image.shape[3]} images")
    strange = label.ravel()[~np.isin(label.ravel(), range(1, 11))]
    if strange.size:
        raise _damaged(path, f"y has the label {strange[0]}; the digits are 1 to 10, where 10 stands for 0")
    return {
        "image": np.ascontiguousarray(image.transpose(3, 0, 1, 2)),
        "label": (label.ravel() % 10).astype(np.int32),
    }


def _damaged(path: Path, why: str) -> DamagedData:
    return DamagedData(f"{path} is no file of SVHN: {why}. Delete it and run again: rm {path}")
