"""Which choice mattered: how much of the variance of scores the arm and each tuned key take away.

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

from archbench.records.read import space_of
from archbench.records.shapes import TUNED
from archbench.results.studies import Study

LEAST_TRIALS = 10
"""Complete trials that a forest needs to say anything."""
SEED = 0
ARM = "arm"


def importances(study: Study) -> dict[str, float]:
    """Choice -> its share of the variance that all take away, largest first; empty where complete trials are too few.

    Only what every arm tunes can be compared, as a range in all of them or as choices; these are joined over the arms.
    """
    spaces = [space_of(study.settings, arm) for arm in study.settings["arms"]]
    shared = [key for key in spaces[0] if all(_alike(spaces[0][key], space.get(key)) for space in spaces)]
    trials = study.trials[study.trials["state"] == "complete"]
    if len(trials) < LEAST_TRIALS or trials["value"].nunique() < 2 or not shared:
        return {}
    drawn = pd.DataFrame({key: _drawn(trials[f"{TUNED}{key}"], spaces[0][key]) for key in shared})
    distributions: dict[str, BaseDistribution] = {
        key: _names(drawn[key]) if "choices" in spaces[0][key] else _joined([space[key] for space in spaces])
        for key in shared
    }
    if trials[ARM].nunique() > 1:
        distributions[ARM], drawn[ARM] = _names(trials[ARM]), trials[ARM]
    if len(distributions) < 2:
        return {}
    pooled = _pooled(study, drawn.to_dict("records"), list(trials["value"]), distributions)
    found = MeanDecreaseImpurityImportanceEvaluator(seed=SEED).evaluate(pooled)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _pooled(
    study: Study, drawn: list[dict[str, Any]], values: list[float], distributions: Mapping[str, BaseDistribution]
) -> optuna.Study:
    """The complete trials of all arms as one study in memory."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pooled = optuna.create_study(direction="maximize" if study.maximize else "minimize")
    optuna.logging.set_verbosity(before)
    for params, value in zip(drawn, values, strict=True):
        with warnings.catch_warnings(category=UserWarning, action="ignore"):
            pooled.add_trial(optuna.create_trial(params=params, distributions=dict(distributions), value=float(value)))
    return pooled


def _alike(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Whether both are ranges, or both choices."""
    return other is not None and ("choices" in one) == ("choices" in other)


def _drawn(values: pd.Series, given: Mapping[str, Any]) -> pd.Series:
    """What the sampler drew: 1 - x where that was tuned."""
    return 1.0 - values if given.get("one_minus") else values


def _names(values: pd.Series) -> CategoricalDistribution:
    """Every value there is, in a fixed order."""
    return CategoricalDistribution(sorted(values.unique().tolist()))


def _joined(ranges: list[Mapping[str, Any]]) -> FloatDistribution:
    low, high = min(one["low"] for one in ranges), max(one["high"] for one in ranges)
    # 1 - (1 - x) is not x to the last bit: a value on the border must not fall outside.
    margin = 1e-9 * max(abs(low), abs(high), math.ulp(1.0))
    log = all(one["log"] for one in ranges)
    return FloatDistribution(max(low - margin, low / 2) if log else low - margin, high + margin, log=log)
