"""Leaderboards: the runs of one data set and task, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from archbench.datasets.store import SPLITS
from archbench.records.read import STATES
from archbench.records.run_folder import parsed_yaml
from archbench.results.facts import Fact, apart, board_of, question_of
from archbench.results.ranking import Kind, Standing, rank
from archbench.results.recipes import describe_augmentation, describe_recipe, differing, unlike
from archbench.results.runs import Run, number
from archbench.results.statistics import Interval, mean_interval
from archbench.results.table import describe


@dataclass(frozen=True)
class Place:
    """One benchmark on a leaderboard."""

    benchmark: str
    architecture: str
    scale: str
    label: str
    """Architecture with its scale, unique on the board."""
    runs: tuple[Run, ...]
    score: Interval
    """Over the seeds that have one; what it is worth beside others, `standing` says."""
    elsewhere: Mapping[str, Interval]
    """The same score on further splits that the data have, by split."""
    standing: Standing
    parameters: float
    multiply_adds: float
    train_seconds: float
    """Mean over the finished seeds."""
    peak_memory_bytes: float
    """The most that the process of a finished seed ever held."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Those of the first seed that has any; seeds differ in nothing else."""
        return next(run.settings for run in self.runs if run.settings)

    @property
    def trains(self) -> bool:
        """Whether there is anything that a recipe could train."""
        return self.parameters != 0

    @property
    def recipe(self) -> str:
        """How it was trained, in words."""
        return describe_recipe(self.settings) if self.trains else "nothing to train"

    @property
    def from_scratch(self) -> bool:
        """Whether it started without the weights of another benchmark."""
        return not self.settings.get("start")

    @property
    def states(self) -> str:
        """How many seeds ended how: `2 finished, 1 diverged`."""
        return count_states(self.runs)


@dataclass(frozen=True)
class Board:
    """The benchmarks of one data set and task as `ranking.rank` orders them: best first, single seeds last."""

    dataset: str
    task: str
    of: str
    """What its scores are of; empty where that is what is usual for the task."""
    monitor: str | None
    """The test score that ranks; None where no run lived long enough to name one."""
    maximize: bool
    places: tuple[Place, ...]

    @property
    def question(self) -> str:
        """What its task asks, as `facts.question_of` tells."""
        return question_of(self.task)

    @property
    def asked(self) -> str:
        """The task, with what its scores are of where that is not the usual."""
        return _with(self.task, self.of)

    @property
    def name(self) -> str:
        """`digits (classification)`."""
        return f"{self.dataset} ({_with(self.task.replace('_', ' '), self.of)})"

    @property
    def best(self) -> Place | None:
        """The place that the others are compared with; none without a rival, nor from single seeds."""
        return next((place for place in self.places if place.standing.kind is Kind.BEST), None)

    @property
    def ranked(self) -> list[Place]:
        """Those that are no single seeds."""
        return [place for place in self.places if place.standing.ranked]

    @property
    def recipes_differ_in(self) -> list[str]:
        """The members of a recipe that are not the same for all, as far as there is anything to train."""
        return differing(place.settings for place in self.places if place.trains)

    @property
    def unlike(self) -> list[str]:
        """A sentence for everything else in which the runs on the board are not alike."""
        return unlike({place.benchmark: place.runs for place in self.places})

    @property
    def runs(self) -> list[Run]:
        """Every run on the board."""
        return [run for place in self.places for run in place.runs]

    def table(self) -> pd.DataFrame:
        """The board as written to leaderboard-*.csv."""
        return pd.DataFrame([_numbers(place, self.monitor) for place in self.places])


def _with(task: str, of: str) -> str:
    return f"{task}: {of}" if of else task


def standing_numbers(standing: Standing) -> dict[str, float | str | bool]:
    """What a table says of a standing: the difference from the best with its interval, p, and the verdict."""
    difference, comparison = standing.comparison.difference, standing.comparison
    return {
        "ranked": standing.ranked,
        "difference": difference.mean,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "p": comparison.p,
        "p_holm": comparison.p_holm,
        "verdict": standing.verdict,
    }


def _numbers(place: Place, monitor: str | None) -> dict[str, Any]:
    settings = place.settings
    return {
        "benchmark": place.benchmark,
        "architecture": place.architecture,
        "scale": place.scale,
        "optimizer": settings["optimizer"]["name"],
        "learning_rate": settings["optimizer"].get("learning_rate", math.nan),
        "schedule": settings["schedule"]["name"],
        "epochs": settings["epochs"],
        "batch_size": settings["batch_size"],
        "augmentation": describe_augmentation(settings),
        "metric": monitor,
        "mean": place.score.mean,
        "deviation": place.score.deviation,
        "interval_low": place.score.low,
        "interval_high": place.score.high,
        "n": place.score.n,
        **{f"mean_{split}": score.mean for split, score in place.elsewhere.items()},
        **standing_numbers(place.standing),
        "states": place.states,
        "parameters": place.parameters,
        "multiply_adds": place.multiply_adds,
        "train_seconds": place.train_seconds,
        "peak_memory_bytes": place.peak_memory_bytes,
    }


def count_states(runs: Iterable[Run]) -> str:
    """`2 finished, 1 diverged`, in the order of `STATES`."""
    states = [run.state for run in runs]
    return ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)


def boards(runs: Sequence[Run]) -> list[Board]:
    """One board a data set, a task and what scores are of, in the order of the runs.

    A benchmark that left no settings is on none of them.
    """
    members: dict[tuple[str, str, str], dict[str, list[Run]]] = {}
    for benchmark, seeds in by_benchmark(runs).items():
        known = next((run for run in seeds if run.settings), None)
        if known is not None:
            key = (known.settings["dataset"], board_of(known.settings["task"]["name"]), _of(seeds, known.settings))
            members.setdefault(key, {})[benchmark] = seeds
    return [_board(*key, members[key]) for key in members]


def _of(seeds: Sequence[Run], settings: Mapping[str, Any]) -> str:
    """What the scores of a benchmark are of, by `facts.apart`; empty where of what is usual for its task."""
    return ", ".join(filter(None, (_told(row, seeds, settings) for row in apart(settings["task"]["name"]))))


def _told(row: Fact, seeds: Sequence[Run], settings: Mapping[str, Any]) -> str:
    """What one row of `facts.apart` says of a benchmark; empty where it is not such a one."""
    if row["told_by"] == "answer":
        source = (settings.get("start") or {}).get("from", settings["benchmark"])
        return row["of"].format(source=source) if any(row["name"] in run.answers for run in seeds) else ""
    usual = parsed_yaml(row["usual"])
    value = settings["task"].get(row["name"], usual)
    if value == usual:
        return ""
    return row["of"].format(value=", ".join(value) if isinstance(value, list) else value)


def by_benchmark(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of every benchmark, in the order in which they first appear."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.benchmark, []).append(run)
    return groups


def _board(dataset: str, task: str, of: str, members: dict[str, list[Run]]) -> Board:
    judged = next((run.metrics for seeds in members.values() for run in seeds if run.metrics), None)
    monitor, maximize = (judged["monitor"], judged["maximize"]) if judged else (None, True)
    labels = unique_labels(members)
    benchmarks = {label: benchmark for benchmark, label in labels.items()}
    standings = rank({label: members[benchmark] for label, benchmark in benchmarks.items()}, maximize=maximize)
    places = (_place(benchmarks[label], members[benchmarks[label]], label, own) for label, own in standings.items())
    return Board(dataset, task, of, monitor, maximize, tuple(places))


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


def _place(benchmark: str, seeds: list[Run], label: str, standing: Standing) -> Place:
    facts = describe(next(run for run in seeds if run.settings))
    measured = next((run.metrics for run in seeds if run.metrics), {"parameters": None, "multiply_adds": None})
    return Place(
        benchmark=benchmark,
        architecture=facts["architecture"],
        scale=facts["scale"],
        label=label,
        runs=tuple(seeds),
        score=mean_interval([run.score for run in seeds]),
        elsewhere=_elsewhere(seeds),
        standing=standing,
        parameters=number(measured["parameters"]),
        multiply_adds=number(measured["multiply_adds"]),
        train_seconds=train_seconds(seeds),
        peak_memory_bytes=peak_memory_bytes(seeds),
    )


def train_seconds(seeds: Iterable[Run]) -> float:
    """The mean over the finished seeds; NaN where there is none."""
    return mean_interval([number(run.timings["train_seconds"]) for run in seeds if run.finished]).mean


def peak_memory_bytes(seeds: Iterable[Run]) -> float:
    """The most that the process of a finished seed ever held; NaN where there is none."""
    return max((number(run.timings["peak_memory_bytes"]) for run in seeds if run.finished), default=math.nan)


def _elsewhere(seeds: Sequence[Run]) -> dict[str, Interval]:
    """The score that ranks, on splits that are neither for training, nor for validation, nor for the test."""
    finished = [run for run in seeds if run.finished]
    splits = dict.fromkeys(name for run in finished for name in run.scores if name not in SPLITS)
    return {name: mean_interval([run.score_on(name, run.metrics["monitor"]) for run in finished]) for name in splits}
