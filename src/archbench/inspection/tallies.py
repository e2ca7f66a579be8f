"""What is counted of a data set: classes, lengths and odd files; and which examples stand for all."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archbench.datasets.card import Card
from archbench.datasets.columns import lengths
from archbench.datasets.store import ODD_FILES, Prepared


@dataclass(frozen=True)
class Class:
    """A class, and how many examples of each split are of it."""

    name: str
    counts: Mapping[str, int]
    share: float
    """Of the most frequent class, in training."""


def balance(card: Card) -> dict[str, list[Class]]:
    """Array of labels -> its classes, the most frequent in training first."""
    found = {}
    for name, counted in card.label_counts.items():
        counts = {split: one["classes"] for split, one in counted.items()}
        most = max([1, *counts["train"]])
        classes = [
            Class(kind, {split: one[place] for split, one in counts.items()}, counts["train"][place] / most)
            for place, kind in enumerate(card.classes[name])
        ]
        found[name] = sorted(classes, key=lambda one: -one.counts["train"])
    return found


def spread(prepared: Prepared, most: int) -> list[int]:
    """At most `most` training examples to show: of every class in turn where there are classes, else from all over."""
    arrays = prepared.splits["train"]
    count = len(arrays[prepared.card.input])
    if "label" not in prepared.card.classes:
        return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int)).tolist()
    label = np.asarray(arrays["label"])
    turn = np.zeros(count, int)
    for kind in np.unique(label):
        members = np.flatnonzero(label == kind)
        turn[members] = np.arange(len(members))
    return np.lexsort((label, turn))[:most].tolist()


def spans(prepared: Prepared) -> dict[str, tuple[int, int, int]]:
    """Array of unlike lengths -> the least, the median and the most rows of a training example."""
    found = {}
    for name, column in prepared.splits["train"].items():
        counts = lengths(column)
        if counts is not None:
            found[name] = tuple(int(value) for value in np.percentile(counts, (0, 50, 100)))
    return found


def odd_files(folder: Path) -> list[tuple[str, str]]:
    """(file, what) of every odd file that the card counts."""
    if not (folder / ODD_FILES).is_file():
        return []
    with (folder / ODD_FILES).open(encoding="utf-8", newline="") as stream:
        return [(row["file"], row["what"]) for row in csv.DictReader(stream)]
