"""What params.yaml says that test scores will be, and whether they are: from runs, or from a report's table."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import get_type_hints

from archbench.errors import UserError
from archbench.expected import Expected
from archbench.results.interval import LEVEL, Interval, mean_interval
from archbench.results.leaderboard import by_benchmark
from archbench.results.ranking import hindrance, scores
from archbench.results.runs import Run
from archbench.results.statistics import NO_COMPARISON, Comparison, Scores, compare_all

FILE = "expectations.csv"
REPAIRED = ("missing", "killed", "damaged", "stale")
"""States of a run that training again would change."""
ROUNDING = 1e-9
"""By so much of what is needed a mean may miss it for the rounding of its arithmetic alone."""


class NoExpectations(UserError):
    """A folder of tables without a table of expectations, or with one of another shape."""


@dataclass(frozen=True)
class Expectation:
    """One expectation with what was found; a row of expectations.csv, without which nothing can be judged again."""

    benchmark: str
    dataset: str
    """Empty where the benchmark left no settings."""
    metric: str
    maximize: bool
    needed: float
    """The bound of the score; beside `against`, how much better it must be."""
    against: str
    """The benchmark to beat; empty where the score is held against the bound alone."""
    score: float
    score_half: float
    """Half of its 95 % interval; NaN with a single seed."""
    n: int
    against_score: float
    against_half: float
    n_against: int
    found: float
    """What `needed` is held against: the score, or how much better it is than the other's, seed by seed."""
    found_half: float
    p_holm: float
    """Of the paired t test of `found` against `needed`, adjusted for all expectations; NaN where there is nothing to
    test."""
    hindrance: str
    """Why nothing is said; empty where it is."""
    mend: str
    """The command after which it may be; empty where there is none."""

    @property
    def judged(self) -> bool:
        """Whether anything may be said."""
        return not self.hindrance

    @property
    def reached(self) -> bool:
        """Whether the mean is as expected."""
        return self.judged and self._above >= -ROUNDING * max(1.0, abs(self.needed))

    @property
    def sure(self) -> int:
        """1 where it is surely better than needed, -1 where surely worse, else 0."""
        return int(math.copysign(1, self._above)) if self.judged and self.p_holm < LEVEL else 0

    @property
    def _above(self) -> float:
        """By how much `found` is better than needed."""
        return self.found - self.needed if self.maximize or self.against else self.needed - self.found

    @property
    def verdict(self) -> str:
        """What may be said."""
        if self.hindrance:
            return f"not judged: {self.hindrance}"
        if self.sure:
            return "yes" if self.sure > 0 else "no"
        who = "the mean" if self.n > 1 else "the single seed"
        return f"not sure; {who} {'reaches' if self.reached else 'misses'} it"


def judge(runs: Sequence[Run], expected: Sequence[Expected]) -> list[Expectation]:
    """All that is expected: what falls short, what cannot be judged, what is reached."""
    seeds = by_benchmark(runs)
    asked = [(one, seeds.get(one.benchmark, []), seeds.get(one.against, [])) for one in expected]
    why = [_hindrance(*each) for each in asked]
    compared = iter(compare_all([_sides(*each) for each, bad in zip(asked, why, strict=True) if not bad]))
    judged = [
        _expectation(*each, bad, NO_COMPARISON if bad else next(compared)) for each, bad in zip(asked, why, strict=True)
    ]
    return sorted(judged, key=lambda one: (one.reached, not one.judged))


def _sides(one: Expected, own: Sequence[Run], other: Sequence[Run]) -> tuple[Scores, Scores]:
    """Two scores of every seed, of which the first is to be at least the second."""
    found = scores(own, one.metric)
    sign = 1 if one.maximize else -1
    needed = (
        dict.fromkeys(found, one.needed)
        if one.against is None
        else {seed: score + sign * one.needed for seed, score in scores(other, one.metric).items()}
    )
    return (found, needed) if one.maximize else (needed, found)


def _expectation(
    one: Expected, own: Sequence[Run], other: Sequence[Run], bad: str, comparison: Comparison
) -> Expectation:
    score, beside = _mean(own, one.metric), _mean(other, one.metric)
    above = comparison.difference
    settings = next((run.settings for run in own if run.settings), {})
    return Expectation(
        benchmark=one.benchmark,
        dataset=settings.get("dataset", ""),
        metric=one.metric,
        maximize=one.maximize,
        needed=one.needed,
        against=one.against or "",
        score=score.mean,
        score_half=score.half,
        n=score.n,
        against_score=beside.mean,
        against_half=beside.half,
        n_against=beside.n,
        found=above.mean + one.needed if one.against else score.mean,
        found_half=above.half if one.against else score.half,
        p_holm=comparison.p_holm,
        hindrance=bad,
        mend=_mend(one, own, other) if bad else "",
    )


def _mean(seeds: Sequence[Run], metric: str) -> Interval:
    return mean_interval(list(scores(seeds, metric).values()))


def _hindrance(one: Expected, own: Sequence[Run], other: Sequence[Run]) -> str:
    """Why nothing may be concluded: a seed without a score, or a single one beside several of another benchmark.

    A single seed may reach what is expected, alone or beside the same seed of the other; nothing is sure of it then.
    """
    if one.against is None:
        return _lack(own, one.metric) or ("" if len(own) == 1 else hindrance(own, one.metric))
    if len(own) == len(other) == 1 and own[0].seed == other[0].seed:
        lack = _lack(other, one.metric)
        return _lack(own, one.metric) or (f"{one.against}: {lack}" if lack else "")
    if why := _lack(own, one.metric) or hindrance(own, one.metric):
        return why
    why = _lack(other, one.metric) or hindrance(other, one.metric)
    return f"{one.against}: {why}" if why else ""


def _lack(seeds: Sequence[Run], metric: str) -> str:
    """That no seed has the score, and which scores there are."""
    if scores(seeds, metric):
        return ""
    there = next((run.scores["test"] for run in seeds if run.finished), {})
    return f"no test {metric}" + (f", but {', '.join(there)}" if there else "")


def _mend(one: Expected, own: Sequence[Run], other: Sequence[Run]) -> str:
    """The command that trains what is not trained."""
    sides = {one.benchmark: own, **({one.against: other} if one.against else {})}
    stages = [
        f"train@{name}" for name, seeds in sides.items() if not seeds or any(run.state in REPAIRED for run in seeds)
    ]
    return f"dvc repro {' '.join(stages)}" if stages else ""


def as_rows(found: Sequence[Expectation]) -> list[dict[str, object]]:
    """The rows of expectations.csv; the last two columns are for its readers."""
    return [{**asdict(one), "reached": one.reached, "verdict": one.verdict} for one in found]


def read_expectations(tables: Path) -> list[Expectation]:
    """What a report's tables say of expectations; raises `NoExpectations`."""
    path = tables / FILE
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_read(row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise NoExpectations(
            f"{path} is not there: the report expects nothing, or was made before it did. Run: archbench report"
        ) from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        why = f"it has no column {error.args[0]}" if isinstance(error, KeyError) else str(error)
        raise NoExpectations(f"{path} cannot be read: {why}. Run: archbench report") from None


_TYPES = get_type_hints(Expectation)


def _read(row: Mapping[str, str]) -> Expectation:
    return Expectation(**{field.name: _cell(row[field.name], _TYPES[field.name]) for field in fields(Expectation)})


def _cell(text: str, kind: type) -> object:
    if kind is bool:
        return {"True": True, "False": False}[text]
    return math.nan if kind is float and not text else kind(text)
