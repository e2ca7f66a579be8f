"""Smaller problems cut from a data set: some of its classes, a few training examples, labels that are missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from archbench.datasets._options import BadOption, whole
from archbench.datasets._split import spread
from archbench.datasets.columns import Arrays, take

Training = Callable[[Arrays, int], Arrays]
"""What is done to the training split alone, once it is cut: (arrays, seed of the split) to arrays."""
Classes = tuple[Annotated[int, Field(ge=0)], ...]
"""The numbers of those to keep."""
UNLABELLED = {"present": 255, "count": -1, "color": -1}
"""Array -> the value that stands for a label that is not known."""


def check_classes(classes: Sequence[int] | None, count: int) -> list[int]:
    """The numbers of the classes to keep, all `count` where none are named; raises `BadOption`."""
    if classes is None:
        return list(range(count))
    chosen = [whole("classes", kind, 0, count - 1) for kind in classes]
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise BadOption(
            f"The option classes needs two classes or more, each once; {chosen} was given. Choose from 0 to "
            f"{count - 1} in the datasets section of params.yaml."
        )
    return chosen


def only_classes(arrays: Arrays, chosen: Sequence[int]) -> Arrays:
    """The examples whose `label` is one of `chosen`, in their order, with the place in `chosen` as new label."""
    label = arrays["label"]
    number = np.full(max(int(label.max()), *chosen) + 1, -1, np.int32)
    number[list(chosen)] = np.arange(len(chosen))
    rows = np.flatnonzero(number[label] >= 0)
    kept = {name: take(array, rows) for name, array in arrays.items()}
    return {**kept, "label": number[label[rows]]}


def fewer(count: int | None) -> Training | None:
    """Keep `count` training examples, the classes in proportion; the fewer are always among the more.

    Of data with a `group`, as many whole groups as make no more than `count`.
    """
    if count is None:
        return None

    def keep(arrays: Arrays, seed: int) -> Arrays:
        label = arrays["label"]
        classes = len(np.unique(label))
        if not classes <= count <= len(label):
            raise BadOption(
                f"The option train_examples is {count}, but the training split has {len(label)} examples of {classes} "
                f"classes. Choose {classes} to {len(label)} in the datasets section of params.yaml."
            )
        order = np.random.default_rng((seed, 1)).permutation(len(label))
        rows = spread(order, label[order])
        rows = rows[:count] if "group" not in arrays else _whole_groups(rows, arrays["group"], count)
        return {name: take(array, rows) for name, array in arrays.items()}

    return keep


def _whole_groups(order: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the rows in `order`, where every group stands together at the place of its first member."""
    _, first, member = np.unique(group[order], return_index=True, return_inverse=True)
    order = order[np.argsort(first[member], kind="stable")]
    ends = np.append(np.flatnonzero(np.diff(group[order])) + 1, len(order))
    if ends[0] > count:
        raise BadOption(
            f"The option train_examples is {count}, but the first group of examples, which must stay together, has "
            f"{ends[0]}. Choose more in the datasets section of params.yaml."
        )
    return order[: ends[ends <= count].max()]


def forget(share: float, names: Mapping[str, int] = UNLABELLED) -> Training | None:
    """Lose `share` of the training labels of each of `names`, drawn apart; what stands for none is its value."""
    if share == 0:
        return None

    def lose(arrays: Arrays, seed: int) -> Arrays:
        random, changed = np.random.default_rng((seed, 2)), dict(arrays)
        for name, nothing in names.items():
            examples = len(arrays[name])
            rows = random.permutation(examples)[: round(share * examples)]
            changed[name] = np.array(arrays[name])
            changed[name][rows] = nothing
        return changed

    return lose
