"""What is known of a data set before it is prepared: its shapes, its examples, its bytes on disk and on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archbench.catalogue import Entry
from archbench.config import Named
from archbench.datasets import DATASETS, _fetch
from archbench.datasets._raw import Raw
from archbench.datasets.card import Card
from archbench.datasets.ready import current_card
from archbench.project import Folders


@dataclass(frozen=True)
class Data:
    """A data set of params.yaml as far as it is known."""

    entry: Entry
    licence: str
    card: Card | None
    """None for a download that is not here and does not declare what it contains."""
    download_bytes: int
    """Still to come."""
    prepared_bytes: int | None
    """On disk, or going to be."""


def look_up(slug: str, named: Named, folders: Folders) -> Data:
    """What is known of the data set `slug`: from its prepared folder if current, a sample of it, or its declaration."""
    entry, options = DATASETS.resolve(named.spec)
    licence = str(entry.facts["licence"])
    folder = folders.prepared / slug
    card = current_card(named.spec, folder)
    if card is not None:
        size = sum(path.stat().st_size for ending in ("*.npy", "*.tfrecord") for path in folder.rglob(ending))
        return Data(entry, licence, card, 0, size)
    if entry.facts["kind"] in ("download", "manual"):
        card = _declared(slug, entry, {**entry.options, **options})
    else:
        card = _sampled(slug, entry, options, folders.raw)
    size = _array_bytes(card) if card is not None else None
    return Data(
        entry, licence, card, _missing_bytes(entry, {**entry.options, **options}, folders.raw / entry.name), size
    )


def _missing_bytes(entry: Entry, options: Mapping[str, Any], folder: Path) -> int:
    """Of the published files that these options need, what is not here yet."""
    names = entry.facts["files"](**options) if "files" in entry.facts else None
    wanted = [file for file in _fetch.published(entry.name) if names is None or file.name in names]
    return sum(file.size for file in wanted if not (folder / file.name).is_file())


def _declared(slug: str, entry: Entry, options: Mapping[str, Any]) -> Card | None:
    """The card of a download by its fact `contains`: arrays, and the examples of its official parts."""
    if "contains" not in entry.facts:
        return None
    contains = entry.facts["contains"](**options)
    fractions = {name: options[name] for name in ("validation", "test") if name in options}
    return Card(
        name=slug,
        source=entry.source,
        licence=str(entry.facts["licence"]),
        input=contains["input"],
        arrays=contains["arrays"],
        split_sizes=_split_sizes(contains["train"], contains["test"], fractions),
        class_names=tuple(str(number) for number in range(contains["classes"])),
    )


def _sampled(slug: str, entry: Entry, options: Mapping[str, Any], folder: Path) -> Card:
    """The card of data that need no download: of all of them, or of a few and the number there will be."""
    chosen = {**entry.options, **options}
    generated = "examples" in chosen
    few = {"examples": entry.facts["smoke"]["examples"]} if generated else {}  # as few as the set can be made of
    raw: Raw = entry(folder, **{**options, **few})
    examples = chosen["examples"] if generated else len(raw.train[raw.input])
    official = len(raw.test[raw.input]) if raw.test is not None else None
    fractions = {"validation": raw.validation_fraction}
    if raw.test_fraction is not None:
        fractions["test"] = raw.test_fraction
    return Card(
        name=slug,
        source=raw.source,
        licence=raw.licence,
        input=raw.input,
        arrays={name: {"shape": list(a.shape[1:]), "dtype": str(a.dtype)} for name, a in raw.train.items()},
        split_sizes=_split_sizes(examples, official, fractions),
        class_names=raw.class_names,
        label_names={name: list(names) for name, names in raw.label_names.items()},
    )


def _split_sizes(examples: int, official_test: int | None, fractions: Mapping[str, float]) -> dict[str, int]:
    """Examples a split, but for the rounding of strata."""
    sizes = {name: round(examples * fraction) for name, fraction in fractions.items()}
    rest = examples - sum(sizes.values())
    return {"train": rest, **sizes} if official_test is None else {"train": rest, **sizes, "test": official_test}


def _array_bytes(card: Card) -> int:
    one = sum(
        int(np.prod(array["shape"], dtype=np.int64)) * np.dtype(array["dtype"]).itemsize
        for array in card.arrays.values()
    )
    return one * sum(card.split_sizes.values())
