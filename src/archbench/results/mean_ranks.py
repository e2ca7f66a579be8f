"""Which choice is best over several data sets, studies or settings: mean ranks, and which of them can be told apart.

Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7: Friedman's test in the form of Iman
and Davenport says whether any two differ; Nemenyi's critical difference says which. Dolan and Moré 2002, Benchmarking
optimization software with performance profiles, arXiv:cs/0102001, for the profiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from archbench.results.interval import LEVEL
from archbench.results.leaderboard import Board
from archbench.results.ranking import hindrance
from archbench.results.studies import Arm, Study
from archbench.results.targets import common_target, time_to_target

FEWEST = 3
"""Rows and columns that a table of ranks takes to tell anything."""
FAILED = -math.inf
"""What stands for a choice whose every seed should have a score and has not: worse than any score."""


@dataclass(frozen=True)
class Ranks:
    """Choices beside each other over several questions."""

    each: pd.DataFrame
    """A row a question, a column a choice, the best mean rank first: its rank there, 1 for the best."""
    p: float
    """Of Friedman's test that all choices are alike."""
    critical: float
    """The difference of mean ranks from which on two choices are told apart."""

    @property
    def means(self) -> pd.Series:
        """Choice -> its mean rank, the best first."""
        return self.each.mean()

    @property
    def groups(self) -> list[list[str]]:
        """The longest runs of choices that cannot be told apart; all of them where the test finds no difference."""
        means = self.means
        if not self.p < LEVEL:
            return [list(means.index)]
        found: list[list[str]] = []
        for begin, low in enumerate(means):
            names = [name for name, rank in means.iloc[begin:].items() if rank - low <= self.critical]
            if len(names) > 1 and not (found and set(names) <= set(found[-1])):
                found.append(names)
        return found


def rank_over(scores: pd.DataFrame) -> Ranks | None:
    """The ranks of a table of scores, a row a question and a column a choice; more is better, NaN: not tried there.

    It is cut to choices that were tried in every question that is kept; None where too few are left.
    """
    whole = _whole(scores)
    if whole is None:
        return None
    ranks = whole.rank(axis=1, ascending=False)
    ranks = ranks[ranks.mean().sort_values(kind="stable").index]
    return Ranks(ranks, friedman(ranks.mean(), len(ranks)), critical_difference(ranks.shape[1], len(ranks)))


def _whole(scores: pd.DataFrame) -> pd.DataFrame | None:
    """The largest part without gaps, of those that the most tried choices give."""
    tried = scores.notna()
    order = tried.sum().sort_values(ascending=False, kind="stable").index
    parts = []
    for count in range(FEWEST, len(order) + 1):
        chosen = [name for name in scores.columns if name in set(order[:count])]
        parts.append(scores.loc[tried[chosen].all(axis=1), chosen])
    return max((part for part in parts if len(part) >= FEWEST), key=lambda part: part.size, default=None)


def friedman(means: pd.Series, questions: int) -> float:
    """The p of Friedman's test on the mean ranks of choices over so many questions, by Iman and Davenport's F."""
    k = len(means)
    chi = 12 * questions / (k * (k + 1)) * (float((means**2).sum()) - k * (k + 1) ** 2 / 4)
    rest = questions * (k - 1) - chi
    if rest <= 1e-9:  # the same order everywhere
        return 0.0
    return float(stats.f.sf((questions - 1) * chi / rest, k - 1, (k - 1) * (questions - 1)))


def critical_difference(choices: int, questions: int) -> float:
    """Nemenyi's, at the 5 % level: the studentized range over the root of 2, times sqrt(k (k + 1) / (6 N))."""
    quantile = stats.studentized_range.ppf(1 - LEVEL, choices, math.inf) / math.sqrt(2)
    return float(quantile * math.sqrt(choices * (choices + 1) / (6 * questions)))


def profile(costs: pd.DataFrame) -> pd.DataFrame:
    """Columns choice, ratio, share: in what share of problems a choice cost at most `ratio` times the cheapest.

    `costs` has a row a problem and a column a choice; NaN where the problem was not solved. What nobody solved says
    nothing and is left out.
    """
    solved = costs.dropna(how="all")
    ratios = solved.div(solved.min(axis=1), axis=0)
    rows = []
    for name in ratios:
        own = np.sort(ratios[name].dropna().to_numpy())
        rows += [(name, ratio, (place + 1) / len(solved)) for place, ratio in enumerate(own)]
    return pd.DataFrame(rows, columns=["choice", "ratio", "share"])


@dataclass(frozen=True)
class Setting:
    """A study, or the part of a crossed one in which one axis stands still: choices of one kind, all else equal."""

    label: str
    study: Study
    arms: Mapping[str, Arm]
    """Choice -> its arm."""


def settings_of(studies: Sequence[Study], kind: str) -> Iterator[Setting]:
    """Every setting in which arms differ in a `kind`, `optimizer` say, and have the same budget."""
    for study in studies:
        if not study.equal or study.monitor is None:
            continue
        other = next((axis for axis in study.axes if axis.rpartition(".")[2] != kind), None)
        if study.axes and len([axis for axis in study.axes if axis.rpartition(".")[2] == kind]) != 1:
            continue
        for value in dict.fromkeys(arm.cell.get(other, "") for arm in study.listed):
            arms = _by_choice([arm for arm in study.listed if arm.cell.get(other, "") == value], kind)
            if len(arms) > 1:
                named = f"{study.name}, {other.rpartition('.')[2]} {value}" if other else study.name
                yield Setting(named, study, arms)


def _by_choice(arms: Sequence[Arm], kind: str) -> dict[str, Arm]:
    """Choice -> its arm: of several the one that is called by its name, else the first."""
    found: dict[str, Arm] = {}
    for arm in arms:
        name = chosen(arm, kind)
        if name is not None and (name not in found or arm.name == name):
            found[name] = arm
    return found


def chosen(arm: Arm, kind: str) -> str | None:
    """The name of what the final runs of an arm have of a kind; None where they have none, or none is known."""
    settings = next((run.settings for run in arm.runs if run.settings), {})
    spec = settings.get(kind) or settings.get("parts", {}).get(kind)
    if isinstance(spec, list):
        return " and ".join(_named(one) for one in spec)
    return None if spec is None else _named(spec)


def _named(spec: Mapping[str, Any] | str) -> str:
    return spec["name"] if isinstance(spec, Mapping) else spec


def setting_scores(settings: Sequence[Setting]) -> pd.DataFrame:
    """The mean test scores of every setting's choices, turned so that more is better."""
    return pd.DataFrame(
        {
            setting.label: {name: _score(arm, setting.study.maximize) for name, arm in setting.arms.items()}
            for setting in settings
        }
    ).T


def board_scores(boards: Sequence[Board]) -> pd.DataFrame:
    """As `setting_scores`, of the architectures on several boards; of one that is there several times the best."""
    rows = {}
    for board in boards:
        rows[board.name] = own = {}
        for place in board.ranked:
            own.setdefault(place.architecture, _score(place, board.maximize))
    return pd.DataFrame(rows).T


def _score(entry: Any, maximize: bool) -> float:
    if hindrance(entry.runs) or not entry.score.n:
        return FAILED
    return entry.score.mean if maximize else -entry.score.mean


def setting_costs(settings: Sequence[Setting], names: Sequence[str]) -> pd.DataFrame:
    """Training seconds of each choice until the common target of its study: a row a setting and seed, NaN: never."""
    rows = {}
    for setting in settings:
        times = time_to_target(setting.study, common_target(setting.study)).set_index(["arm", "seed"])["seconds"]
        for seed in dict.fromkeys(run.seed for name in names for run in setting.arms[name].runs):
            key = f"{setting.label}, seed {seed}"
            rows[key] = {name: times.get((setting.arms[name].name, seed), math.nan) for name in names}
    return pd.DataFrame(rows).T
