"""IDX, the file format of MNIST and its successors. Y. LeCun, C. Cortes, C. Burges: "The MNIST database", 1998.

Two zero bytes, one byte for the type (0x08: unsigned bytes), one for the number of dimensions, a big-endian
uint32 for each dimension, then the values, the last dimension running fastest; gzip around it all.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from archbench.datasets import _fetch
from archbench.datasets._raw import ONE_CLASS, Raw
from archbench.datasets._subset import check_classes, fewer, only_classes
from archbench.errors import UserError

LARGEST = 1 << 30
"""Bytes; a header that asks for more is taken for damage."""


class DamagedData(UserError):
    """A file whose content is not of the form its format demands."""


def read(path: Path, dimensions: int) -> np.ndarray:
    """The uint8 array of a gzipped IDX file with `dimensions` dimensions; raises `DamagedData`."""
    try:
        with gzip.open(path) as stream:
            magic = stream.read(4)
            if magic != bytes([0, 0, 8, dimensions]):
                raise _damaged(
                    path,
                    f"it begins with 0x{magic.hex()}; uint8 in {dimensions} dimensions is 0x00000{8:x}0{dimensions}",
                )
            header = stream.read(4 * dimensions)
            if len(header) < 4 * dimensions:
                raise _damaged(path, f"its header breaks off after {4 + len(header)} bytes")
            shape = struct.unpack(f">{dimensions}I", header)
            count = math.prod(shape)
            if not 0 < count <= LARGEST:
                raise _damaged(path, f"its header asks for {' x '.join(map(str, shape))} values")
            content = stream.read(count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, f"it cannot be decompressed ({error})") from error
    if len(content) != count:
        more = "more" if len(content) > count else f"only {len(content)}"
        raise _damaged(path, f"its header asks for {count} values, {more} follow")
    return np.frombuffer(content, np.uint8).reshape(shape)


def load(
    name: str,
    raw: Path,
    source: str,
    class_names: tuple[str, ...],
    *,
    validation: float,
    pad: int,
    classes: Sequence[int] | None,
    train_examples: int | None,
) -> Raw:
    """A data set of four IDX files: `image` uint8 (28, 28, 1) and `label` int32, official test part kept.

    `pad` rows and columns of background on every side: LeNet-5 reads MNIST's 28 pixels in the middle of 32. With
    `classes`, those alone, numbered from 0 in the order given; `train_examples` keeps so many of the training split.
    """
    chosen, training = (
        check_classes(classes, len(class_names)),
        fewer(train_examples),
    )
    files = _fetch.fetch(name, raw)
    train, test = (_part(files, part, len(class_names)) for part in ("train", "t10k"))
    for part in (train, test):
        part["image"] = np.pad(part["image"], ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    licence, names = str(_fetch.facts(name)["licence"]), tuple(class_names[number] for number in chosen)
    train, test = only_classes(train, chosen), only_classes(test, chosen)
    told = {"class_names": names, "training": training, **ONE_CLASS}
    return Raw(source, licence, "image", train, validation, official={"test": test}, **told)


def _part(files: dict[str, Path], part: str, classes: int) -> dict[str, np.ndarray]:
    image_file, label_file = files[f"{part}-images-idx3-ubyte.gz"], files[f"{part}-labels-idx1-ubyte.gz"]
    image, label = read(image_file, 3), read(label_file, 1)
    if image.shape[1:] != (28, 28):
        raise _damaged(image_file, f"its images have {image.shape[1]} x {image.shape[2]} pixels instead of 28 x 28")
    if len(image) != len(label):
        raise _damaged(label_file, f"it has {len(label)} labels for {len(image)} images")
    if label.max() >= classes:
        raise _damaged(label_file, f"it has the label {label.max()}, and there are {classes} classes")
    return {"image": image[..., None], "label": label.astype(np.int32)}


def _damaged(path: Path, why: str) -> DamagedData:
    return DamagedData(f"{path} is no file of this data set: {why}. Delete it and run again: rm {path}")
