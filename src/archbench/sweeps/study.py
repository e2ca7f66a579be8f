"""A study: every arm gets the same trials and epochs, then its best setting is trained over all seeds."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from archbench import tuning
from archbench.config import Sampler, Space, Study
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.plan import identify
from archbench.sweeps import space, storage
from archbench.sweeps.benches import Benches
from archbench.sweeps.tables import arm_rows, best_complete, ended_trials, fold_rows, summarize_arms, trial_rows
from archbench.sweeps.trial import run_trials
from archbench.tracking import run_folder
from archbench.training.build import Settings
from archbench.training.run import Pace, run_benchmark

POLL_SECONDS = 0.5
TABLES = ("arms.csv", "trials.csv", "trials_history.csv", "trials_folds.csv", "best.yaml", "metrics.json")
"""What `write_tables` writes."""


class StudyFailed(UserError):
    """A sweep whose workers did not all finish, or not the study that was begun."""


@dataclass(frozen=True)
class ArmPlan:
    """One arm with the resolved settings of its base: one trial's settings a seed."""

    name: str
    space: Space
    trials: Sequence[Settings]
    """The settings of every seed, with the arm's own defaults; sweeping uses the first."""
    sampler: Sampler
    cell: Mapping[str, str] = field(default_factory=dict)
    """Where the arm stands on the axes of a crossed study."""

    def settings(self, numbers: tuning.Numbers) -> list[dict[str, Any]]:
        """The settings of every seed with the tuned numbers in their places."""
        changed = [tuning.with_numbers(trial, numbers) for trial in self.trials]
        return [{**trial, "id": identify({**trial, "id": None})} for trial in changed]


def shares(arms: Sequence[str], workers: int) -> list[list[tuple[str, int, int]]]:
    """What each worker does: (arm, part of it, number of parts).

    Whole arms are dealt out in turn, so that a sweep does not depend on which worker is faster; only where there
    are more workers than arms do several share one.
    """
    parts = max(1, workers // len(arms))
    slots = [(arm, part, parts) for part in range(parts) for arm in arms]
    return [share for worker in range(workers) if (share := slots[worker::workers])]


def open_arms(study: Study, journal: Path, names: Iterable[str], maximize: bool) -> None:
    """Make the storage ready before the workers start: a study an arm, without trials of killed processes."""
    shared = storage.open_storage(journal)
    for name in names:
        storage.close_killed(storage.open_study(shared, name, maximize, study.pruner))


def search_arm(
    plan: ArmPlan, study: Study, benches: Benches, journal: Path, name: str, maximize: bool, share: tuple[int, int]
) -> None:
    """Run one part of an arm's trials, `share` = (part, parts): those that are still missing from its budget.

    The whole budget counts too, since trials of an earlier start may have been dealt out to other parts.
    """
    part, parts = share
    shared = storage.open_storage(journal)
    optuna_study = storage.open_study(shared, name, maximize, study.pruner)
    quota = study.trials // parts + (part < study.trials % parts)
    if part == 0 and plan.sampler != "grid" and not optuna_study.get_trials(deepcopy=False):
        point = space.paper_default(plan.space, plan.trials[0])
        optuna_study.enqueue_trial(point, user_attrs={"enqueued": True})
    while (done := _done(optuna_study, part)) < quota and _done(optuna_study) < study.trials:
        asked = [
            _ask(optuna_study, plan, study, part, done + number)
            for number in range(min(study.side_by_side, quota - done, study.trials - _done(optuna_study)))
        ]
        run_trials(optuna_study, asked, benches, study.folds)


def _ask(
    optuna_study: optuna.Study, plan: ArmPlan, study: Study, part: int, number: int
) -> tuple[optuna.Trial, Settings]:
    """A new trial with its settings."""
    optuna_study.sampler = storage.make_sampler(plan.sampler, plan.space, study.trials, study.seed, part, number)
    trial = optuna_study.ask(space.distributions(plan.space))
    # The process last: a trial that names it names its machine too, whenever a kill comes.
    for key, value in (("part", part), ("host", platform.node()), ("pid", os.getpid())):
        trial.set_user_attr(key, value)
    return trial, plan.settings(space.numbers_of(trial.params, plan.space))[0]


def wait_for_parts(study: Study, journal: Path, name: str, maximize: bool) -> None:
    """Wait until the workers that share an arm have spent its budget."""
    optuna_study = storage.open_study(storage.open_storage(journal), name, maximize, study.pruner)
    while _done(optuna_study) < study.trials:
        time.sleep(POLL_SECONDS)


def _done(study: optuna.Study, part: int | None = None) -> int:
    """How many trials of the budget are spent, by one part or by all."""
    trials = ended_trials(study)
    return len(trials) if part is None else sum(trial.user_attrs["part"] == part for trial in trials)


def finish_arm(
    plan: ArmPlan,
    study: Study,
    benches: Benches,
    prepared: Prepared,
    journal: Path,
    name: str,
    maximize: bool,
    folder: Path,
    pace: Pace,
) -> None:
    """Train the arm's best setting over all seeds, in the program that searched for it."""
    optuna_study = storage.open_study(storage.open_storage(journal), name, maximize, study.pruner)
    best, final = best_complete(optuna_study), folder / "final" / plan.name
    if best is None:
        shutil.rmtree(final, ignore_errors=True)  # of an earlier search, under other settings
        return
    trials = plan.settings(space.numbers_of(best.params, plan.space))
    run_benchmark(trials, prepared, final, pace, bench=lambda: benches.get(trials[0]))


def run_workers(command: Sequence[str], workers: int) -> None:
    """Run the workers of a study side by side, as processes of this Python.

    If one fails, the others are stopped, since they may wait for it, and `StudyFailed` is raised. Their standard
    input is a pipe that ends with this process, however it ends: that tells them to end too.
    """
    running = [
        subprocess.Popen(
            [sys.executable, *command, str(worker)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # an interrupt at the terminal is for this process alone, and is told once
        )
        for worker in range(workers)
    ]
    try:
        while None in (codes := [process.poll() for process in running]) and not any(codes):
            time.sleep(POLL_SECONDS)
    finally:
        for process in running:
            process.kill()
            process.communicate()
    failed = [f"{worker} (status {code})" for worker, code in enumerate(codes) if code]
    if failed:
        raise StudyFailed(
            f"Worker {', '.join(failed)} of the sweep stopped; an error of its own stands above. The trials that "
            "ended are kept: run the same command again to go on."
        )


def write_tables(plans: Sequence[ArmPlan], study: Study, journal: Path, names: Mapping[str, str], folder: Path) -> None:
    """The tables, best.yaml and metrics.json of a study, from its storage."""
    shared = storage.open_storage(journal)
    studies = {plan.name: _whole_study(shared, names[plan.name], plan.name, study.trials) for plan in plans}
    rows, curves = trial_rows(plans, studies)
    run_folder.write_table(folder / "arms.csv", arm_rows(plans, study))
    run_folder.write_table(folder / "trials.csv", rows)
    for name, table in (("trials_history.csv", curves), ("trials_folds.csv", fold_rows(studies))):
        if table:
            run_folder.write_table(folder / name, table)
    best, summary = summarize_arms(plans, studies, folder)
    run_folder.write_yaml(folder / "best.yaml", best)
    run_folder.write_json(folder / "metrics.json", summary)


def _whole_study(shared: BaseStorage, name: str, arm: str, trials: int) -> optuna.Study:
    """The study of an arm whose workers are done; raises if they worked on another one."""
    known = name in optuna.get_all_study_names(shared)
    study = optuna.load_study(study_name=name, storage=shared) if known else None
    if study is None or (done := _done(study)) < trials:
        raise StudyFailed(
            f"The arm {arm!r} has {done if known else 0} of its {trials} trials under the settings, the code and the "
            "data that the sweep began with: they were changed while it ran. Run the same command again."
        )
    return study
