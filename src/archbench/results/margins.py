"""What every net must gain over softmax regression on the same data, and what it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archbench.results.leaderboard import by_benchmark
from archbench.results.ranking import hindrance, scores
from archbench.results.runs import Run
from archbench.results.statistics import NO_COMPARISON, Comparison, Interval, compare_all, mean_interval

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
    seeds: tuple[Run, ...]
    baseline_seeds: tuple[Run, ...]
    """The best softmax regression on the same data set."""
    comparison: Comparison = NO_COMPARISON
    """Test accuracy minus the baseline's and minus the margin, seed by seed, adjusted for all margins."""

    @property
    def score(self) -> Interval:
        """Test accuracy over the seeds that have one."""
        return mean_interval(list(scores(self.seeds, METRIC).values()))

    @property
    def baseline(self) -> Interval:
        """Test accuracy of the baseline."""
        return mean_interval(list(scores(self.baseline_seeds, METRIC).values()))

    @property
    def gain(self) -> Interval:
        """Test accuracy minus the baseline's, seed by seed."""
        return replace(self.comparison.difference, mean=self.comparison.difference.mean + self.least)

    @property
    def hindrance(self) -> str:
        """Why nothing is said of the gain; empty where it is."""
        if not self.score.n:
            return "no test accuracy"
        if not self.baseline.n:
            return "no softmax regression on this data"
        if own := hindrance(self.seeds, METRIC):
            return own
        other = hindrance(self.baseline_seeds, METRIC)
        return f"softmax regression: {other}" if other else ""

    @property
    def judged(self) -> bool:
        """Whether both sides have a score with every seed, of at least two."""
        return not self.hindrance

    @property
    def reached(self) -> bool:
        """Whether the mean gain is at least the margin."""
        return self.judged and self.comparison.difference.mean >= 0

    @property
    def beaten(self) -> bool:
        """Whether the gain is surely above the margin."""
        return self.comparison.sure > 0

    @property
    def verdict(self) -> str:
        """What may be said."""
        if self.hindrance:
            return f"not judged: {self.hindrance}"
        if self.comparison.sure:
            return "yes" if self.beaten else "no"
        return f"not sure; the mean {'reaches' if self.reached else 'misses'} it"


def margins(runs: Sequence[Run], least: Mapping[str, float]) -> list[Margin]:
    """One for every benchmark of `least`: those that fall short, those that cannot be judged, those that reach it."""
    found = by_benchmark(runs)
    asked = [_margin(benchmark, found.get(benchmark, []), needed, found) for benchmark, needed in least.items()]
    judged = [margin for margin in asked if margin.judged]
    comparisons = compare_all([(scores(margin.seeds, METRIC), _needed(margin)) for margin in judged])
    compared = [replace(margin, comparison=own) for margin, own in zip(judged, comparisons, strict=True)]
    everyone = [*compared, *(margin for margin in asked if not margin.judged)]
    return sorted(everyone, key=lambda margin: (margin.reached, not margin.judged))


def _needed(margin: Margin) -> dict[int, float]:
    """Seed -> the accuracy that is exactly the margin above the baseline's."""
    return {seed: score + margin.least for seed, score in scores(margin.baseline_seeds, METRIC).items()}


def _margin(benchmark: str, seeds: Sequence[Run], least: float, found: Mapping[str, Sequence[Run]]) -> Margin:
    settings = next((run.settings for run in seeds if run.settings), None)
    dataset = settings["dataset"] if settings else None
    return Margin(
        benchmark=benchmark,
        architecture=settings["architecture"]["name"] if settings else None,
        dataset=dataset,
        least=least,
        seeds=tuple(seeds),
        baseline_seeds=tuple(_baseline(dataset, found)),
    )


def _baseline(dataset: str | None, found: Mapping[str, Sequence[Run]]) -> Sequence[Run]:
    """The runs of the best softmax regression on a data set; one that finished all its seeds goes before others."""
    candidates = [seeds for seeds in found.values() if any(_is_baseline(run, dataset) for run in seeds)]
    return max(candidates, key=lambda seeds: (not hindrance(seeds, METRIC), _mean(seeds)), default=())


def _mean(seeds: Sequence[Run]) -> float:
    score = mean_interval(list(scores(seeds, METRIC).values()))
    return score.mean if score.n else -math.inf


def _is_baseline(run: Run, dataset: str | None) -> bool:
    return bool(run.settings) and (run.settings["architecture"]["name"], run.settings["dataset"]) == (BASELINE, dataset)
