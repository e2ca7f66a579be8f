"""Comparisons across benchmarks: weights of another against fresh ones, and heads together against heads alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from archbench.results.facts import SEVERAL_LABELS, question_of
from archbench.results.leaderboard import by_benchmark, standing_numbers
from archbench.results.ranking import Kind, Standing, hindrance, judge, scores
from archbench.results.recipes import describe_optimizer
from archbench.results.runs import Run, number
from archbench.results.statistics import Interval, compare_all, mean_interval

SCRATCH = "from scratch"
WAYS = {"none": "new parts only", "head": "head only", "all": "all layers"}
"""What trains of a network that starts from another's weights, in words; the least first."""
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
    standing: Standing
    """Against training from scratch on the same data."""


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
                **standing_numbers(point.standing),
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
    standing: Standing
    """Together against alone."""


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
                **standing_numbers(head.standing),
            }
            for head in self.scores
            for way, score in (("together", head.together), ("alone", head.alone))
        ]
        return pd.DataFrame(rows)


def transfers(runs: Sequence[Run]) -> list[Transfer]:
    """The transfers from each source, those without a finished run left out.

    A transfer is a start from the same network: one that takes parts of another has nothing to be compared with here. A
    twin from scratch has the architecture, parts, data set and task of a transfer, and starts from nobody.
    """
    return _compared_with_scratch(_alive(runs), lambda start: "parts" not in start)


def pretrained(runs: Sequence[Run]) -> list[Transfer]:
    """As `transfers`, of networks that take parts of another and also train from scratch on the same data."""
    found = _compared_with_scratch(_alive(runs), lambda start: "parts" in start)
    return [one for one in found if SCRATCH in one.ways]


def _compared_with_scratch(
    alive: Mapping[str, list[Run]], wanted: Callable[[Mapping[str, Any]], bool]
) -> list[Transfer]:
    """Those that start as is `wanted`, by their source, each with its twin from scratch."""
    sources: dict[str, dict[str, list[Run]]] = {}
    for benchmark, seeds in alive.items():
        start = _first(seeds).settings.get("start")
        if start and wanted(start):
            sources.setdefault(start["from"], {})[benchmark] = seeds
    found = []
    for source, members in sources.items():
        twins = {_twin(_first(seeds).settings) for seeds in members.values()}
        fresh = {
            benchmark: seeds
            for benchmark, seeds in alive.items()
            if "start" not in _first(seeds).settings and _twin(_first(seeds).settings) in twins
        }
        first = _first(next(iter(members.values())))
        points = _points(fresh, members, first.metrics["maximize"])
        architecture = first.settings["architecture"]["name"]
        found.append(Transfer(source, architecture, first.metrics["monitor"], first.metrics["maximize"], points))
    return found


def _points(
    fresh: Mapping[str, Sequence[Run]], members: Mapping[str, Sequence[Run]], maximize: bool
) -> tuple[Point, ...]:
    """Those from scratch, and the transfers with what may be said of each beside its twin."""
    twins: dict[str, Sequence[Run]] = {}
    for seeds in fresh.values():
        twins.setdefault(_first(seeds).settings["dataset"], seeds)
    pairs = [(seeds, twins.get(_first(seeds).settings["dataset"], [])) for seeds in members.values()]
    standings = _against(pairs, maximize)
    reference = Standing(Kind.BEST, "the reference")
    return (
        *(_point(benchmark, seeds, reference) for benchmark, seeds in fresh.items()),
        *(_point(benchmark, members[benchmark], own) for benchmark, own in zip(members, standings, strict=True)),
    )


def _against(
    pairs: Sequence[tuple[Sequence[Run], Sequence[Run]]], maximize: bool, metrics: Sequence[str | None] = ()
) -> list[Standing]:
    """What may be said of the first runs of each pair beside the second, all pairs adjusted together.

    `metrics` names the score of each pair, where it is not the one that runs are judged by.
    """
    judged = list(zip(pairs, metrics or [None] * len(pairs), strict=True))
    why = [next((why for why in (hindrance(side, name) for side in pair) if why), "") for pair, name in judged]
    tested = [
        tuple(scores(side, name) for side in pair) for (pair, name), bad in zip(judged, why, strict=True) if not bad
    ]
    known = iter(judge(comparison, maximize) for comparison in compare_all(tested))
    return [Standing(Kind.UNTESTED, f"not compared: {bad}") if bad else next(known) for bad in why]


def heads(runs: Sequence[Run]) -> list[Heads]:
    """Every benchmark of several heads beside those of one head with the same network and data."""
    asked = {
        benchmark: seeds
        for benchmark, seeds in _alive(runs).items()
        if question_of(_first(seeds).settings["task"]["name"]) == SEVERAL_LABELS
    }
    found = []
    for benchmark, seeds in asked.items():
        names = _heads(_first(seeds))
        if len(names) < 2:
            continue
        same = _network(_first(seeds).settings)
        singles = {
            _heads(_first(other))[0]: other
            for other in asked.values()
            if len(_heads(_first(other))) == 1 and _network(_first(other).settings) == same
        }
        alone = {name: singles[name] for name in names if name in singles}
        if alone:
            found.append(_compared(benchmark, seeds, alone))
    return found


def _compared(benchmark: str, seeds: Sequence[Run], alone: Mapping[str, Sequence[Run]]) -> Heads:
    standings = _against([(seeds, singles) for singles in alone.values()], True, list(alone))
    first = _first(seeds)
    return Heads(
        benchmark=benchmark,
        dataset=first.settings["dataset"],
        architecture=first.settings["architecture"]["name"],
        scale=first.settings["scale"],
        parameters=number(first.metrics["parameters"]),
        parameters_alone=tuple(number(_first(singles).metrics["parameters"]) for singles in alone.values()),
        scores=tuple(
            HeadScore(name, *(mean_interval(list(scores(some, name).values())) for some in (seeds, singles)), standing)
            for (name, singles), standing in zip(alone.items(), standings, strict=True)
        ),
    )


def _alive(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of every benchmark that has a finished one."""
    return {name: seeds for name, seeds in by_benchmark(runs).items() if any(run.finished for run in seeds)}


def _first(seeds: Sequence[Run]) -> Run:
    """The first finished run."""
    return next(run for run in seeds if run.finished)


def _heads(run: Run) -> list[str]:
    """The names of the scores of a run's heads."""
    return [name for name in run.scores["test"] if name.endswith(SCORES)]


def _point(benchmark: str, seeds: Sequence[Run], standing: Standing) -> Point:
    settings, examples = _first(seeds).settings, _first(seeds).metrics["training_examples"]
    return Point(
        way=_way(settings),
        benchmark=benchmark,
        dataset=settings["dataset"],
        training_examples=examples,
        recipe=describe_optimizer(settings["optimizer"]),
        score=mean_interval([run.score for run in seeds]),
        standing=standing,
    )


def _way(settings: Mapping[str, Any]) -> str:
    if "start" not in settings:
        return SCRATCH
    train = settings["start"]["train"]
    if isinstance(train, int):
        return f"last {train} layers"
    return WAYS[train] if isinstance(train, str) else f"{', '.join(train)} only"


def _order(way: str) -> tuple[int, int, str]:
    """How much trains: nothing was taken over, new parts, the head, parts, so many layers, all."""
    fixed = [SCRATCH, *WAYS.values()]
    if way in fixed:
        return 2 * fixed.index(way), 0, way
    layers = re.fullmatch(r"last (\d+) layers", way)
    return (5, int(layers[1]), way) if layers else (4, 1, way)


def _twin(settings: Mapping[str, Any]) -> str:
    return json.dumps([_network(settings), settings["task"]], sort_keys=True)


def _network(settings: Mapping[str, Any]) -> str:
    return json.dumps([settings["architecture"], settings["parts"], settings["dataset"]], sort_keys=True)
