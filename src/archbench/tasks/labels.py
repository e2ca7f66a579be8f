"""Labels checked on the host: inside a compiled program a wrong one is no error, only a silent nan."""

from __future__ import annotations

import numpy as np

from archbench.datasets.card import Card
from archbench.errors import UserError
from archbench.tasks.base import TaskMismatch

MOST_NAMED = 5
"""Classes that a message names."""


class LabelOutOfRange(UserError):
    """A label that names no class of its data set."""


class NothingToTell(TaskMismatch):
    """Labels that are all the same, so that there is nothing to learn."""


class ClassWithoutExamples(TaskMismatch):
    """A split that lacks a class whose score it is asked for."""


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


def check_examples(card: Card, name: str, *, every_class: bool) -> None:
    """Hold the examples that the card counts for the labels `name` against what a task makes of them.

    Raises `NothingToTell` where the training split has one answer alone. With `every_class`, for scores that are means
    over the classes, raises `ClassWithoutExamples` where a split has no example of one. A card that counts none, of
    data that are not prepared yet, passes.
    """
    splits = card.label_counts.get(name, {})
    known = splits["train"]["known"] if splits else 0
    if splits and all(count in (0, known) for count in splits["train"]["classes"]):
        raise NothingToTell(
            f"The data set {card.name!r} has nothing to tell apart: of its {known} training examples "
            f"with a {name}, none has another than the rest. Add examples of a second class, or choose another task; "
            f'"archbench list tasks" shows all.'
        )
    names = card.label_names.get(name, card.class_names)
    for split, found in splits.items() if every_class else ():
        lacking = [names[number] for number, count in enumerate(found["classes"]) if count == 0]
        if lacking:
            shown = ", ".join(lacking[:MOST_NAMED]) + (" and more" if len(lacking) > MOST_NAMED else "")
            raise ClassWithoutExamples(
                f"The {split} split of the data set {card.name!r} has no example of {len(lacking)} of its "
                f"{len(names)} classes: {shown}. Scores that are means over the classes need some of each. Give the "
                "split a larger share, or the data set more examples, in the datasets section of params.yaml."
            )


def wrong_and_right(wrong: np.ndarray, most: int) -> np.ndarray:
    """The first rows of examples, at most `most`, but up to half of them ones that are `wrong` (example,), in order.

    Wrong answers are rare, and say more.
    """
    missed = np.flatnonzero(wrong)[: most // 2]
    return np.sort(np.concatenate([missed, np.flatnonzero(~wrong)[: most - len(missed)]]))
