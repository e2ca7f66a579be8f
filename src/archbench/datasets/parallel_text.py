"""Sentences of the user's own in two languages, line by line in two files."""

from __future__ import annotations

from pathlib import Path

from archbench.datasets import dataset
from archbench.datasets._options import BadOption, plain
from archbench.datasets._own import LICENCE, OWN, SOURCE, EmptyValue, Shares, codes, divide, existing, repeated
from archbench.datasets._parallel import Pieces, parallel_raw, read
from archbench.datasets._raw import Raw
from archbench.options import Inside, Seed

SIDES = ("source", "target")


@dataset("parallel_text", **OWN, paths=[f"{part}{side}" for part in ("", "validation_", "test_") for side in SIDES])
def parallel_text(
    raw: Path,
    *,
    source: str,
    target: str,
    validation_source: str | None = None,
    validation_target: str | None = None,
    test_source: str | None = None,
    test_target: str | None = None,
    pieces: Pieces = 4_000,
    validation: Inside = 0.05,
    test: Inside = 0.05,
    seed: Seed = 0,
) -> Raw:
    """Sentences of your own and their translations: two files in UTF-8, plain or gzip, a sentence a line.

    `source` int32 (piece,) and `target` int32 (piece,), with the token that ends it. The vocabulary has `pieces`
    tokens, the special ones and the 256 bytes among them, and is that of both sides of what trains. What has no files
    of its own is cut from what trains; sentences that are alike in the source stay in one split. Lines that are empty
    on both sides are left out and counted.
    """
    given = {
        "train": (source, target),
        "validation": (validation_source, validation_target),
        "test": (test_source, test_target),
    }
    sentences, places, named, odd = [], [], [], []
    for split, files in given.items():
        if not any(files):
            continue
        if not all(files):
            raise BadOption(f"The split {split} has one of two files. Name both, {split}_source and {split}_target.")
        prefix = "" if split == "train" else f"{split}_"
        both = [existing(f"{prefix}{side}", one) for side, one in zip(SIDES, files, strict=True)]
        found = read(*both, own=True)
        if not found.sentences:
            raise EmptyValue(f"{plain(both[0])} holds no sentence. Write some, or name another file.")
        sentences += found.sentences
        places += [f"{plain(both[0])}, sentence {number}" for number in range(1, len(found.sentences) + 1)]
        named += [split] * len(found.sentences)
        odd += found.empty
    alone = set(named) == {"train"}
    alike = codes([one for one, _ in sentences])[0] if alone else None
    splits = divide(named, Shares(validation, test, seed), group=alike, where=source)
    odd += repeated([one for one, _ in sentences], places, splits)
    parts = {name: [sentences[row] for row in rows] for name, rows in splits.items()}
    return parallel_raw(f"{SOURCE}: {source}, {target}", LICENCE, parts, pieces, odd_files=tuple(odd))
