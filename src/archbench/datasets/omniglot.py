"""Omniglot: characters of fifty alphabets, each drawn once by each of twenty people.

Lake, Salakhutdinov, Tenenbaum 2015, "Human-level concept learning through probabilistic program induction", Science
350, and its 20-way one-shot classification (`all_runs.zip`): twenty runs, each with one drawing of every one of twenty
characters of an alphabet that training has none of, and twenty drawings by somebody else to be recognised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from archbench.datasets import _fetch, dataset
from archbench.datasets._extract import extracted
from archbench.datasets._idx import DamagedData
from archbench.datasets._raw import Raw
from archbench.datasets._split import VALIDATION
from archbench.options import Inside

SOURCE = "Lake, Salakhutdinov, Tenenbaum 2015, Science 350"
RUNS, WAYS = 20, 20
SETS = {
    "full": ("images_background.zip",),
    "small": ("images_background_small1.zip", "images_background_small2.zip"),
}
"""What is trained on: thirty alphabets, or the eight of two small parts of them."""
SIDE = 105
LIMIT = 2**28
"""Bytes that an archive unpacks to, at most."""
Background = Literal["full", "small"]


def files(*, background: Background, **_: object) -> list[str]:
    """The files that these options need."""
    return [*SETS[background], "all_runs.zip"]


def contains(*, background: Background, size: int, validation: float) -> dict:
    """What the data set holds, for plans made before it is here."""
    arrays = {"image": {"shape": [size, size, 1], "dtype": "uint8"}, "label": {"shape": [], "dtype": "int32"}}
    train = 19_280 if background == "full" else 4_840
    return {"input": "image", "arrays": arrays, "train": train, "test": 2 * RUNS * WAYS, "classes": 0}


@dataset("omniglot", source=SOURCE, **_fetch.facts("omniglot"), files=files, contains=contains)
def omniglot(
    raw: Path,
    *,
    background: Background = "full",
    size: Annotated[int, Field(ge=8, le=SIDE)] = SIDE,
    validation: Inside = VALIDATION,
) -> Raw:
    """Drawn characters, 105x105 in black and white: 20 drawings of each of 964 characters, and 20 one-shot tasks.

    `image` uint8 (size, size, 1), ink 255 on 0, smaller ones averaged; `label` int32, a number for each character of
    each alphabet; `alphabet` int32. Validation takes whole characters, so that both are of characters which training
    has not seen. The test split is the published one-shot classification, 40 drawings a run: `run` int32 0 to 19, and
    `query` uint8, 1 for the twenty that are to be recognised; elsewhere `run` is -1. The `alphabet` of these is not
    published: -1. Raises `DamagedData`.
    """
    paths = _fetch.fetch("omniglot", raw, only=files(background=background))
    drawings = {name: path for archive in SETS[background] for name, path in _drawings(paths[archive], size)}
    train = _numbered(drawings)
    test = _runs(paths["all_runs.zip"], size)
    licence = str(_fetch.facts("omniglot")["licence"])
    return Raw(SOURCE, licence, "image", train, validation, official={"test": test}, group="label")


def _drawings(archive: Path, size: int) -> Iterator[tuple[tuple[str, str, str], np.ndarray]]:
    """(alphabet, character, file) and the drawing of each file."""
    with extracted(archive, LIMIT) as folder:
        for path in sorted(folder.glob("*/*/*/*.png")):
            yield path.parts[-3:], _picture(path, size)


def _numbered(drawings: Mapping[tuple[str, str, str], np.ndarray]) -> dict[str, np.ndarray]:
    """The drawings in the order of their names, with a number for each character and for each alphabet."""
    names = sorted(drawings)
    characters = {name: number for number, name in enumerate(sorted({name[:2] for name in names}))}
    alphabets = {name: number for number, name in enumerate(sorted({name[0] for name in names}))}
    return {
        "image": np.stack([drawings[name] for name in names]),
        "label": np.array([characters[name[:2]] for name in names], "int32"),
        "alphabet": np.array([alphabets[name[0]] for name in names], "int32"),
        "run": np.full(len(names), -1, "int32"),
        "query": np.zeros(len(names), "uint8"),
    }


def _runs(archive: Path, size: int) -> dict[str, np.ndarray]:
    """The drawings of the one-shot tasks; `class_labels.txt` of a run says which training drawing each test one is of.

    Its characters are numbered from 0 over all runs.
    """
    image, label, run, query = [], [], [], []
    with extracted(archive, LIMIT) as folder:
        for number in range(RUNS):
            name = f"run{number + 1:02d}"
            pairs = [line.split() for line in _text(folder / name / "class_labels.txt").splitlines()]
            classes = sorted(right for _, right in pairs)
            if len(set(classes)) != WAYS or len(pairs) != WAYS:
                raise DamagedData(f"{archive}: {name}/class_labels.txt names {len(set(classes))} of {WAYS} characters.")
            wanted = [(one, one, 0) for one in classes] + [(one, right, 1) for one, right in pairs]
            for file, right, asked in wanted:
                image.append(_picture(folder / file, size))
                label.append(WAYS * number + classes.index(right))
                run.append(number)
                query.append(asked)
    numbers = {"label": np.array(label, "int32"), "run": np.array(run, "int32"), "query": np.array(query, "uint8")}
    return {"image": np.stack(image), **numbers, "alphabet": np.full(len(label), -1, "int32")}


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedData(f"{path.name} of the one-shot tasks cannot be read: {error}.") from error


def _picture(path: Path, size: int) -> np.ndarray:
    """uint8 (size, size, 1), ink bright."""
    try:
        with Image.open(path) as image:
            gray = image.convert("L")
    except (OSError, ValueError) as error:
        raise DamagedData(f"{path.name} of Omniglot is no picture: {error}.") from error
    if gray.size != (SIDE, SIDE):
        raise DamagedData(f"{path.name} of Omniglot has {gray.size} pixels instead of {SIDE} a side.")
    small = gray if size == SIDE else gray.resize((size, size), Image.Resampling.BOX)
    return (255 - np.asarray(small, dtype=np.uint8))[..., None]
