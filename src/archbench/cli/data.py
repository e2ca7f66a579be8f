"""What is known of a data set before it is prepared: its shapes, its examples, its bytes on disk and on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from archbench.asked import Asked
from archbench.catalogue import Entry
from archbench.config import DataSet
from archbench.datasets import DATASETS, _fetch, _storage
from archbench.datasets._raw import Raw
from archbench.datasets.card import Card
from archbench.datasets.derived import known_card, open_data
from archbench.datasets.store import NotReady, Prepared
from archbench.project import Folders


@dataclass(frozen=True)
class Data:
    """A data set of params.yaml as far as it is known."""

    entry: Entry
    licence: str
    card: Card | None
    """None for what is not here, or of the user's own, and does not declare what it contains."""
    download_bytes: int
    """Still to come."""
    prepared_bytes: int | None
    """On disk, or going to be."""


def look_up(slug: str, datasets: Mapping[str, DataSet], folders: Folders, asked: Asked | None = None) -> Data:
    """What is known of the data set `slug`: from its prepared folder if current, a sample of it, or its declaration.

    Of one that is made from another, nothing is known before that one is prepared. `asked` has the samples of before.
    """
    entry, options = DATASETS.resolve(datasets[slug].spec)
    licence = str(entry.facts["licence"])
    folder = folders.prepared / slug
    card = known_card(slug, datasets, folders.prepared)
    if card is not None:
        size = sum(path.stat().st_size for ending in ("*.npy", "*.tfrecord") for path in folder.rglob(ending))
        return Data(entry, licence, card, 0, size)
    if entry.facts["kind"] in ("download", "manual", "own"):
        card, size = _declared(slug, entry, {**entry.options, **options})
    else:
        card, size = None, None
        of = _made_from(datasets[slug], datasets, folders)
        if of is not None:
            ask = partial(_sampled, slug, entry, options, of, folders.raw)
            decided = slug, entry.name, sorted(options.items()), [one.card.sha256 for one in of]
            told, size = (asked or Asked()).get(f"data {decided}", ask)
            card = Card.read(told)
    missing = _missing_bytes(entry, {**entry.options, **options}, folders.raw / entry.name)
    return Data(entry, licence, card, missing, size)


def _missing_bytes(entry: Entry, options: Mapping[str, Any], folder: Path) -> int:
    """Of the published files that these options need, what is not here yet."""
    names = entry.facts["files"](**options) if "files" in entry.facts else None
    wanted = [file for file in _fetch.published(entry.name) if names is None or file.name in names]
    return sum(file.size or 0 for file in wanted if not (folder / file.name).is_file())


def _made_from(named: DataSet, datasets: Mapping[str, DataSet], folders: Folders) -> list[Prepared] | None:
    """What a loader is given beside its options: nothing, or the data set it derives from; None while not there."""
    try:
        return [open_data(named.of, datasets, folders.prepared, folders.raw)] if named.of else []
    except NotReady:
        return None


def _declared(slug: str, entry: Entry, options: Mapping[str, Any]) -> tuple[Card | None, int | None]:
    """The card of a download by its fact `contains`: arrays, and the examples of its official parts; and its bytes."""
    if "contains" not in entry.facts:
        return None, None
    contains = entry.facts["contains"](**options)
    fractions = {name: options[name] for name in ("validation", "test") if name in options}
    sizes = _split_sizes(contains["train"], fractions, options.get("train_examples"))
    card = Card(
        name=slug,
        source=entry.source,
        licence=str(entry.facts["licence"]),
        input=contains["input"],
        arrays=contains["arrays"],
        split_sizes=sizes | {part: contains[part] for part in ("validation", "test") if part in contains},
        class_names=tuple(str(number) for number in range(contains["classes"])),
        vocabulary=tuple(str(number) for number in range(contains.get("vocabulary", 0))),
        label_names={name: list(names) for name, names in contains.get("label_names", {}).items()},
    )
    return card, _array_bytes(card)


def _sampled(
    slug: str, entry: Entry, options: Mapping[str, Any], of: list[Prepared], folder: Path
) -> tuple[dict[str, Any], int]:
    """The card of data that need no download, and their bytes: of all, or of a few and the number there will be."""
    chosen = {**entry.options, **options}
    generated = "examples" in chosen
    few = {"examples": entry.facts["smoke"]["examples"]} if generated else {}  # as few as the set can be made of
    raw: Raw = entry(folder, *of, **{**options, **few})
    made, times = len(raw.train[raw.input]), chosen["examples"] / few["examples"] if generated else 1
    sizes = _split_sizes(round(times * made), raw.fractions, chosen.get("train_examples"))
    sizes |= {split: round(times * len(arrays[raw.input])) for split, arrays in raw.official.items()}
    card = Card(
        name=slug,
        source=raw.source,
        licence=raw.licence,
        input=raw.input,
        arrays={name: _storage.described(array) for name, array in raw.train.items()},
        split_sizes=sizes,
        class_names=raw.class_names,
        label_names={name: list(names) for name, names in raw.label_names.items()},
        labels=raw.labels,
        vocabulary=raw.vocabulary,
        strata=raw.strata,
        group=raw.group,
        void=dict(raw.void),
    )
    each = sum(map(_storage.kept_bytes, raw.train.values())) / made
    return asdict(card), round(each * sum(sizes.values()))


def _split_sizes(examples: int, fractions: Mapping[str, float], most: int | None) -> dict[str, int]:
    """Examples of the splits that are cut from so many, of which at most `most` are trained on."""
    sizes = {name: round(examples * fraction) for name, fraction in fractions.items()}
    left = examples - sum(sizes.values())
    return {"train": left if most is None else min(most, left), **sizes}


def _array_bytes(card: Card) -> int:
    one = sum(
        int(np.prod(array["shape"], dtype=np.int64)) * np.dtype(array["dtype"]).itemsize
        for array in card.arrays.values()
        if None not in array["shape"]  # boxes and the run lengths of masks: little beside the pictures
    )
    return one * sum(card.split_sizes.values())
