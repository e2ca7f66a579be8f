"""From a data set's name to its prepared folder: load, divide, describe, write."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archbench.catalogue import Spec
from archbench.datasets import DATASETS, store
from archbench.datasets._options import BadOption, fraction
from archbench.datasets._pictures import take
from archbench.datasets._raw import Raw
from archbench.datasets._split import split
from archbench.datasets.card import Card


def prepare(spec: Spec, slug: str, folder: Path, raw_folder: Path, seed: int = 0) -> Card:
    """Prepare the data set that `spec` names at `folder` and return its card, named `slug`.

    Downloads are kept in `raw_folder`/<dataset>/. `seed` shuffles examples into splits: stratified by
    `label` where there is one, whole groups where there is a `group`, disjoint, the same for the same seed.
    Arrays keep the test part that a data set officially has. Raises the `UserError` of whatever failed; `folder`
    is then as it was.
    """
    entry, options = DATASETS.resolve(spec)
    _check_fractions(entry.options, options)
    raw = entry(raw_folder, **options)
    fields = {
        "name": slug,
        "source": raw.source,
        "licence": raw.licence,
        "input": raw.input,
        "class_names": raw.class_names,
        "label_names": {name: list(names) for name, names in raw.label_names.items()},
    }
    return store.write(folder, fields, _splits(raw, seed), raw.odd_files)


def _check_fractions(defaults: dict, options: dict) -> None:
    """Refuse impossible fractions before anything is downloaded."""
    chosen = {**defaults, **options}
    given = {name: fraction(name, chosen[name]) for name in ("validation", "test") if name in chosen}
    if sum(given.values()) >= 1:
        raise BadOption(
            f"The fractions validation and test leave nothing to train on: {' + '.join(map(str, given.values()))} "
            "is not below 1. Make them smaller in the datasets section of params.yaml."
        )


def _splits(raw: Raw, seed: int) -> dict[str, dict[str, np.ndarray]]:
    fractions = {"validation": raw.validation_fraction}
    if raw.test_fraction is not None:
        fractions["test"] = raw.test_fraction
    chosen = split(len(raw.train[raw.input]), fractions, seed, raw.train.get("label"), raw.train.get("group"))
    splits = {name: {key: take(array, rows) for key, array in raw.train.items()} for name, rows in chosen.items()}
    if raw.training is not None:
        splits["train"] = raw.training(splits["train"], seed)
    return splits if raw.test is None else {**splits, "test": raw.test}
