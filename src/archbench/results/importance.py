"""Which choice mattered: how much of the variance of scores the arm and each tuned number take away.

Mean decrease of impurity in a random forest, Breiman 2001, Machine Learning 45; in Optuna's implementation. Functional
ANOVA over the same forest takes minutes where a study has dozens of arms.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import MeanDecreaseImpurityImportanceEvaluator

from archbench.results.studies import Study

LEAST_TRIALS = 10
"""Complete trials that a forest needs to say anything."""
SEED = 0
ARM = "arm"


def importances(study: Study) -> dict[str, float]:
    """Choice -> its share of the variance that all take away, largest first; empty where complete trials are too few.

    Only the numbers that every arm tunes can be compared; the ranges of a number are joined over the arms.
    """
    spaces = _spaces(study.settings)
    shared = [key for key in spaces[0] if all(key in space for space in spaces)]
    trials = study.trials[study.trials["state"] == "complete"]
    if len(trials) < LEAST_TRIALS or trials["value"].nunique() < 2 or not shared:
        return {}
    distributions: dict[str, BaseDistribution] = {key: _joined([space[key] for space in spaces]) for key in shared}
    if trials[ARM].nunique() > 1:
        distributions[ARM] = CategoricalDistribution(sorted(trials[ARM].unique()))
    if len(distributions) < 2:
        return {}
    found = MeanDecreaseImpurityImportanceEvaluator(seed=SEED).evaluate(
        _pooled(study, trials, distributions, spaces[0])
    )
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _pooled(
    study: Study, trials: pd.DataFrame, distributions: Mapping[str, BaseDistribution], space: Mapping[str, Any]
) -> optuna.Study:
    """The complete trials of all arms as one study in memory."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pooled = optuna.create_study(direction="maximize" if study.maximize else "minimize")
    optuna.logging.set_verbosity(before)
    for row in trials.to_dict("records"):
        values = {key: row[ARM] if key == ARM else _drawn(row[f"param_{key}"], space[key]) for key in distributions}
        with warnings.catch_warnings(category=UserWarning, action="ignore"):
            pooled.add_trial(
                optuna.create_trial(params=values, distributions=dict(distributions), value=float(row["value"]))
            )
    return pooled


def _spaces(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The space of every arm, as its settings say."""
    return [{**settings["space"], **arm["space"]} for arm in settings["arms"].values()]


def _drawn(value: float, number: Mapping[str, Any]) -> float:
    """What the sampler drew for a number: 1 - x where that was tuned."""
    return 1.0 - value if number["one_minus"] else value


def _joined(ranges: list[Mapping[str, Any]]) -> FloatDistribution:
    low, high = min(one["low"] for one in ranges), max(one["high"] for one in ranges)
    # 1 - (1 - x) is not x to the last bit: a value on the border must not fall outside.
    margin = 1e-9 * max(abs(low), abs(high), math.ulp(1.0))
    log = all(one["log"] for one in ranges)
    return FloatDistribution(max(low - margin, low / 2) if log else low - margin, high + margin, log=log)
