"""Two benchmarks side by side: the paired difference of their scores, what each costs, and what sets them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archbench.errors import UserError
from archbench.results.leaderboard import Board, Place, boards, by_benchmark, count_states
from archbench.results.ranking import hindrance, judge, scores
from archbench.results.recipes import DIGITS
from archbench.results.runs import Run
from archbench.results.statistics import Comparison, compare_all

APART = ("id", "benchmark", "seed", "code_sha256", "start.weights_sha256")
"""Settings that differ between any two runs, and so tell nothing."""
COSTS = ("train_seconds", "peak_memory_bytes", "parameters", "multiply_adds")
"""What a `Place` says of costs."""


class NotTrained(UserError):
    """A benchmark without a finished run of the data that params.yaml asks for."""


class NotAlike(UserError):
    """Two benchmarks whose scores do not measure the same thing."""


@dataclass(frozen=True)
class Pair:
    """Two benchmarks that are judged by the same score on the same data."""

    board: Board
    """Of these two alone."""
    first: Place
    second: Place
    comparison: Comparison
    """First minus second over the seeds that both have; a single comparison, so nothing is adjusted."""
    verdict: str
    """What it allows to say of the first."""
    settings: Mapping[str, tuple[Any, Any]]
    """Every setting in which they differ, with a dotted name -> that of each; None where one has none."""

    @property
    def notes(self) -> list[str]:
        """In what else their runs are not alike: code, commit, machine."""
        return self.board.unlike


def pair(runs: Sequence[Run], first: str, second: str) -> Pair:
    """Compare two benchmarks by their `runs`. Raises `NotTrained` and `NotAlike`."""
    if first == second:
        raise NotAlike(f"{first} is both of the two. Give another benchmark: archbench results")
    seeds = by_benchmark(runs)
    for name in (first, second):
        if not any(run.finished for run in seeds[name]):
            raise NotTrained(
                f"{name} has no finished run ({count_states(seeds[name])}), so there is nothing to compare. "
                f"Run: dvc repro train@{name}"
            )
    found = boards([*seeds[first], *seeds[second]])
    _check_alike(found, seeds[first], seeds[second])
    board = found[0]
    places = {place.benchmark: place for place in board.places}
    (comparison,) = compare_all([(scores(seeds[first]), scores(seeds[second]))])
    return Pair(
        board=board,
        first=places[first],
        second=places[second],
        comparison=comparison,
        verdict=_verdict(seeds[first], seeds[second], comparison, board.maximize),
        settings=differing_settings(places[first].settings, places[second].settings),
    )


def _verdict(first: Sequence[Run], second: Sequence[Run], comparison: Comparison, maximize: bool) -> str:
    """As a board would judge: nothing is concluded of a single seed, nor where seeds are without a score."""
    for runs in (first, second):
        if why := hindrance(runs):
            return f"nothing is concluded: {runs[0].benchmark}, {why}"
    return judge(comparison, maximize).verdict


def _check_alike(found: Sequence[Board], first: Sequence[Run], second: Sequence[Run]) -> None:
    if len(found) > 1:
        _refuse("the data or the task", first, second, [board.name for board in found])
    for what, tell in (("the data", _data), ("the metric", _metric)):
        told = [tell(next(run for run in runs if run.finished)) for runs in (first, second)]
        if told[0] != told[1]:
            _refuse(what, first, second, told)


def _refuse(what: str, first: Sequence[Run], second: Sequence[Run], told: Sequence[str]) -> None:
    raise NotAlike(
        f"{first[0].benchmark} and {second[0].benchmark} cannot be compared: {what} of the first: {told[0]}, "
        f"of the second: {told[1]}. What can be stands in one table: archbench results"
    )


def _data(run: Run) -> str:
    return f"{run.settings['dataset']} with digest {run.settings['dataset_sha256'][:DIGITS]}"


def _metric(run: Run) -> str:
    return run.metrics["monitor"]


def differing_settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted name -> the value in each, of all in which they differ, but for what tells nothing (`APART`)."""
    one, other = dict(_leaves(first)), dict(_leaves(second))
    names = dict.fromkeys([*one, *other])
    return {
        name: (one.get(name), other.get(name))
        for name in names
        if name not in APART and one.get(name) != other.get(name)
    }


def _leaves(value: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """A list is a leaf; so is an empty mapping, which is as good as none."""
    found: list[tuple[str, Any]] = []
    for name, inner in value.items():
        found += _leaves(inner, f"{before}{name}.") if isinstance(inner, Mapping) else [(f"{before}{name}", inner)]
    return found
