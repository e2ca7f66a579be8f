"""Search by a controller that learns from its children, the trials. Zoph and Le 2016, arXiv:1611.01578, section 3.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from archbench.sweeps import budget
from archbench.sweeps.controller import Controller

WEIGHTS = 1
"""Sets the draw of a controller's first weights apart from those of the trials' proposals."""


class ReinforceSampler(BaseSampler):
    """Proposes choices one after another, in the order of the space, by a controller trained by REINFORCE.

    The controller is kept nowhere: every trial makes it anew from the study's seed and lets it learn from the trials
    before, turn by turn, so that a search that goes on after a kill proposes what it would have proposed. A reward is
    the trial's score, the higher the better; a trial that was pruned or diverged has that of the worst complete one
    before it. The first trial, which is the paper's and no proposal, sets the baseline alone.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int, turn: int) -> None:
        self._space, self._seed, self._turn = dict(space), seed, turn

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All choices are proposed together."""
        return dict(self._space)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the controller proposes for the choices that are not given."""
        if not search_space:
            return {}
        controller = self._controller(study)
        proposed = controller.propose(np.random.default_rng((self._seed, 0, self._turn)))
        named = {key: one.choices[choice] for (key, one), choice in zip(self._space.items(), proposed, strict=True)}
        return {key: named[key] for key in search_space}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Optuna asks for this where a sampler has no relative value, which this one always has."""
        raise NotImplementedError

    def _controller(self, study: optuna.Study) -> Controller:
        """The controller after all trials of earlier turns."""
        random = np.random.default_rng((self._seed, 0, 0, WEIGHTS))
        controller = Controller([len(one.choices) for one in self._space.values()], random)
        sign = 1.0 if study.direction == optuna.study.StudyDirection.MAXIMIZE else -1.0
        worst: float | None = None
        for trial in budget.counted(study, self._turn):
            if trial.state == TrialState.COMPLETE:
                reward = sign * trial.value
                worst = reward if worst is None else min(worst, reward)
            elif worst is None:
                continue  # nothing to be as bad as
            else:
                reward = worst
            controller.learn([one.choices.index(trial.params[key]) for key, one in self._space.items()], reward)
        return controller
