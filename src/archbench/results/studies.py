"""Study folders: what every arm was given, what it found, and whether arms may be compared at all."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from archbench.records import read
from archbench.records.shapes import TRIALS, TUNED, as_number
from archbench.results.leaderboard import count_states, peak_memory_bytes, standing_numbers, train_seconds
from archbench.results.ranking import Kind, Standing, rank, scores, unranked
from archbench.results.recipes import unlike
from archbench.results.runs import Run, number, read_seeds
from archbench.results.statistics import Interval, mean_interval, mean_ranks

NUMBERS = ("value", "epochs_run", "seconds")
"""The columns of the table of trials that hold numbers, beside those of tuned numbers."""


@dataclass(frozen=True)
class Arm:
    """One competitor of a study: an optimizer, an activation, a strength."""

    name: str
    trials: int
    complete: int
    pruned: int
    failed: int
    trial_epochs: int
    """The epochs a trial was given: the most that a complete one ran, or the study's where training stops early."""
    final_epochs: tuple[int, ...]
    """The epoch budgets of the final runs; one number unless somebody changed it half way."""
    runs: tuple[Run, ...]
    best_value: float
    """Best validation score of a complete trial."""
    default_value: float
    """Validation score of the paper's default, which was enqueued first; NaN where it was not."""
    score: Interval
    """Test score of the best setting, trained again, over the seeds that have one."""
    standing: Standing
    rank: float = math.nan
    """Mean rank over the seeds; a seed without a score is the worst of its rank. NaN for a single seed."""
    cell: Mapping[str, str] = field(default_factory=dict)
    """Where the arm stands on the axes of a crossed study."""
    network: str = ""
    """Its architecture with the options that are given, and its scale."""
    setting: Mapping[str, Any] = field(default_factory=dict)
    """What was tuned -> its value in the best trial: a number, or the name of a choice."""

    @property
    def parameters(self) -> float:
        """The trainable weights of its network, by the first final run that tells; NaN where none does."""
        known = (number(run.metrics["parameters"]) for run in self.runs if run.metrics)
        return next((count for count in known if not math.isnan(count)), math.nan)

    @property
    def train_seconds(self) -> float:
        """Mean over the finished final seeds."""
        return train_seconds(self.runs)

    @property
    def peak_memory_bytes(self) -> float:
        """The most that the process of a finished final seed ever held."""
        return peak_memory_bytes(self.runs)

    @property
    def label(self) -> str:
        """What it is called where competitors are named: places of a board have labels as well."""
        return self.name

    @property
    def best_setting(self) -> str:
        """`learning_rate 0.01, parts.activation gelu`; empty where no trial came to its end."""
        shown = {key: value if isinstance(value, str) else f"{value:.4g}" for key, value in self.setting.items()}
        return ", ".join(f"{key} {value}" for key, value in shown.items())

    @property
    def states(self) -> str:
        """How many final seeds ended how."""
        return count_states(self.runs)

    @property
    def final_seeds(self) -> int:
        """The final seeds that the arm should have, whatever became of them, and any other that it has."""
        return len(self.runs)


@dataclass(frozen=True)
class Study:
    """One study folder."""

    name: str
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    trials: pd.DataFrame
    arms: tuple[Arm, ...]
    """Best first where budgets are equal, else by name."""
    monitor: str | None
    """The score that ranks; None where no final run has ended, so that nothing names it."""
    maximize: bool

    @property
    def unequal(self) -> list[str]:
        """What differs between the budgets of the arms, in words; empty where ranking them means something.

        The epochs of an arm without a complete trial are not known. A final seed that is missing is a gap, not a
        smaller budget: it counts as worst.
        """
        alive = [arm for arm in self.arms if arm.complete]
        given = {
            "trials": {arm.trials for arm in self.arms},
            "epochs a trial": {arm.trial_epochs for arm in alive},
            "epochs of a final run": {epochs for arm in alive for epochs in arm.final_epochs},
            "final seeds": {arm.final_seeds for arm in self.arms},
        }
        return [f"{what}: {', '.join(map(str, sorted(values)))}" for what, values in given.items() if len(values) > 1]

    @property
    def axes(self) -> tuple[str, ...]:
        """The two keys of a crossed study; none of any other."""
        return tuple(self.settings["cross"])

    @property
    def order(self) -> list[str]:
        """The arms as params.yaml gives them."""
        return list(self.settings["arms"])

    @property
    def listed(self) -> list[Arm]:
        """The arms in that order."""
        return sorted(self.arms, key=lambda arm: self.order.index(arm.name))

    @property
    def networks_differ(self) -> bool:
        """Whether the arms are networks of their own, which a row then has to name."""
        return len({arm.network for arm in self.arms}) > 1

    @property
    def equal(self) -> bool:
        """Whether every arm had the same budget."""
        return not self.unequal

    @property
    def best(self) -> Arm | None:
        """The arm that the others are compared with; none where budgets differ, without a rival, from single seeds."""
        return next((arm for arm in self.arms if arm.standing.kind is Kind.BEST), None)

    @property
    def unlike(self) -> list[str]:
        """A sentence for everything beside their recipes in which the final runs of the arms are not alike."""
        return unlike({arm.name: arm.runs for arm in self.arms})

    def table(self) -> pd.DataFrame:
        """A row an arm, as written to study-*.csv."""
        return pd.DataFrame(
            [
                {
                    "arm": arm.name,
                    "network": arm.network,
                    "parameters": arm.parameters,
                    "trials": arm.trials,
                    "complete": arm.complete,
                    "pruned": arm.pruned,
                    "failed": arm.failed,
                    "epochs_a_trial": arm.trial_epochs,
                    "final_epochs": "/".join(map(str, arm.final_epochs)),
                    "final_seeds": arm.final_seeds,
                    "default_validation": arm.default_value,
                    "best_validation": arm.best_value,
                    "best_setting": arm.best_setting,
                    "mean": arm.score.mean,
                    "deviation": arm.score.deviation,
                    "interval_low": arm.score.low,
                    "interval_high": arm.score.high,
                    "n": arm.score.n,
                    "mean_rank": arm.rank,
                    **standing_numbers(arm.standing),
                    "states": arm.states,
                }
                for arm in self.arms
            ]
        )


def read_study(folder: Path, name: str, seeds: Iterable[int]) -> Study | None:
    """The study in `folder`; None where it left no trials. Raises `BrokenRecord`."""
    try:
        record = read.read_study(folder)
    except read.HalfWritten:
        return None
    settings = record.settings
    names = list(dict.fromkeys(row["arm"] for row in record.trials))
    finals = {arm: read_seeds(folder / "final" / arm, arm, seeds) for arm in names}
    judged = next((run.metrics for runs in finals.values() for run in runs if run.metrics), None)
    monitor, maximize = (judged["monitor"], judged["maximize"]) if judged else (None, True)
    trials, cells = _trials(record, maximize), _cells(settings["cross"])
    arms = [
        _arm(arm, trials[trials["arm"] == arm], finals[arm], settings, maximize, cells.get(arm, {})) for arm in names
    ]
    study = Study(
        name=name,
        settings=settings,
        machine=record.machine,
        trials=trials,
        arms=tuple(sorted(arms, key=lambda arm: arm.name)),
        monitor=monitor,
        maximize=maximize,
    )
    return _ranked(study) if study.equal else study


def _trials(record: read.StudyFolder, maximize: bool) -> pd.DataFrame:
    """The table of trials, its cells read; `shown` is the value of a complete trial, of others their best epoch."""
    named = read.worded(record.settings)
    heads = list(record.trials[0]) if record.trials else list(TRIALS)
    table = pd.DataFrame(record.trials, columns=heads)
    for head in heads:
        if head in NUMBERS or (head.startswith(TUNED) and head.removeprefix(TUNED) not in named):
            table[head] = table[head].map(as_number).astype(float)
    best = {
        trial: (max if maximize else min)((value for _, value in points if not math.isnan(value)), default=math.nan)
        for trial, points in record.curves.items()
    }
    curves = pd.Series([best.get((row["arm"], row["number"]), math.nan) for row in record.trials], dtype=float)
    return table.assign(
        number=table["number"].astype(int),
        enqueued=table["enqueued"] == "True",
        shown=table["value"].fillna(curves),
    )


def best_so_far(trials: pd.DataFrame, *, maximize: bool) -> pd.DataFrame:
    """Columns arm, trial (1-based count within the arm), best: the best complete value up to that trial; low and high.

    A pruned or failed trial uses up a trial of the budget and never raises the best. Between low and high lies the best
    of so many of the same trials in nine of ten orders that they might have come in (Dodge et al. 2019,
    arXiv:1909.03004, has the mean over orders).
    """
    parts = []
    for arm, rows in trials.sort_values("number", kind="stable").groupby("arm", sort=False):
        values = rows["value"].where(rows["state"] == "complete")
        running = values.cummax() if maximize else values.cummin()
        ends = _ends_of_best(values if maximize else -values)
        low, high = ends if maximize else ([-end for end in ends[1]], [-end for end in ends[0]])
        table = {"trial": range(1, len(rows) + 1), "best": running.ffill().to_numpy(), "low": low, "high": high}
        parts.append(pd.DataFrame({"arm": arm, **table}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["arm", "trial", "best"])


def _ends_of_best(values: pd.Series) -> tuple[list[float], list[float]]:
    """For each number k of trials the 5 % and the 95 % quantile of the best of k drawn from `values`, NaN the worst.

    The best of k out of n is at most the i-th smallest in comb(i, k) of comb(n, k) draws.
    """
    ordered = sorted(-math.inf if math.isnan(value) else value for value in values)
    n = len(ordered)

    def end(k: int, share: Fraction) -> float:
        place = bisect_left(range(1, n + 1), share * math.comb(n, k), key=lambda i: math.comb(i, k))
        return ordered[place] if ordered[place] > -math.inf else math.nan

    low, high = ([end(k, share) for k in range(1, n + 1)] for share in (Fraction(1, 20), Fraction(19, 20)))
    return low, high


def _cells(axes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Arm -> axis -> value's name, of a crossed study."""
    return {"-".join(cell): dict(zip(axes, cell, strict=True)) for cell in product(*axes.values())} if axes else {}


def _arm(
    name: str,
    trials: pd.DataFrame,
    runs: list[Run],
    settings: Mapping[str, Any],
    maximize: bool,
    cell: Mapping[str, str],
) -> Arm:
    states = list(trials["state"])
    complete = trials[trials["state"] == "complete"]
    default = complete.loc[complete["enqueued"], "value"]
    stops_early = any(run.settings["early_stopping"] is not None for run in runs if run.settings)
    ran = int(complete["epochs_run"].max()) if len(complete) else 0
    best = complete["value"].max() if maximize else complete["value"].min()
    space = read.space_of(settings, name)
    searched = any(key.startswith("architecture.") for key in space)
    return Arm(
        name=name,
        trials=len(trials),
        complete=states.count("complete"),
        pruned=states.count("pruned"),
        failed=states.count("failed"),
        trial_epochs=settings["epochs"] if stops_early else ran // (settings["folds"] or 1),
        final_epochs=tuple(sorted({run.settings["epochs"] for run in runs if run.settings})),
        runs=tuple(runs),
        best_value=best,
        default_value=default.iloc[0] if len(default) else math.nan,
        score=mean_interval([run.score for run in runs]),
        standing=unranked(runs, "budgets differ"),
        cell=cell,
        network=_network(settings["base"], settings["arms"].get(name, {}), runs if searched else []),
        setting=_setting(complete[complete["value"] == best], list(space)),
    )


def _setting(best: pd.DataFrame, keys: list[str]) -> dict[str, Any]:
    """What was tuned in the first of the best trials."""
    row = next(iter(best.to_dict("records")), {})
    return {key: row[f"{TUNED}{key}"] for key in keys if f"{TUNED}{key}" in row}


def _network(base: Mapping[str, Any], arm: Mapping[str, Any], found: list[Run]) -> str:
    """`mlp, units [64, 64] (paper)`: of the arm, or of the base where the arm has none of its own.

    Where the network itself was searched for, it is that of the runs with the best one that was `found`.
    """
    own = next((run.settings for run in found if run.settings), None)
    whose = own or (arm if arm.get("architecture") else base)
    spec = whose["architecture"]
    options = [f"{option} {value}" for option, value in spec.items() if option != "name"]
    return f"{', '.join([spec['name'], *options])} ({(own or arm).get('scale') or whose.get('scale') or 'paper'})"


def _ranked(study: Study) -> Study:
    """The same study, arms best first, each with its standing and its mean rank."""
    arms = {arm.name: arm for arm in study.arms}
    standings = rank({name: arm.runs for name, arm in arms.items()}, maximize=study.maximize)
    ranked = {name: pd.Series(scores(arms[name].runs), dtype=float) for name, own in standings.items() if own.ranked}
    seeds = sorted({run.seed for arm in study.arms for run in arm.runs})
    ranks = mean_ranks(pd.DataFrame(ranked, index=seeds), maximize=study.maximize)
    placed = [
        replace(arms[name], standing=standing, rank=float(ranks.get(name, math.nan)))
        for name, standing in standings.items()
    ]
    return replace(study, arms=tuple(placed))
