"""The small data sets that scikit-learn carries, read from its own comma-separated files; nothing is unpickled."""

from __future__ import annotations

import gzip
from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import Field

from archbench.datasets import dataset
from archbench.datasets._options import whole
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._split import TEST, VALIDATION
from archbench.datasets._subset import Classes, check_classes, fewer, only_classes
from archbench.options import Count, Inside

DIGITS = "Alpaydin, Kaynak 1998, Optical Recognition of Handwritten Digits (UCI, test part), as in scikit-learn"
IRIS = 'Fisher 1936, "The use of multiple measurements in taxonomic problems", as in scikit-learn'
WINE = "Forina et al. 1991, Wine (UCI), as in scikit-learn"
CANCER = "Wolberg, Street, Mangasarian 1995, Breast Cancer Wisconsin (Diagnostic) (UCI), as in scikit-learn"
DIABETES = 'Efron, Hastie, Johnstone, Tibshirani 2004, "Least angle regression", as in scikit-learn'
UCI = "CC BY 4.0"
UNSTATED = "not stated by its authors; distributed with scikit-learn (BSD-3-Clause)"


@dataset("digits", source=DIGITS, licence=UCI, kind="embedded", bytes=0, smoke={})
def digits(
    raw: Path,
    *,
    size: Annotated[int, Field(ge=8, le=384)] | None = None,
    shift: Annotated[int, Field(ge=0)] = 0,
    classes: Classes | None = None,
    train_examples: Count | None = None,
    validation: Inside = VALIDATION,
    test: Inside = TEST,
) -> Raw:
    """Handwritten digits, 8x8 gray: 1,797 images of 10 classes.

    `image` uint8 (8, 8, 1), values 0 to 16. With `size`, (size, size, 1) of values 0 to 255: a bilinear
    enlargement, for networks that cannot read 8 pixels. With `shift` too, digits are drawn smaller by twice that many
    pixels and each is moved at random by up to so many either way, always the same: whole digits out of place, which
    a classifier that weighs fixed pixels cannot read. `label` int32. With `classes`, those digits alone, numbered
    from 0 in the order given; with `train_examples`, so many of the training split, classes in proportion, while
    validation and test stay whole.
    """
    chosen = check_classes(classes, 10)
    table = np.loadtxt(_lines("digits.csv.gz"), delimiter=",", dtype=np.uint8)
    image = table[:, :-1].reshape(-1, 8, 8)
    if size is not None:
        room = 2 * whole("shift", shift, 0, (size - 8) // 2)
        image = _out_of_place(_enlarged(image, size - room), room)
    else:
        whole("shift", shift, 0, 0)
    train = only_classes({"image": image[..., None], "label": table[:, -1].astype(np.int32)}, chosen)
    told = {"class_names": tuple(str(digit) for digit in chosen), "training": fewer(train_examples), **ONE_CLASS}
    return Raw(DIGITS, UCI, "image", train, validation, test, **told)


def _enlarged(image: np.ndarray, size: int) -> np.ndarray:
    """(n, 8, 8) of 0 to 16 as (n, size, size) of 0 to 255."""
    bright = np.rint(image * (255 / 16)).astype(np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(one).resize((size, size), Image.Resampling.BILINEAR)) for one in bright]
    )


def _out_of_place(image: np.ndarray, room: int) -> np.ndarray:
    """(n, side, side) as (n, side + room, side + room), each at a random place of its black canvas."""
    places = np.random.default_rng(0).integers(0, room + 1, (len(image), 2))
    return np.stack(
        [np.pad(one, ((top, room - top), (left, room - left))) for one, (top, left) in zip(image, places, strict=True)]
    )


@dataset("iris", source=IRIS, licence=UCI, kind="embedded", bytes=0, smoke={})
def iris(raw: Path, *, validation: Inside = VALIDATION, test: Inside = TEST) -> Raw:
    """Iris flowers: 150 examples of 4 lengths in centimetres, 3 classes."""
    return _classes("iris.csv", IRIS, validation, test)


@dataset("wine", source=WINE, licence=UCI, kind="embedded", bytes=0, smoke={})
def wine(raw: Path, *, validation: Inside = VALIDATION, test: Inside = TEST) -> Raw:
    """Wines of three growers: 178 examples of 13 chemical measurements, 3 classes."""
    return _classes("wine_data.csv", WINE, validation, test)


@dataset("breast_cancer", source=CANCER, licence=UCI, kind="embedded", bytes=0, smoke={})
def breast_cancer(raw: Path, *, validation: Inside = VALIDATION, test: Inside = TEST) -> Raw:
    """Cell nuclei of breast tumours: 569 examples of 30 measurements, malignant or benign."""
    return _classes("breast_cancer.csv", CANCER, validation, test)


@dataset("diabetes", source=DIABETES, licence=UNSTATED, kind="embedded", bytes=0, smoke={})
def diabetes(raw: Path, *, validation: Inside = VALIDATION, test: Inside = TEST) -> Raw:
    """Diabetes patients: 442 examples of 10 measurements, and the disease's progression a year later (25 to 346).

    `features` float32 (10,) as measured: scikit-learn's default scaling is left out, since it is fitted on all
    examples, the test split among them. `target` float32 (1,).
    """
    features = np.loadtxt(_lines("diabetes_data_raw.csv.gz"), dtype=np.float32)
    target = np.loadtxt(_lines("diabetes_target.csv.gz"), dtype=np.float32)
    train = {"features": features, "target": target[:, None]}
    return Raw(DIABETES, UNSTATED, "features", train, validation, test)


def _classes(file: str, source: str, validation: float, test: float) -> Raw:
    """`features` float32 and `label` int32 of a table whose first line is count, width, class names."""
    lines = _lines(file)
    table = np.loadtxt(lines[1:], delimiter=",", dtype=np.float64)
    train = {"features": table[:, :-1].astype(np.float32), "label": table[:, -1].astype(np.int32)}
    names = tuple(lines[0].split(",")[2:])
    return Raw(source, UCI, "features", train, validation, test, class_names=names, **ONE_CLASS)


def _lines(file: str) -> list[str]:
    content = (resources.files("sklearn.datasets") / "data" / file).read_bytes()
    content = gzip.decompress(content) if file.endswith(".gz") else content
    return content.decode("ascii").splitlines()
