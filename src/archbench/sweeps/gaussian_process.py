"""Bayesian optimization with a Gaussian process. Snoek, Larochelle, Adams 2012, arXiv:1206.2944.

Optuna's own sampler of this kind needs PyTorch; this one stands on scikit-learn's regression.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from archbench.sweeps import budget

STARTUP_TRIALS = 5
"""Random trials before the first fit."""
CANDIDATES = 2000


class GaussianProcessSampler(BaseSampler):
    """Draws the point of highest expected improvement under a Matern-5/2 process, one length scale a number.

    A choice is as many numbers as it has values: 1 for the one that is taken, 0 for the others. Trials that were pruned
    or diverged count as as bad as the worst complete one, so that the search keeps away from there. Among `CANDIDATES`
    random points the best is taken.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int) -> None:
        self._space = dict(space)
        self._random = np.random.default_rng(seed)
        self._independent = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All is drawn together."""
        return dict(self._space)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next point; none while there are too few trials to learn from."""
        ended = [t for t in study.get_trials(deepcopy=False) if budget.ended(t) and set(t.params) == set(search_space)]
        values = [t.value for t in ended if t.state == TrialState.COMPLETE]
        if len(values) < STARTUP_TRIALS:
            return {}
        sign = 1.0 if study.direction == optuna.study.StudyDirection.MAXIMIZE else -1.0
        worst = min(sign * value for value in values)
        scores = np.array([sign * t.value if t.state == TrialState.COMPLETE else worst for t in ended])
        places = np.array([[_to_unit(one, t.params[key]) for key, one in search_space.items()] for t in ended])
        best = self._most_promising(list(search_space.values()), places, scores)
        return {key: _from_unit(one, place) for (key, one), place in zip(search_space.items(), best, strict=True)}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A random value, while there is no relative one."""
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _most_promising(self, space: Sequence[BaseDistribution], places: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """`places` (trial, key) in the unit cube and their `scores`, more is better, to the next place (key,)."""
        points = _points(space, places)
        kernel = ConstantKernel() * Matern(np.full(points.shape[1], 0.5), (0.05, 20.0), nu=2.5)
        scaled = (scores - scores.mean()) / (scores.std() or 1.0)
        process = GaussianProcessRegressor(
            kernel + WhiteKernel(1e-3, (1e-6, 1.0)),
            n_restarts_optimizer=2,
            random_state=int(self._random.integers(2**31)),
        )
        with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
            process.fit(points, scaled)
        candidates = self._random.random((CANDIDATES, len(space)))
        mean, deviation = process.predict(_points(space, candidates), return_std=True)
        gain = mean - scaled.max()
        z = gain / np.maximum(deviation, 1e-9)
        return candidates[np.argmax(gain * norm.cdf(z) + deviation * norm.pdf(z))]


def _points(space: Sequence[BaseDistribution], places: np.ndarray) -> np.ndarray:
    """`places` (trial, key) in the unit cube as what the process compares: (trial, number)."""
    columns = [
        np.eye(len(one.choices))[(place * len(one.choices)).astype(int)]
        if isinstance(one, CategoricalDistribution)
        else place[:, None]
        for one, place in zip(space, places.T, strict=True)
    ]
    return np.hstack(columns)


def _to_unit(one: BaseDistribution, value: float | str) -> float:
    if isinstance(one, CategoricalDistribution):
        return (one.choices.index(value) + 0.5) / len(one.choices)
    low, high, value = (math.log(x) if one.log else x for x in (one.low, one.high, value))
    return (value - low) / (high - low)


def _from_unit(one: BaseDistribution, place: float) -> float | str:
    if isinstance(one, CategoricalDistribution):
        return one.choices[int(place * len(one.choices))]
    low, high = (math.log(x) if one.log else x for x in (one.low, one.high))
    value = low + place * (high - low)
    value = min(max(math.exp(value) if one.log else value, one.low), one.high)
    return round(value) if isinstance(one, optuna.distributions.IntDistribution) else value
