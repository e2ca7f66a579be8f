"""From a data set's name to its prepared folder: load, divide, describe, write."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from archbench import code
from archbench.catalogue import Spec
from archbench.datasets import DATASETS, _own, store
from archbench.datasets._options import BadOption
from archbench.datasets._raw import Raw
from archbench.datasets._split import split, stretches
from archbench.datasets.card import Card
from archbench.datasets.columns import Arrays, take
from archbench.datasets.store import SPLITS, Prepared
from archbench.locks import only_writer


def prepare(spec: Spec, slug: str, folder: Path, raw_folder: Path, seed: int = 0, of: Prepared | None = None) -> Card:
    """Prepare the data set that `spec` names at `folder` and return its card, named `slug`.

    Downloads are kept in `raw_folder`/<dataset>/. `seed` shuffles examples into splits: stratified by the array that
    the loader names for it, whole groups likewise, disjoint, the same for the same seed. The parts that a data set
    officially has are kept. `of` is the data set that a derived one is made from. Raises the `UserError` of whatever
    failed; `folder` is then as it was. Of several processes that prepare one folder, each waits for the one before it.
    """
    entry, options = DATASETS.resolve(spec)
    entry.check_whole(options)
    _check_fractions(entry.options, options)
    with only_writer(folder, f"preparing {slug}"):
        made_from = {
            **describe(spec, seed, of.card.sha256 if of else None),
            "files_sha256": digest_files(files_read(spec, raw_folder)),
        }
        raw: Raw = entry(raw_folder, *([of] if of else []), **options)
        told = ("source", "licence", "input", "class_names", "labels", "strata", "group", "vocabulary")
        fields = {
            "name": slug,
            **{name: getattr(raw, name) for name in told},
            "label_names": {name: list(names) for name, names in raw.label_names.items()},
            "void": dict(raw.void),
            "made_from": made_from,
        }
        return store.write(folder, fields, _splits(raw, seed), raw.odd_files)


def describe(spec: Spec, seed: int = 0, of_sha256: str | None = None) -> dict[str, Any]:
    """What a data set of this spec is made from by the code that is here, as its card keeps it, but for files.

    `of_sha256` is the digest of the data set that a derived one is made from.
    """
    entry, options = DATASETS.resolve(spec)
    return {
        "name": entry.name,
        "options": json.loads(json.dumps({**entry.options, **options})),
        "split_seed": seed,
        "of_sha256": of_sha256,
        "code_sha256": code.digest(code.files_of([__name__, entry.module])),
    }


def own_paths(spec: Spec) -> dict[str, Path]:
    """Option -> the file or folder of the user's own that it names."""
    entry, options = DATASETS.resolve(spec)
    return _own.paths(entry.facts, {**entry.options, **options})


def files_read(spec: Spec, raw_folder: Path) -> dict[str, Path]:
    """Name -> file, of all that a data set reads from a folder that its user gave; published files have checksums.

    Raises the loader's own error where the folder is not there.
    """
    entry, options = DATASETS.resolve(spec)
    reads = entry.facts.get("reads")
    if reads is None:
        return _own.files_below(own_paths(spec))
    return reads(raw_folder, **{**entry.options, **options})


def digest_files(files: Mapping[str, Path]) -> str | None:
    """The SHA-256 of names and contents; None where there are no files."""
    total = hashlib.sha256()
    for name, path in files.items():
        total.update(os.fsencode(name) + b"\0" + bytes.fromhex(store.sha256(path)))
    return total.hexdigest() if files else None


def _check_fractions(defaults: dict, options: dict) -> None:
    """Refuse fractions that add up to 1 or more, before anything is downloaded."""
    chosen = {**defaults, **options}
    given = {name: chosen[name] for name in ("validation", "test") if isinstance(chosen.get(name), float)}
    if sum(given.values()) >= 1:
        raise BadOption(
            f"The fractions validation and test leave nothing to train on: {' + '.join(map(str, given.values()))} "
            "is not below 1. Make them smaller in the datasets section of params.yaml."
        )


def _splits(raw: Raw, seed: int) -> dict[str, Arrays]:
    """Those that training needs first, then the others."""
    splits = {"train": raw.train}
    if raw.fractions:
        strata, group = (raw.train.get(name) for name in (raw.strata, raw.group))
        count = len(raw.train[raw.input])
        cut = stretches if raw.ordered else partial(split, strata=strata, group=group)
        chosen = cut(count, raw.fractions, seed)
        splits = {name: {key: take(array, rows) for key, array in raw.train.items()} for name, rows in chosen.items()}
    if raw.training is not None:
        splits["train"] = raw.training(splits["train"], seed)
    splits |= raw.official
    return {name: splits[name] for name in dict.fromkeys((*SPLITS, *splits))}
