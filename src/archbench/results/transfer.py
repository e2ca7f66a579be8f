"""Comparisons across benchmarks: transferred weights against fresh ones, and heads together against heads alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from archbench.results.leaderboard import by_benchmark
from archbench.results.runs import Run, number
from archbench.results.statistics import Interval, compare_pairs, mean_interval

SCRATCH = "from scratch"
SCORES = ("_f1", "_accuracy")
"""How the scores of heads end."""


@dataclass(frozen=True)
class Point:
    """The score of one way to train on one data set."""

    way: str
    benchmark: str
    dataset: str
    training_examples: int
    recipe: str
    """The optimizer with its rate."""
    score: Interval


@dataclass(frozen=True)
class Transfer:
    """Everything that started from one benchmark, with the same networks trained from scratch."""

    source: str
    architecture: str
    metric: str
    maximize: bool
    points: tuple[Point, ...]

    @property
    def recipes(self) -> dict[str, str]:
        """Way -> the optimizers and rates it trained with."""
        return {
            way: " or ".join(dict.fromkeys(point.recipe for point in self.points if point.way == way))
            for way in self.ways
        }

    @property
    def ways(self) -> list[str]:
        """From scratch first, then by how much trains."""
        return sorted({point.way for point in self.points}, key=_order)

    def table(self) -> pd.DataFrame:
        """As written to transfer-*.csv, a row a benchmark."""
        rows = [
            {
                "way": point.way,
                "benchmark": point.benchmark,
                "dataset": point.dataset,
                "training_examples": point.training_examples,
                "recipe": point.recipe,
                "metric": self.metric,
                "mean": point.score.mean,
                "interval_low": point.score.low,
                "interval_high": point.score.high,
                "n": point.score.n,
            }
            for point in sorted(self.points, key=lambda point: (_order(point.way), point.training_examples))
        ]
        return pd.DataFrame(rows)


@dataclass(frozen=True)
class HeadScore:
    """One head trained with the others and by itself."""

    name: str
    together: Interval
    alone: Interval
    difference: Interval
    """Together minus alone, seed by seed."""


@dataclass(frozen=True)
class Heads:
    """The heads of one network on one data set."""

    benchmark: str
    dataset: str
    architecture: str
    scale: str
    parameters: float
    parameters_alone: tuple[float, ...]
    scores: tuple[HeadScore, ...]

    def table(self) -> pd.DataFrame:
        """As written to heads-*.csv, a row a head and a way."""
        rows = [
            {
                "head": head.name,
                "way": way,
                "mean": score.mean,
                "interval_low": score.low,
                "interval_high": score.high,
                "n": score.n,
            }
            for head in self.scores
            for way, score in (("together", head.together), ("alone", head.alone))
        ]
        return pd.DataFrame(rows)


def transfers(runs: Sequence[Run]) -> list[Transfer]:
    """The transfers from each source, those without a finished run left out.

    A twin from scratch has the architecture, parts, data set and task of a transfer, and starts from nobody.
    """
    finished = _finished(runs)
    sources: dict[str, dict[str, list[Run]]] = {}
    for benchmark, seeds in finished.items():
        if "transfer" in seeds[0].settings:
            sources.setdefault(seeds[0].settings["transfer"]["from"], {})[benchmark] = seeds
    found = []
    for source, members in sources.items():
        wanted = {_twin(seeds[0].settings) for seeds in members.values()}
        fresh = {
            benchmark: seeds
            for benchmark, seeds in finished.items()
            if "transfer" not in seeds[0].settings and _twin(seeds[0].settings) in wanted
        }
        everyone = {**fresh, **members}
        first = next(iter(members.values()))[0]
        points = tuple(_point(benchmark, seeds) for benchmark, seeds in everyone.items())
        architecture = first.settings["architecture"]["name"]
        found.append(Transfer(source, architecture, first.metrics["monitor"], first.metrics["maximize"], points))
    return found


def heads(runs: Sequence[Run]) -> list[Heads]:
    """Every benchmark of several heads beside those of one head with the same network and data."""
    asked = {
        benchmark: seeds
        for benchmark, seeds in _finished(runs).items()
        if seeds[0].settings["task"]["name"] == "multi_task"
    }
    found = []
    for benchmark, seeds in asked.items():
        names = _heads(seeds[0])
        if len(names) < 2:
            continue
        same = _network(seeds[0].settings)
        singles = {
            _heads(other[0])[0]: other
            for other in asked.values()
            if len(_heads(other[0])) == 1 and _network(other[0].settings) == same
        }
        alone = {name: singles[name] for name in names if name in singles}
        if alone:
            found.append(_compared(benchmark, seeds, alone))
    return found


def _compared(benchmark: str, seeds: Sequence[Run], alone: Mapping[str, Sequence[Run]]) -> Heads:
    scores = []
    for name, singles in alone.items():
        together, single = ({run.seed: number(run.metrics["test"][name]) for run in some} for some in (seeds, singles))
        both = [mean_interval(list(values.values())) for values in (together, single)]
        scores.append(HeadScore(name, *both, compare_pairs(together, single).difference))
    first = seeds[0]
    return Heads(
        benchmark=benchmark,
        dataset=first.settings["dataset"],
        architecture=first.settings["architecture"]["name"],
        scale=first.settings["scale"],
        parameters=number(first.metrics["parameters"]),
        parameters_alone=tuple(number(singles[0].metrics["parameters"]) for singles in alone.values()),
        scores=tuple(scores),
    )


def _finished(runs: Sequence[Run]) -> dict[str, list[Run]]:
    finished = by_benchmark(run for run in runs if run.finished)
    return {benchmark: seeds for benchmark, seeds in finished.items() if seeds}


def _heads(run: Run) -> list[str]:
    """The names of the scores of a run's heads."""
    return [name for name in run.metrics["test"] if name.endswith(SCORES)]


def _point(benchmark: str, seeds: Sequence[Run]) -> Point:
    settings, examples = seeds[0].settings, seeds[0].metrics["training_examples"]
    score = mean_interval([run.score for run in seeds])
    return Point(_way(settings), benchmark, settings["dataset"], examples, _recipe(settings["optimizer"]), score)


def _recipe(optimizer: Mapping[str, Any]) -> str:
    rate = f" at {optimizer['learning_rate']:g}" if "learning_rate" in optimizer else ""
    return f"{optimizer['name']}{rate}"


def _way(settings: Mapping[str, Any]) -> str:
    if "transfer" not in settings:
        return SCRATCH
    train = settings["transfer"]["train"]
    return {"head": "head only", "all": "all layers"}.get(train, f"last {train} layers")


def _order(way: str) -> tuple[int, int]:
    """How much trains: nothing was taken over, the head, so many layers, all."""
    fixed = {SCRATCH: 0, "head only": 1, "all layers": 3}
    return (fixed[way], 0) if way in fixed else (2, int(way.split()[1]))


def _twin(settings: Mapping[str, Any]) -> str:
    return json.dumps([_network(settings), settings["task"]], sort_keys=True)


def _network(settings: Mapping[str, Any]) -> str:
    return json.dumps([settings["architecture"], settings["parts"], settings["dataset"]], sort_keys=True)
