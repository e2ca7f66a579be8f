"""Multi30k: captions of pictures in English, and in German as translators wrote them.

Elliott, Frank, Sima'an, Specia 2016, "Multi30K: Multilingual English-German Image Descriptions", W16-3210: the task of
translation alone. The files are those of the authors' own repository, whose German validation sentences differ in 61
lines from the copy that other libraries load: a score on `validation` is of these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from archbench.datasets import _fetch, dataset
from archbench.datasets._parallel import Pieces, parallel_raw, read
from archbench.datasets._raw import Raw

SOURCE = "Elliott, Frank, Sima'an, Specia 2016, Multi30K, W16-3210; multi30k/dataset a3d2e0d2, data/task1/raw"
PARTS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
"""Split -> how its files are called."""
SIZES = {"train": 29_000, "validation": 1_014, "test": 1_000}
Language = Literal["de", "en"]


def contains(*, pieces: int, **_: object) -> dict:
    """What the data set holds with these options."""
    arrays = {name: {"shape": [None], "dtype": "int32"} for name in ("source", "target")}
    return {"input": "source", "arrays": arrays, **SIZES, "classes": 0, "vocabulary": pieces}


@dataset("multi30k", source=SOURCE, **_fetch.facts("multi30k"), contains=contains)
def multi30k(raw: Path, *, source: Language = "de", pieces: Pieces = 8_000) -> Raw:
    """29,000 captions in German and English, in pieces of words: from the language of `source` to the other one.

    `source` int32 (piece,) and `target` int32 (piece,), with the token that ends it. The vocabulary of the card has
    `pieces` tokens, the special ones and the 256 bytes among them, and is that of both languages of the training split.
    """
    target = "en" if source == "de" else "de"
    files = _fetch.fetch("multi30k", raw)
    pairs = {split: read(files[f"{name}.{source}.gz"], files[f"{name}.{target}.gz"]) for split, name in PARTS.items()}
    return parallel_raw(
        SOURCE,
        str(_fetch.facts("multi30k")["licence"]),
        {split: pair.sentences for split, pair in pairs.items()},
        pieces,
        odd_files=tuple(line for pair in pairs.values() for line in pair.empty),
    )
