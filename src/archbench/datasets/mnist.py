"""Data sets in the four files of MNIST: 28x28 pixels, 10 classes, 60,000 to train with and 10,000 to test on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from archbench.datasets import _fetch, _idx, dataset
from archbench.datasets._raw import Raw
from archbench.datasets._split import VALIDATION
from archbench.datasets._subset import Classes
from archbench.options import Count, Inside

MNIST = 'LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition", Proc. IEEE'
FASHION = "Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747"
KUZUSHIJI = (
    'Clanuwat et al. 2018, arXiv:1812.01718; "KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" '
    "(created by NIJL and others), doi:10.20676/00000341"
)


Pad = Annotated[int, Field(ge=0, le=100)]
"""Rows and columns of background on every side."""


def contains(pad: int, classes: Sequence[int] | None, **_: object) -> dict:
    """What the four files hold, for plans made before they are here; of some classes, about their share of it."""
    side, kept = 28 + 2 * pad, 10 if classes is None else len(classes)
    return {
        "input": "image",
        "arrays": {"image": {"shape": [side, side, 1], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}},
        "train": 6_000 * kept,
        "test": 1_000 * kept,
        "classes": kept,
    }


@dataset("mnist", source=MNIST, **_fetch.facts("mnist"), contains=contains)
def mnist(
    raw: Path,
    *,
    validation: Inside = VALIDATION,
    pad: Pad = 0,
    classes: Classes | None = None,
    train_examples: Count | None = None,
) -> Raw:
    """Handwritten digits, 28x28 gray: 60,000 training and 10,000 test images of 10 classes."""
    return _idx.load(
        "mnist",
        raw,
        MNIST,
        tuple("0123456789"),
        validation=validation,
        pad=pad,
        classes=classes,
        train_examples=train_examples,
    )


@dataset("fashion_mnist", source=FASHION, **_fetch.facts("fashion_mnist"), contains=contains)
def fashion_mnist(
    raw: Path,
    *,
    validation: Inside = VALIDATION,
    pad: Pad = 0,
    classes: Classes | None = None,
    train_examples: Count | None = None,
) -> Raw:
    """Pieces of clothing, 28x28 gray: 60,000 training and 10,000 test images of 10 classes."""
    names = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    return _idx.load(
        "fashion_mnist",
        raw,
        FASHION,
        names,
        validation=validation,
        pad=pad,
        classes=classes,
        train_examples=train_examples,
    )


@dataset("kmnist", source=KUZUSHIJI, **_fetch.facts("kmnist"), contains=contains)
def kmnist(
    raw: Path,
    *,
    validation: Inside = VALIDATION,
    pad: Pad = 0,
    classes: Classes | None = None,
    train_examples: Count | None = None,
) -> Raw:
    """Cursive Japanese characters, 28x28 gray: 60,000 training and 10,000 test images of 10 classes."""
    names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    return _idx.load(
        "kmnist", raw, KUZUSHIJI, names, validation=validation, pad=pad, classes=classes, train_examples=train_examples
    )
