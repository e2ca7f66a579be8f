"""The tiny data set that each task brings, with its card: what tests try any task, or any network of one, on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archbench.architectures import ARCHITECTURES
from archbench.datasets import _storage, columns, store
from archbench.datasets.card import Card
from archbench.tasks import TASKS

SPLITS = ("train", "validation", "test")


def smoke(
    task: str, shape: Sequence[int] | None = None, examples: int = 6, seed: int = 0
) -> tuple[Card, dict[str, columns.Column]]:
    """The card and the arrays for a task; `shape` is that of one input, by default its own network's."""
    entry = TASKS[task]
    made = entry.build.smoke(
        shape or ARCHITECTURES[entry.facts["smoke"]].facts["smoke_input"], examples, np.random.default_rng(seed)
    )
    card = Card(
        name="toy",
        source="made up",
        licence="none",
        input=made.input,
        arrays={name: _storage.described(column) for name, column in made.arrays.items()},
        split_sizes=dict.fromkeys(SPLITS, len(made.arrays[made.input])),
        class_names=tuple(made.class_names),
        label_names=dict(made.label_names),
        vocabulary=made.vocabulary,
        statistics=store.statistics(made.arrays[made.input]),
    )
    return card, dict(made.arrays)


def spec(architecture: str) -> dict:
    """The small form of an architecture."""
    return {"name": architecture, **ARCHITECTURES[architecture].facts["smoke"]}
