"""Leaderboards: the runs of one data set and task, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from archbench.results.runs import STATES, Run, number
from archbench.results.statistics import Interval, compare_pairs, holm, mean_interval, verdict
from archbench.results.table import describe

SAME_QUESTION = {"capsules": "classification"}
"""Tasks that put the question of another one and count its answers alike, so their nets share a board."""


@dataclass(frozen=True)
class Place:
    """One benchmark on a leaderboard."""

    benchmark: str
    architecture: str
    scale: str
    optimizer: str
    label: str
    """Architecture with its scale, unique on the board."""
    runs: tuple[Run, ...]
    score: Interval
    parameters: float
    multiply_adds: float
    train_seconds: float
    """Mean over the finished seeds."""
    peak_memory_bytes: float
    """The most that the process of a finished seed ever held."""
    p: float = math.nan
    """Paired comparison with the board's first place, adjusted by Holm's method."""
    test: str = "none"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Those of the first seed that has any; seeds differ in nothing else."""
        return next(run.settings for run in self.runs if run.settings)

    @property
    def from_scratch(self) -> bool:
        """Whether it started without the weights of another benchmark."""
        return not self.settings.get("transfer")

    @property
    def states(self) -> str:
        """How many seeds ended how: `2 finished, 1 diverged`."""
        return count_states(self.runs)


@dataclass(frozen=True)
class Board:
    """The benchmarks of one data set and task, best test score first; those without a score come last."""

    dataset: str
    task: str
    monitor: str | None
    """The test score that ranks; None where no run lived long enough to name one."""
    maximize: bool
    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        """`digits (classification)`."""
        return f"{self.dataset} ({self.task.replace('_', ' ')})"

    @property
    def best(self) -> Place | None:
        """The first place, if any benchmark has a score."""
        return self.places[0] if self.places and self.places[0].score.n else None

    def verdict(self, place: Place) -> str:
        """What the intervals allow to say of `place` against the first one."""
        if place is self.best:
            return "best mean"
        return verdict(place.score, self.best.score) if self.best else "no score"

    @property
    def runs(self) -> list[Run]:
        """Every run on the board."""
        return [run for place in self.places for run in place.runs]

    def table(self) -> pd.DataFrame:
        """The board as written to leaderboard-*.csv."""
        return pd.DataFrame(
            [
                {
                    "benchmark": place.benchmark,
                    "architecture": place.architecture,
                    "scale": place.scale,
                    "optimizer": place.optimizer,
                    "metric": self.monitor,
                    "mean": place.score.mean,
                    "deviation": place.score.deviation,
                    "interval_low": place.score.low,
                    "interval_high": place.score.high,
                    "n": place.score.n,
                    "parameters": place.parameters,
                    "multiply_adds": place.multiply_adds,
                    "train_seconds": place.train_seconds,
                    "peak_memory_bytes": place.peak_memory_bytes,
                    "p_holm": place.p,
                    "test": place.test,
                    "verdict": self.verdict(place),
                    "states": place.states,
                }
                for place in self.places
            ]
        )


def count_states(runs: Iterable[Run]) -> str:
    """`2 finished, 1 diverged`, in the order of `STATES`."""
    states = [run.state for run in runs]
    return ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)


def boards(runs: Sequence[Run]) -> list[Board]:
    """One board a data set and task, in the order of the runs; a benchmark that left no settings is on none of them."""
    members: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for benchmark, seeds in by_benchmark(runs).items():
        known = next((run for run in seeds if run.settings), None)
        if known is not None:
            key = (known.settings["dataset"], _asked(known.settings["task"]))
            members.setdefault(key, {})[benchmark] = seeds
    return [_board(*key, members[key]) for key in members]


def _asked(task: Mapping[str, Any]) -> str:
    """The name of a task, with the heads of one that has several to choose from: their scores cannot be compared."""
    name = SAME_QUESTION.get(task["name"], task["name"])
    return f"{name}: {', '.join(task['heads'])}" if "heads" in task else name


def by_benchmark(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of every benchmark, in the order in which they first appear."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.benchmark, []).append(run)
    return groups


def _board(dataset: str, task: str, members: dict[str, list[Run]]) -> Board:
    judged = next((run.metrics for seeds in members.values() for run in seeds if run.metrics), None)
    monitor, maximize = (judged["monitor"], judged["maximize"]) if judged else (None, True)
    labels = unique_labels(members)
    places = [_place(benchmark, seeds, labels[benchmark]) for benchmark, seeds in members.items()]
    sign = -1 if maximize else 1
    places.sort(key=lambda place: (place.score.n == 0, sign * place.score.mean if place.score.n else 0, place.label))
    return Board(dataset, task, monitor, maximize, tuple(_compare_with_first(places)))


def unique_labels(members: dict[str, list[Run]]) -> dict[str, str]:
    """Benchmark -> `architecture (scale)`, with the benchmark's own name where two would read the same."""
    labels = {}
    for benchmark, seeds in members.items():
        facts = describe(next(run for run in seeds if run.settings))
        labels[benchmark] = f"{facts['architecture']} ({facts['scale']})"
    shared = list(labels.values())
    return {
        benchmark: label if shared.count(label) == 1 else f"{label}, {benchmark}" for benchmark, label in labels.items()
    }


def _place(benchmark: str, seeds: list[Run], label: str) -> Place:
    facts = describe(next(run for run in seeds if run.settings))
    measured = next((run.metrics for run in seeds if run.metrics), {"parameters": None, "multiply_adds": None})
    return Place(
        benchmark=benchmark,
        architecture=facts["architecture"],
        scale=facts["scale"],
        optimizer=facts["optimizer"],
        label=label,
        runs=tuple(seeds),
        score=mean_interval([run.score for run in seeds]),
        parameters=number(measured["parameters"]),
        multiply_adds=number(measured["multiply_adds"]),
        train_seconds=mean_interval([number(run.timings["train_seconds"]) for run in seeds if run.finished]).mean,
        peak_memory_bytes=max(
            (number(run.timings["peak_memory_bytes"]) for run in seeds if run.finished), default=math.nan
        ),
    )


def _compare_with_first(places: list[Place]) -> list[Place]:
    """Every other place with its paired comparison over seeds against the first, adjusted for their number."""
    scored = [{run.seed: run.score for run in place.runs if run.finished} for place in places]
    compared = [compare_pairs(scores, scored[0]) for scores in scored[1:]]
    adjusted = holm([comparison.p for comparison in compared])
    rest = [
        Place(**{**vars(place), "p": float(p), "test": comparison.test})
        for place, comparison, p in zip(places[1:], compared, adjusted, strict=True)
    ]
    return places[:1] + rest
