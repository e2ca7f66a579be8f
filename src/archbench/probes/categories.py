"""What kinds of examples there are, as their data tell: by class, by size and number of objects, by length."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbench.datasets.card import Card
from archbench.datasets.columns import Column, lengths
from archbench.tasks.base import Arrays

Split = Mapping[str, Column]
Kinds = dict[str, np.ndarray]
"""What examples differ in -> the category of each, a text (example,); empty where it is of none."""
PARTS = (0.05, 0.2)
"""Of the area of a picture: below the first an object is small, above the second large."""
NOTHING = "none"


def categories(card: Card, split: Split, predictions: Arrays) -> Kinds:
    """All that is known of the examples of a split, and of those that were taken for others as what."""
    return {**labels(card, split), **confused(card, split, predictions), **by_length(split), **objects(card, split)}


def names_of(card: Card, array: str) -> list[str]:
    """What the numbers of an array mean; empty where they have no names."""
    return list(card.label_names.get(array, card.class_names if array in card.labels else ()))


def labels(card: Card, split: Split) -> Kinds:
    """The class of every example, of every array of classes."""
    named = {name: names_of(card, name) for name in split}
    return {name: _named(split[name], names) for name, names in named.items() if names and _is_plain(split[name])}


def confused(card: Card, split: Split, predictions: Arrays) -> Kinds:
    """The true class and the one that was answered, where these differ: `heart taken for star`."""
    found = {}
    for name in split.keys() & predictions.keys():
        names, answer = names_of(card, name), predictions[name]
        if names and _is_plain(split[name]) and answer.shape == (len(split[name]),):
            pair = np.char.add(np.char.add(_named(split[name], names), " taken for "), _named(answer, names))
            found[f"{name}, as answered"] = np.where(np.asarray(split[name]) == answer, "", pair)
    return found


def by_length(split: Split) -> Kinds:
    """Thirds of the examples by how long each is, of every array whose examples are of unlike length; not of boxes."""
    found = {}
    for name, column in split.items():
        counts = lengths(column)
        if counts is None or column.ndim != 2 or len(np.unique(counts)) < 2 or name == "box_label":
            continue
        borders = np.unique(np.quantile(counts, [1 / 3, 2 / 3], method="lower"))
        third = np.searchsorted(borders, counts)
        texts = {number: _between(counts[third == number]) for number in np.unique(third)}
        found[f"length of {name}"] = np.array([texts[number] for number in third])
    return found


def objects(card: Card, split: Split) -> Kinds:
    """How many objects a picture shows, how large they are, and whether one is cut off or stands before another."""
    if "boxes" not in split or "box_label" not in split or card.input not in split:
        return {}
    boxes, label = np.asarray(split["boxes"], "float64"), np.asarray(split["box_label"])
    shape = split[card.input].shape
    if len(shape) != 4 or None in shape:
        return {}
    there = label >= 0
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    share = np.where(there, sides.prod(axis=-1) / (shape[1] * shape[2]), np.nan)
    edge = (boxes[..., :2] <= 0.5).any(axis=-1) | (boxes[..., 2:] >= np.array(shape[1:3]) - 0.5).any(axis=-1)
    any_there = there.any(axis=1)
    largest, smallest = (
        np.where(any_there, by(np.where(there, share, fill), axis=1), np.nan)
        for by, fill in ((np.max, -np.inf), (np.min, np.inf))
    )
    return {
        "number of objects": there.sum(axis=1).astype(str),
        "largest object": _sizes(largest),
        "smallest object": _sizes(smallest),
        "cut off by the frame": _whether((edge & there).any(axis=1)),
        "boxes overlap": _whether(_overlap(boxes, there)),
    }


def _is_plain(column: Column) -> bool:
    return lengths(column) is None and column.ndim == 1


def _named(values: Column, names: list[str]) -> np.ndarray:
    """The name of each number; what is none of theirs is `NOTHING`."""
    numbers = np.asarray(values).astype(int)
    known = (numbers >= 0) & (numbers < len(names))
    return np.where(known, np.array(names)[np.where(known, numbers, 0)], NOTHING)


def _between(counts: np.ndarray) -> str:
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low} to {high}"


def _sizes(share: np.ndarray) -> np.ndarray:
    """In words, of shares of a picture; NaN is `NOTHING`."""
    small, large = (f"{100 * part:g} %" for part in PARTS)
    words = [f"under {small} of the picture", f"{small} to {large} of the picture", f"over {large} of the picture"]
    place = np.digitize(np.nan_to_num(share), PARTS)
    return np.where(np.isnan(share), NOTHING, np.array(words)[place])


def _whether(values: np.ndarray) -> np.ndarray:
    return np.where(values, "some", NOTHING)


def _overlap(boxes: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Whether two objects of an example (example, object, 4) share any area."""
    first = np.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    last = np.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (last > first).all(axis=-1) & there[:, :, None] & there[:, None, :]
    return (shared & ~np.eye(boxes.shape[1], dtype=bool)).any(axis=(1, 2))
