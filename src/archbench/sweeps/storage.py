"""Where Optuna keeps its trials, and how several processes share them."""

from __future__ import annotations

import os
import platform
import warnings
from pathlib import Path

import numpy as np
import optuna
import psutil
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import BaseSampler, GridSampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from archbench import databases
from archbench.config import Space
from archbench.errors import UserError
from archbench.secrets import scrub
from archbench.sweeps.gaussian_process import GaussianProcessSampler
from archbench.sweeps.space import distributions, grid


class StorageUnreachable(UserError):
    """An OPTUNA_STORAGE that cannot be opened."""


def open_storage(journal: Path) -> BaseStorage:
    """The database that `OPTUNA_STORAGE` names, else a journal file.

    Created under a lock: several processes that make the tables of a fresh database at once break it.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    url = os.environ.get("OPTUNA_STORAGE")
    if not url:
        with FileLock(journal.with_suffix(".lock")):
            return JournalStorage(JournalFileBackend(str(journal)))
    try:
        databases.check(url)
        return databases.within(databases.LOCK_SECONDS, _open_database, url)
    except (*databases.failures(), StorageInternalError, ValueError) as error:
        raise StorageUnreachable(
            scrub(f"OPTUNA_STORAGE={url} cannot be opened: {databases.first_line(error)} Give the URL of a database, ")
            + f"as in sqlite:////tmp/optuna.db, or unset it to use the file {journal}."
        ) from None


def _open_database(url: str) -> RDBStorage:
    with databases.only_creator(url):
        return RDBStorage(url)


def open_study(storage: BaseStorage, name: str, maximize: bool, pruner: str) -> optuna.Study:
    """The Optuna study of one arm, new or as it was left."""
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize" if maximize else "minimize",
        pruner=_PRUNERS[pruner](),
        load_if_exists=True,
    )


def make_sampler(name: str, space: Space, trials: int, seed: int, part: int, number: int) -> BaseSampler:
    """The sampler of one trial, by its name in params.yaml, for an arm of so many trials over `space`.

    Each trial has a generator of its own, of the study's seed, the worker's part and the trial's number: workers
    that share an arm draw different points, and so does a sweep that goes on after it was stopped. The
    quasi-random sequence and the grid are one for all and keep their place in the storage.
    """
    own = int(np.random.SeedSequence((seed, part, number)).generate_state(1)[0])
    if name == "tpe":
        return TPESampler(seed=own, n_startup_trials=5)
    if name == "random":
        return RandomSampler(seed=own)
    if name == "grid":
        return _Grid(grid(space, trials), seed=seed)
    if name == "gp":
        return GaussianProcessSampler(distributions(space), seed=own)
    with warnings.catch_warnings(category=ExperimentalWarning, action="ignore"):
        return QMCSampler(seed=seed, scramble=True, independent_sampler=RandomSampler(seed=own))


class _Grid(GridSampler):
    """Optuna's grid, for trials that are asked for one by one: there is no loop to stop when all points are taken."""

    def after_trial(self, *arguments: object) -> None:
        """Nothing: the arm's budget ends its search."""


def counted(trial: FrozenTrial) -> bool:
    """Whether a trial used some of its arm's budget: all that ended, but for those that a kill cut off."""
    ended = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    return ended or (trial.state == TrialState.FAIL and "diverged_at_step" in trial.user_attrs)


def close_killed(study: optuna.Study) -> None:
    """Fail the trials that a dead process of this machine left running, and queue their numbers again.

    Only before the workers start: a trial that has just begun does not name its process yet.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not _is_running(trial):
            study.tell(trial.number, state=TrialState.FAIL)
            numbers = trial.params or trial.system_attrs.get("fixed_params")
            if numbers:  # none: it was killed before it drew any
                enqueued = {"enqueued": True} if "enqueued" in trial.user_attrs else {}
                study.enqueue_trial(numbers, user_attrs=enqueued)


def _is_running(trial: FrozenTrial) -> bool:
    """Whether the process of a trial lives; a younger process that got its number is not the one."""
    owner = trial.user_attrs
    if "pid" not in owner:
        return False
    if owner["host"] != platform.node():
        return True
    try:
        return psutil.Process(owner["pid"]).create_time() <= trial.datetime_start.timestamp()
    except psutil.NoSuchProcess:
        return False


_PRUNERS = {
    "none": optuna.pruners.NopPruner,
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
    "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
    "wilcoxon": lambda: optuna.pruners.WilcoxonPruner(n_startup_steps=2),
}
