"""One trial of an arm: trained by the program that the arm's trials share, stopped early where it is hopeless."""

from __future__ import annotations

import time

import numpy as np
import optuna
from optuna.trial import TrialState

from archbench.sweeps.benches import Benches
from archbench.training.build import Settings
from archbench.training.checkpoint import Progress
from archbench.training.fit import Diverged, fit


def run_trial(
    study: optuna.Study, trial: optuna.Trial, settings: Settings, benches: Benches, folds: int | None
) -> None:
    """Train one trial, on the data as they were prepared or on every fold, and tell Optuna how it ended."""
    start = time.perf_counter()
    try:
        score, pruned = _cross_validate(trial, settings, benches, folds) if folds else _once(trial, settings, benches)
    except Diverged as error:
        trial.set_user_attr("diverged_at_step", error.step)
    trial.set_user_attr("seconds", time.perf_counter() - start)
    if "diverged_at_step" in trial.user_attrs:
        study.tell(trial, state=TrialState.FAIL)
    elif pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, score)


def _once(trial: optuna.Trial, settings: Settings, benches: Benches) -> tuple[float, bool]:
    """The best validation score, reported epoch by epoch, and whether the trial was stopped for it."""
    bench = benches.get(settings)
    recipe, progress, pruned = bench.start(settings), Progress(settings["id"]), False

    def after_epoch(progress: Progress) -> None:
        nonlocal pruned
        trial.report(progress.history[-1][f"validation_{bench.task.monitor}"], progress.epoch)
        pruned = trial.should_prune()
        bench.program.learner.model.stop_training = pruned

    fit(bench.program, recipe, bench.training, bench.validation, progress, after_epoch=after_epoch)
    trial.set_user_attr("epochs_run", progress.epoch)
    return progress.best_score, pruned and progress.epoch < recipe.epochs


def _cross_validate(trial: optuna.Trial, settings: Settings, benches: Benches, folds: int) -> tuple[float, bool]:
    """The mean over the folds of their best validation scores, reported fold by fold, and whether it was stopped."""
    scores: list[float] = []
    epochs = 0
    for number in range(folds):
        bench = benches.get(settings, fold=number)
        recipe, progress = bench.start(settings), Progress(settings["id"])
        fit(bench.program, recipe, bench.training, bench.validation, progress, after_epoch=lambda progress: None)
        scores.append(float(progress.best_score))
        epochs += progress.epoch
        trial.set_user_attr("fold_scores", scores)
        trial.set_user_attr("epochs_run", epochs)
        trial.report(scores[-1], number)
        if trial.should_prune() and number + 1 < folds:
            return float(np.mean(scores)), True
    return float(np.mean(scores)), False
