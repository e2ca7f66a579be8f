"""What a benchmark's errors are made of: avoidable bias, variance, mismatch, and overfit to the validation split.

Ng 2018, Machine Learning Yearning, chapters 20 to 24 and 40 to 43. A gap is how much worse a score is on one split than
on the one before: training examples beside the best that could be, held-out examples beside these, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.special import ndtri

from archbench.results.interval import CONFIDENCE, Interval, mean_interval
from archbench.results.leaderboard import by_benchmark
from archbench.results.runs import Run

Best = Mapping[str, Mapping[str, float]]
"""Data set -> score -> what a human, or the Bayes rule, reaches."""
TRAIN_DEV = "train_dev"
"""The split of examples that were cut from training data and not trained on."""
LEVELS = ("train", TRAIN_DEV, "validation", "test")
"""From what was trained on to what was never looked at."""
GAPS = {"train": "bias", TRAIN_DEV: "variance", "validation": "mismatch", "test": "overfit"}
"""Level -> the gap between the one before it and itself. Where there is no train-dev split, variance and mismatch
cannot be told apart, and what lies between training and validation counts as variance."""


@dataclass(frozen=True)
class Diagnosis:
    """One benchmark."""

    benchmark: str
    dataset: str
    metric: str
    """The score that its runs are judged by."""
    maximize: bool
    best: float
    """What could be reached; NaN where nobody said, and the score itself has no end."""
    given: bool
    """Whether somebody said; otherwise it is what no error would give."""
    levels: Mapping[str, Interval]
    """Split -> score over the seeds, in the order of `LEVELS`."""
    gaps: Mapping[str, Interval]
    """Gap -> how much worse the one level is than the one before. Its interval is over seeds and, where the score is
    one of shares, over the examples of both splits; a mean over what each example adds, from 0 to 1, varies no more."""

    @property
    def judged(self) -> bool:
        """Whether any gap has an interval."""
        return any(not math.isnan(size.half) for size in self.gaps.values())

    @property
    def largest(self) -> str | None:
        """The largest gap of those whose interval lies above 0."""
        sure = {name: size.mean for name, size in self.gaps.items() if size.low > 0}
        return max(sure, key=sure.get, default=None)


def diagnoses(runs: Sequence[Run], best: Best) -> list[Diagnosis]:
    """Every benchmark with a finished run, in their order."""
    groups = ([run for run in seeds if run.finished] for seeds in by_benchmark(runs).values())
    return [_diagnosis(finished, best) for finished in groups if finished]


def table(found: Sequence[Diagnosis]) -> pd.DataFrame:
    """As written to diagnosis.csv: a row a benchmark and gap."""
    rows = [
        {
            "benchmark": one.benchmark,
            "dataset": one.dataset,
            "metric": one.metric,
            "gap": name,
            "mean": size.mean,
            "interval_low": size.low,
            "interval_high": size.high,
            "n": size.n,
            "largest": name == one.largest,
            **{level: one.levels[level].mean if level in one.levels else math.nan for level in LEVELS},
            "best": one.best,
            "best_given": one.given,
        }
        for one in found
        for name, size in one.gaps.items()
    ]
    return pd.DataFrame(rows)


def _diagnosis(finished: Sequence[Run], best: Best) -> Diagnosis:
    run = finished[0]
    dataset, metric, maximize = run.settings["dataset"], run.metrics["monitor"], run.metrics["maximize"]
    scores = {level: [run.score_on(level, metric) for run in finished] for level in LEVELS}
    scores = {level: values for level, values in scores.items() if all(map(math.isfinite, values))}
    said = best.get(dataset, {}).get(metric)
    most = _without_error(metric, maximize) if said is None else said
    gaps, before, examples = {}, [most] * len(finished), math.inf
    for level, values in scores.items():
        name = "variance" if level == "validation" and TRAIN_DEV not in scores else GAPS[level]
        counted = run.metrics.get("scored_examples", {}).get(level, math.nan)
        if all(map(math.isfinite, before)):
            worse = [(a - b) * (1 if maximize else -1) for a, b in zip(before, values, strict=True)]
            sides = ((before, examples), (values, counted)) if maximize else ()
            gaps[name] = _widened(mean_interval(worse), sum(_variance(*side) for side in sides))
        before, examples = values, counted
    levels = {level: mean_interval(values) for level, values in scores.items()}
    return Diagnosis(run.benchmark, dataset, metric, maximize, most, said is not None, levels, gaps)


def _without_error(metric: str, maximize: bool) -> float:
    """The score of answers that are all right; NaN for a loss, which right answers alone do not bring to an end."""
    if maximize:
        return 1.0
    return math.nan if metric.split("_")[-1] == "loss" else 0.0


def _variance(scores: Sequence[float], examples: float) -> float:
    """Of the mean over `examples` that are drawn: at most s (1 - s) / n, with two right and two wrong ones added.

    Agresti, Coull 1998, The American Statistician 52(2): so that all right is not taken for certain.
    """
    if examples == math.inf:
        return 0.0
    share = (sum(scores) / len(scores) * examples + 2) / (examples + 4)
    return share * (1 - share) / (examples + 4)


def _widened(seeds: Interval, variance: float) -> Interval:
    """The interval over seeds, and over examples whose own chance is apart from theirs; of one seed, theirs alone."""
    if not variance > 0:
        return seeds
    half = math.hypot(0.0 if seeds.n == 1 else seeds.half, ndtri((1 + CONFIDENCE) / 2) * math.sqrt(variance))
    return Interval(seeds.mean, seeds.deviation, half, seeds.n)
