"""A study: every arm gets the same trials and epochs, then its best setting is trained over all seeds."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from archbench.config import Arm, Study
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.plan import identify
from archbench.sweeps import space, storage
from archbench.sweeps.tables import best_complete, summarize_arms, trial_rows
from archbench.tracking import run_folder
from archbench.training.build import Settings
from archbench.training.checkpoint import Progress
from archbench.training.fit import Diverged, fit
from archbench.training.run import Pace, Workbench, run_benchmark


class StudyFailed(UserError):
    """A sweep whose workers did not all finish."""


@dataclass(frozen=True)
class ArmPlan:
    """One arm with the resolved settings of its base: one trial's settings a seed."""

    name: str
    arm: Arm
    trials: Sequence[Settings]
    """The settings of every seed, with the arm's own defaults; sweeping uses the first."""

    def settings(self, numbers: Mapping[str, float]) -> list[dict[str, Any]]:
        """The settings of every seed with the optimizer's numbers replaced."""
        changed = [{**trial, "optimizer": {**trial["optimizer"], **numbers}} for trial in self.trials]
        return [{**trial, "id": identify({**trial, "id": None})} for trial in changed]


def shares(arms: Sequence[str], workers: int) -> list[list[tuple[str, int, int]]]:
    """What each worker does: (arm, part of it, number of parts).

    Whole arms are dealt out in turn, so that a sweep does not depend on which worker is faster; only where there
    are more workers than arms do several share one.
    """
    parts = max(1, workers // len(arms))
    slots = [(arm, part, parts) for part in range(parts) for arm in arms]
    return [share for worker in range(workers) if (share := slots[worker::workers])]


def search_arm(
    plan: ArmPlan, study: Study, bench: Workbench, journal: Path, name: str, part: int = 0, parts: int = 1
) -> None:
    """Run one part of an arm's trials: those that are still missing from its budget."""
    shared = storage.open_storage(journal)
    optuna_study = storage.open_study(shared, name, bench.task.maximize, study.pruner)
    quota = study.trials // parts + (part < study.trials % parts)
    if part == 0 and not optuna_study.get_trials(deepcopy=False):
        optuna_study.enqueue_trial(space.paper_default(plan.arm), user_attrs={"enqueued": True})
    while (done := _done(optuna_study, part)) < quota:
        optuna_study.sampler = storage.make_sampler(study.sampler, study.seed, part, done)
        trial = optuna_study.ask()
        for key, value in (("part", part), ("pid", os.getpid()), ("host", platform.node())):
            trial.set_user_attr(key, value)
        numbers = space.suggest(trial, plan.arm)
        _run_trial(optuna_study, trial, plan.settings(numbers)[0], bench)


def wait_for_parts(study: Study, journal: Path, name: str, maximize: bool) -> None:
    """Wait until the workers that share an arm have spent its budget."""
    optuna_study = storage.open_study(storage.open_storage(journal), name, maximize, study.pruner)
    while sum(storage.counted(trial) for trial in optuna_study.get_trials(deepcopy=False)) < study.trials:
        time.sleep(0.5)


def _done(study: optuna.Study, part: int) -> int:
    trials = study.get_trials(deepcopy=False)
    return sum(storage.counted(trial) and trial.user_attrs["part"] == part for trial in trials)


def _run_trial(study: optuna.Study, trial: optuna.Trial, settings: Settings, bench: Workbench) -> None:
    """Train one trial with the shared program, and tell Optuna how it ended."""
    start = time.perf_counter()
    recipe = bench.start(settings)
    progress = Progress(settings["id"])
    pruned = False

    def after_epoch(progress: Progress) -> None:
        nonlocal pruned
        trial.report(progress.history[-1][f"validation_{bench.task.monitor}"], progress.epoch)
        pruned = trial.should_prune()
        bench.program.learner.model.stop_training = pruned

    try:
        fit(bench.program, recipe, bench.training, bench.validation, progress, after_epoch=after_epoch)
    except Diverged as error:
        trial.set_user_attr("diverged_at_step", error.step)
    trial.set_user_attr("seconds", time.perf_counter() - start)
    if "diverged_at_step" in trial.user_attrs:
        study.tell(trial, state=TrialState.FAIL)
    elif pruned and progress.epoch < recipe.epochs:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, progress.best_score)


def finish_arm(
    plan: ArmPlan,
    study: Study,
    bench: Workbench,
    prepared: Prepared,
    journal: Path,
    name: str,
    folder: Path,
    pace: Pace,
) -> None:
    """Train the arm's best setting over all seeds, in the program that searched for it."""
    optuna_study = storage.open_study(storage.open_storage(journal), name, bench.task.maximize, study.pruner)
    best = best_complete(optuna_study)
    if best is None:
        return
    numbers = space.numbers_of(best.params, plan.arm)
    run_benchmark(plan.settings(numbers), prepared, folder / "final" / plan.name, pace, bench=bench)


def run_workers(command: Sequence[str], workers: int) -> None:
    """Run the workers of a study side by side, as processes of this Python; raises if one fails."""
    running = [subprocess.Popen([sys.executable, *command, str(worker)]) for worker in range(workers)]
    codes = [process.wait() for process in running]
    if any(codes):
        failed = [str(worker) for worker, code in enumerate(codes) if code]
        raise StudyFailed(
            f"Worker {', '.join(failed)} of the sweep stopped with an error, which stands above. The trials that "
            "ended are kept: run the same command again to go on."
        )


def write_tables(plans: Sequence[ArmPlan], journal: Path, names: Mapping[str, str], folder: Path) -> None:
    """trials.csv, trials_history.csv, best.yaml and metrics.json of a study, from its storage."""
    shared = storage.open_storage(journal)
    studies = {p.name: optuna.load_study(study_name=names[p.name], storage=shared) for p in plans}
    rows, curves = trial_rows(plans, studies)
    run_folder.write_table(folder / "trials.csv", rows)
    run_folder.write_table(folder / "trials_history.csv", curves)
    best, summary = summarize_arms(plans, studies, folder)
    run_folder.write_yaml(folder / "best.yaml", best)
    run_folder.write_json(folder / "metrics.json", summary)
