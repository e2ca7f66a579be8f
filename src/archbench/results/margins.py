"""What every net must gain over softmax regression on the same data, and what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archbench.results.gains import difference
from archbench.results.leaderboard import by_benchmark
from archbench.results.runs import Run, number
from archbench.results.statistics import Interval, mean_interval

BASELINE = "softmax_regression"
METRIC = "accuracy"


@dataclass(frozen=True)
class Margin:
    """One benchmark that has to beat softmax regression by `least`."""

    benchmark: str
    architecture: str | None
    dataset: str | None
    """None, as the architecture, where the benchmark left no settings."""
    least: float
    score: Interval
    baseline: Interval
    """The best softmax regression on the same data set."""

    @property
    def gain(self) -> Interval:
        """Mean test accuracy minus the baseline's."""
        return difference(self.score, self.baseline)

    @property
    def judged(self) -> bool:
        """Whether both scores exist."""
        return self.gain.n > 0

    @property
    def beaten(self) -> bool:
        """Whether the mean gain is at least the margin; never without both scores."""
        return self.judged and self.gain.mean >= self.least

    @property
    def verdict(self) -> str:
        """What may be said."""
        if not self.score.n:
            return "no test accuracy"
        if not self.baseline.n:
            return "no softmax regression on this data"
        if not self.beaten:
            return "no, but the interval reaches the margin" if self.gain.high >= self.least else "no"
        if math.isnan(self.gain.half):
            return "yes; no interval"
        return "yes" if self.gain.low >= self.least else "yes, but the interval reaches below the margin"


def margins(runs: Sequence[Run], least: Mapping[str, float]) -> list[Margin]:
    """One for every benchmark of `least`: those that fall short, those that cannot be judged, those that reach it."""
    found = by_benchmark(runs)
    judged = [_margin(benchmark, found.get(benchmark, []), needed, found) for benchmark, needed in least.items()]
    return sorted(judged, key=lambda margin: (margin.beaten, not margin.judged))


def _margin(benchmark: str, seeds: Sequence[Run], least: float, found: Mapping[str, Sequence[Run]]) -> Margin:
    settings = next((run.settings for run in seeds if run.settings), None)
    dataset = settings["dataset"] if settings else None
    return Margin(
        benchmark=benchmark,
        architecture=settings["architecture"]["name"] if settings else None,
        dataset=dataset,
        least=least,
        score=_accuracy(seeds),
        baseline=_baseline(dataset, found),
    )


def _baseline(dataset: str | None, found: Mapping[str, Sequence[Run]]) -> Interval:
    scores = [_accuracy(seeds) for seeds in found.values() if any(_is_baseline(run, dataset) for run in seeds)]
    return max(scores, key=lambda score: score.mean if score.n else -math.inf, default=mean_interval([]))


def _is_baseline(run: Run, dataset: str | None) -> bool:
    return bool(run.settings) and (run.settings["architecture"]["name"], run.settings["dataset"]) == (BASELINE, dataset)


def _accuracy(seeds: Sequence[Run]) -> Interval:
    return mean_interval([number(run.metrics["test"].get(METRIC)) for run in seeds if run.finished])
