"""Labels checked on the host: inside a compiled program a wrong one is no error, only a silent nan."""

from __future__ import annotations

import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.tasks.base import TaskMismatch


class LabelOutOfRange(UserError):
    """A label that names no class of its data set."""


def check_labels(card: Card, name: str, values: np.ndarray, lowest: int, classes: int) -> None:
    """Raise `LabelOutOfRange` for the first of `values` (example, ...) outside `lowest` .. `classes` - 1."""
    if values.size == 0 or (values.min() >= lowest and values.max() < classes):
        return
    first = tuple(int(place) for place in np.argwhere((values < lowest) | (values >= classes))[0])
    raise LabelOutOfRange(
        f"The data set {card.name!r} has {name} {int(values[first])} in example {first[0]}, but labels must "
        f"lie in {lowest} to {classes - 1}. Correct its parser or its class names, then prepare it again: "
        f'"dvc repro prepare@{card.name}".'
    )


def check_class_names(card: Card, task: str) -> None:
    """Raise `TaskMismatch` where the card names no class, so that nothing says how many outputs there are."""
    if not card.class_names:
        raise TaskMismatch(
            f"The data set {card.name!r} names no classes, which {task} needs. "
            f'Choose another task for it; "archbench list tasks" shows all.'
        )
