"""Who is best and what may be said of the others: the one rule behind every table, figure and sentence of a report.

Best is the best mean among those whose every seed, of at least two, has a score; without a rival nobody is. Each of the
others is compared with it seed by seed, and is called worse where the paired t test finds p < 0.05 after Holm's method.

A seed without a score, because it diverged, failed, was killed, is damaged or is missing, counts as worse than any
score: whoever has one stands below all who have none, by the share of such seeds, and is not tested, because the seeds
that are left would flatter it. A single seed is not ranked at all: it stands below the others and nothing is compared
with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from archbench.results.runs import Run
from archbench.results.statistics import NO_COMPARISON, Comparison, Scores, compare_all, mean_interval


class Kind(Enum):
    """What a competitor is beside the others."""

    BEST = auto()
    TIE = auto()
    """Not distinguishable from the best."""
    WORSE = auto()
    BETTER = auto()
    """Than the best mean, over the seeds that both have: possible only where seeds differ."""
    UNTESTED = auto()
    """There are no two seeds in common, or the differences have no spread."""
    ALONE = auto()
    """There is nobody to compare with."""
    UNFINISHED = auto()
    SINGLE = auto()


@dataclass(frozen=True)
class Standing:
    """What may be said of one competitor."""

    kind: Kind
    verdict: str
    """The same in words."""
    comparison: Comparison = NO_COMPARISON
    """With the best one."""

    @property
    def ranked(self) -> bool:
        """Whether it stands above the line, below which single seeds are."""
        return self.kind is not Kind.SINGLE

    @property
    def whole(self) -> bool:
        """Whether every seed, of at least two, has a score."""
        return self.kind not in (Kind.SINGLE, Kind.UNFINISHED)


def rank(entries: Mapping[str, Sequence[Run]], *, maximize: bool) -> dict[str, Standing]:
    """Competitor -> its standing, the best first, single seeds last; `entries` gives everybody's runs."""
    order = sorted(entries, key=lambda name: (*_place(entries[name], maximize=maximize), name))
    ranked = [name for name in order if not is_single(entries[name])]
    whole = [name for name in ranked if not hindrance(entries[name])]
    best = whole[0] if whole and len(ranked) > 1 else None
    rest = [name for name in whole if best and name != best]
    compared = compare_all([(scores(entries[name]), scores(entries[best])) for name in rest])
    tested = {name: judge(comparison, maximize) for name, comparison in zip(rest, compared, strict=True)}
    return {name: tested[name] if name in tested else _untested(entries[name], name == best) for name in order}


def judge(comparison: Comparison, maximize: bool) -> Standing:
    """What a comparison, adjusted for all those made with it, allows to say of its first side."""
    n = comparison.difference.n
    if n < 2:
        return Standing(Kind.UNTESTED, f"no test with n={n}", comparison)
    if math.isnan(comparison.p):
        return Standing(Kind.UNTESTED, "no test: the same difference with every seed", comparison)
    if not comparison.sure:
        return Standing(Kind.TIE, f"not distinguishable with n={n}", comparison)
    if (comparison.sure > 0) == maximize:
        return Standing(Kind.BETTER, "better", comparison)
    return Standing(Kind.WORSE, "worse", comparison)


def unranked(runs: Sequence[Run], why: str) -> Standing:
    """The standing of one that is compared with nobody."""
    return replace(_untested(runs, False), verdict=f"not ranked: {why}")


def scores(runs: Sequence[Run], metric: str | None = None) -> Scores:
    """Seed -> test score, the one that the run is judged by or `metric`, of the seeds that have one."""
    found = {run.seed: run.score if metric is None else run.test_score(metric) for run in runs}
    return {seed: score for seed, score in found.items() if math.isfinite(score)}


def hindrance(runs: Sequence[Run], metric: str | None = None) -> str:
    """Why nothing may be concluded from `runs`; empty where every seed, of at least two, has a score."""
    gaps = len(runs) - len(scores(runs, metric))
    if gaps:
        return f"{gaps} of {len(runs)} seeds without a score"
    return "single seed" if len(runs) < 2 else ""


def is_single(runs: Sequence[Run]) -> bool:
    """Whether there is one seed only, or only one that has a score."""
    return len(runs) < 2 or len(scores(runs)) == 1


def _place(runs: Sequence[Run], *, maximize: bool) -> tuple[bool, float, float]:
    """What competitors are sorted by: ranked ones first, then the share of seeds without a score, then the mean."""
    known = scores(runs)
    mean = mean_interval(list(known.values())).mean if known else 0.0
    return is_single(runs), 1 - len(known) / max(len(runs), 1), -mean if maximize else mean


def _untested(runs: Sequence[Run], best: bool) -> Standing:
    """The best one, and all that it is not compared with."""
    why = hindrance(runs)
    if is_single(runs):
        return Standing(Kind.SINGLE, f"{why}: not ranked")
    if why:
        return Standing(Kind.UNFINISHED, f"{why}, counted as worst")
    return Standing(Kind.BEST, "best mean") if best else Standing(Kind.ALONE, "nothing to compare with")
