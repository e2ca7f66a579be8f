"""The trials of an arm, alone or side by side: trained by the program they share, stopped where they are hopeless.

The steps that a pruner sees count from 1, as Optuna's successive halving reads them: so many epochs are done, or folds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from archbench.sweeps.benches import Benches
from archbench.sweeps.side_by_side import fit_side_by_side
from archbench.training.build import Settings
from archbench.training.checkpoint import Progress
from archbench.training.fit import Diverged, fit
from archbench.training.pieces import is_of_memory
from archbench.training.run import Workbench

Asked = tuple[optuna.Trial, Settings]
RESULT = ("epochs_run", "fold_scores", "diverged_at_step")
"""What a trial's attributes tell of how it ended, but for its time."""


@dataclass
class _Attempt:
    """A trial on its way."""

    trial: optuna.Trial
    settings: Settings
    progress: Progress = field(init=False)
    """Of the fold that it trains on now, or of its one training."""
    fold_scores: list[float] = field(default_factory=list)
    epochs: int = 0
    """Run so far, over all folds."""
    score: float = math.nan
    pruned: bool = False
    diverged: Diverged | None = None

    @property
    def state(self) -> TrialState:
        """What Optuna calls an end like this."""
        if self.diverged:
            return TrialState.FAIL
        return TrialState.PRUNED if self.pruned else TrialState.COMPLETE


def run_trials(study: optuna.Study, asked: Sequence[Asked], benches: Benches, folds: int | None) -> None:
    """Train trials, on the data as they were prepared or on every fold, and tell Optuna how each ended.

    Several train side by side, which needs JAX and one program for all; `plan.resolve_arm` sees to both.
    """
    start = time.perf_counter()
    attempts = [_Attempt(trial, settings) for trial, settings in asked]
    if folds:
        _cross_validate(attempts, benches, folds)
    else:
        _once(attempts, benches)
    seconds = (time.perf_counter() - start) / len(attempts)
    for attempt in attempts:
        attempt.trial.set_user_attr("seconds", seconds)
        if attempt.diverged:
            attempt.trial.set_user_attr("diverged_at_step", attempt.diverged.step)
        complete = attempt.state == TrialState.COMPLETE
        study.tell(attempt.trial, attempt.score if complete else None, state=attempt.state)


def take_result(study: optuna.Study, trial: optuna.Trial, first: FrozenTrial) -> None:
    """End a trial as the first one of its numbers did, in no time."""
    for step, value in first.intermediate_values.items():
        trial.report(value, step)
    result = {key: value for key, value in first.user_attrs.items() if key in RESULT}
    for key, value in {**result, "seconds": 0.0, "same_as": first.user_attrs["turn"]}.items():
        trial.set_user_attr(key, value)
    study.tell(trial, first.value if first.state == TrialState.COMPLETE else None, state=first.state)


def _once(attempts: Sequence[_Attempt], benches: Benches) -> None:
    """The best validation score of each trial, reported epoch by epoch."""
    bench = benches.get(attempts[0].settings)

    def after_epoch(attempt: _Attempt) -> bool:
        progress = attempt.progress
        attempt.trial.report(progress.history[-1][f"validation_{bench.task.monitor}"], progress.epoch)
        attempt.pruned = attempt.trial.should_prune() and progress.epoch < attempt.settings["epochs"]
        return attempt.pruned

    _train(bench, attempts, after_epoch)
    for attempt in attempts:
        if not attempt.diverged:
            attempt.trial.set_user_attr("epochs_run", attempt.progress.epoch)
            attempt.score = attempt.progress.best_score


def _cross_validate(attempts: Sequence[_Attempt], benches: Benches, folds: int) -> None:
    """The mean over the folds of each trial's best validation scores, reported fold by fold."""
    for fold in range(folds):
        going = [attempt for attempt in attempts if not (attempt.pruned or attempt.diverged)]
        if not going:
            return
        _train(benches.get(going[0].settings, fold=fold), going, lambda attempt: False)
        for attempt in going:
            if not attempt.diverged:
                _end_fold(attempt, fold, last=fold + 1 == folds)


def _end_fold(attempt: _Attempt, fold: int, last: bool) -> None:
    """Note a trial's score on one fold, and end it there where it is hopeless."""
    attempt.fold_scores.append(float(attempt.progress.best_score))
    attempt.epochs += attempt.progress.epoch
    attempt.score = float(np.mean(attempt.fold_scores))
    attempt.trial.set_user_attr("fold_scores", attempt.fold_scores)
    attempt.trial.set_user_attr("epochs_run", attempt.epochs)
    attempt.trial.report(attempt.fold_scores[-1], fold + 1)
    attempt.pruned = attempt.trial.should_prune() and not last


def _train(bench: Workbench, attempts: Sequence[_Attempt], after_epoch: Callable[[_Attempt], bool]) -> None:
    """Train on one bench; `after_epoch` of a trial says whether to stop it."""
    for attempt in attempts:
        attempt.progress = Progress(attempt.settings["id"])
    if len(attempts) > 1:
        settings, progress = [one.settings for one in attempts], [one.progress for one in attempts]
        try:
            ends = fit_side_by_side(bench, settings, progress, lambda place: after_epoch(attempts[place]))
        except Exception as error:
            if not is_of_memory(error):
                raise
            half = len(attempts) // 2
            print(f"{len(attempts)} trials side by side do not fit in memory: {half} at a time", flush=True)
            for some in (attempts[:half], attempts[half:]):
                _train(bench, some, after_epoch)
            return
        for attempt, end in zip(attempts, ends, strict=True):
            attempt.diverged = end
        return
    (attempt,) = attempts

    def watch(progress: Progress) -> None:
        bench.program.learner.model.stop_training = after_epoch(attempt)

    recipe = bench.start(attempt.settings)
    try:
        fit(bench.program, recipe, bench.training, bench.validation, attempt.progress, after_epoch=watch)
    except Diverged as error:
        attempt.diverged = error
