"""The family tree of classifiers: what each step added, and what it bought on our data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archbench.results.facts import ONE_CLASS, Fact
from archbench.results.leaderboard import Board, Place
from archbench.results.ranking import hindrance, scores
from archbench.results.recipes import differing
from archbench.results.statistics import NO_COMPARISON, Comparison, compare_all


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
    comparison: Comparison = NO_COMPARISON
    """The child minus the parent, seed by seed, adjusted for all steps that are compared."""

    @property
    def both(self) -> bool:
        """Whether parent and child were trained on the same data."""
        return self.before is not None and self.after is not None

    @property
    def hindrance(self) -> str:
        """Why the two are not compared; empty where they are."""
        if not self.both:
            return "not run"
        return hindrance(self.before.runs) or hindrance(self.after.runs)

    @property
    def recipe(self) -> list[str]:
        """What the two recipes differ in."""
        return differing([self.before.settings, self.after.settings]) if self.both else []


def steps(boards: Sequence[Board], lineage: Sequence[Fact]) -> list[Step]:
    """Every row of `lineage` with the two places compared: on the board where most of the tree was trained, or else
    on the first one where both were. Only boards of single classes count.
    """
    names = {row["child"] for row in lineage}
    asked = [board for board in boards if board.question == ONE_CLASS]
    trained = [(board.dataset, _scored(board, names)) for board in asked]
    trained.sort(key=lambda pair: -len(pair[1]))  # stable: the order of params.yaml among equals
    found = [_step(row, trained) for row in lineage]
    compared = [step for step in found if not step.hindrance]
    known = iter(compare_all([(scores(step.after.runs), scores(step.before.runs)) for step in compared]))
    return [step if step.hindrance else replace(step, comparison=next(known)) for step in found]


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
