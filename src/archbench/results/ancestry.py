"""The family tree of classifiers: what each step added, and what it bought on our data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archbench.results.facts import Fact
from archbench.results.gains import difference
from archbench.results.leaderboard import Board, Place
from archbench.results.statistics import Interval

RECIPE = ("optimizer", "schedule", "epochs", "batch_size", "augmentation", "preprocessing", "clip", "early_stopping")
"""The settings of a run that its recipe is made of; those of the optimizer count as one."""
NOTHING = Interval(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Step:
    """One line of the tree: from a parent to a child, or to the first net of all."""

    parent: str
    """Empty for the first net of all."""
    child: str
    title: str
    year: str
    added: str
    source: str
    dataset: str | None
    """Where both were trained; for lack of that, where the child was; None where it was not."""
    before: Place | None
    after: Place | None

    @property
    def gain(self) -> Interval:
        """Mean test score of the child minus the parent's; without a value where one of them has none."""
        return difference(self.after.score, self.before.score) if self.before and self.after else NOTHING

    @property
    def recipe(self) -> list[str]:
        """The settings in which the two recipes differ."""
        if not (self.before and self.after):
            return []
        first, second = self.before.settings, self.after.settings
        return [key for key in RECIPE if first.get(key) != second.get(key)]


def steps(boards: Sequence[Board], lineage: Sequence[Fact]) -> list[Step]:
    """Every row of `lineage` with the two places compared: on the board where most of the tree was trained, or else
    on the first one where both were. Only boards of classification count.
    """
    names = {row["child"] for row in lineage}
    asked = [board for board in boards if board.task == "classification"]
    trained = [(board.dataset, _scored(board, names)) for board in asked]
    trained.sort(key=lambda pair: -len(pair[1]))  # stable: the order of params.yaml among equals
    return [_step(row, trained) for row in lineage]


def _scored(board: Board, names: set[str]) -> dict[str, Place]:
    """Architecture -> its place with a test score; of several trained from scratch the best, which stands first."""
    found: dict[str, Place] = {}
    for place in board.places:
        if place.score.n and place.architecture in names and place.from_scratch:
            found.setdefault(place.architecture, place)
    return found


def _step(row: Fact, trained: Sequence[tuple[str, Mapping[str, Place]]]) -> Step:
    parent, child = row["parent"], row["child"]
    with_child = [pair for pair in trained if child in pair[1]]
    dataset, places = next((pair for pair in with_child if parent in pair[1]), (*with_child, (None, {}))[0])
    return Step(**row, dataset=dataset, before=places.get(parent), after=places.get(child))
