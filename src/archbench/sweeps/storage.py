"""Where Optuna keeps its trials, and how several processes share them."""

from __future__ import annotations

import errno
import json
import os
import platform
import warnings
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import optuna
import psutil
from filelock import FileLock
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import BaseSampler, PartialFixedSampler, QMCSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from archbench import databases
from archbench.config import Space
from archbench.errors import UserError
from archbench.secrets import scrub
from archbench.sweeps.gaussian_process import GaussianProcessSampler
from archbench.sweeps.reinforce import ReinforceSampler
from archbench.sweeps.space import Drawn, distributions, grid


class StorageUnreachable(UserError):
    """An OPTUNA_STORAGE that cannot be opened."""


class JournalDamaged(UserError):
    """A journal with a line in its middle that is no record."""


def open_storage(journal: Path) -> BaseStorage:
    """The database that `OPTUNA_STORAGE` names, else a journal file.

    Opened under a lock: several processes that make the tables of a fresh database at once break it, and nobody
    writes to a journal while its end is looked at.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    url = os.environ.get("OPTUNA_STORAGE")
    if not url:
        with FileLock(_lock_of(journal)):
            mend(journal)
            return JournalStorage(_Journal(str(journal), _Lock(journal)))
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


def mend(journal: Path) -> None:
    """Cut a last line that a full disk or a cut left half written; what stood in it is done again.

    Only while nobody writes. Raises `JournalDamaged` for a line further up that is no record.
    """
    content = journal.read_bytes() if journal.exists() else b""
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if _is_record(line):
            continue
        if number < len(lines):
            raise JournalDamaged(
                f"Line {number} of {len(lines)} of {journal} is damaged: it is no record of a trial. Put a good copy "
                f"in its place; or delete it, and all trials of this study are made again: rm {journal}"
            )
        os.truncate(journal, len(content) - len(line))


def _is_record(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and "op_code" in json.loads(line)
    except (ValueError, TypeError):
        return False


def _lock_of(journal: Path) -> Path:
    return journal.with_suffix(".lock")


class _Lock:
    """In place of Optuna's lock, a link that a killed process leaves behind and the next one waits half a minute for.

    The system drops this one with its process.
    """

    def __init__(self, journal: Path) -> None:
        self._lock = FileLock(_lock_of(journal))

    def acquire(self) -> bool:
        self._lock.acquire(poll_interval=0.002)
        return True

    def release(self) -> None:
        self._lock.release()


class _Journal(JournalFileBackend):
    """Optuna's journal, to which a record is added whole or not at all."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add records; raises `OSError` with the journal's name, and leaves it as it was, where there is no place."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._lock.acquire()
        try:
            with open(self._file_path, "r+b", buffering=0) as file:
                _append(file, text.encode())
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._file_path) from None
        finally:
            self._lock.release()


def _append(file: BinaryIO, text: bytes) -> None:
    end = _cut_half_line(file)
    try:
        if file.write(text) < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


def _cut_half_line(file: BinaryIO) -> int:
    """Cut what a killed writer left behind the last line end; returns where that is."""
    end = file.seek(0, os.SEEK_END)
    if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
        end = os.pread(file.fileno(), end, 0).rfind(b"\n") + 1
        file.truncate(end)
        file.seek(end)
    return end


def open_study(storage: BaseStorage, name: str, maximize: bool, pruner: str) -> optuna.Study:
    """The Optuna study of one arm, new or as it was left."""
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize" if maximize else "minimize",
        pruner=_PRUNERS[pruner](),
        load_if_exists=True,
    )


def make_sampler(name: str, space: Space, trials: int, seed: int, turn: int) -> BaseSampler:
    """The sampler of one trial, by its name in params.yaml, for an arm of so many trials over `space`.

    Each trial has a generator of its own, of the study's seed and the trial's turn: workers that share an arm draw
    different points, and a sweep that goes on after it was stopped draws what it would have drawn. The grid has a
    point for every turn. The quasi-random sequence is one for all and keeps its place in the storage.
    """
    # The 0 sets these draws apart from the order of an epoch's examples, which is drawn of a seed and the epoch.
    own = int(np.random.SeedSequence((seed, 0, turn)).generate_state(1)[0])
    if name == "tpe":
        return TPESampler(seed=own, n_startup_trials=5)
    if name == "random":
        return RandomSampler(seed=own)
    if name == "grid":
        return GridPoint(space, trials, seed, turn)
    if name == "gp":
        return GaussianProcessSampler(distributions(space), seed=own)
    if name == "reinforce":
        return ReinforceSampler(distributions(space), seed, turn)
    with warnings.catch_warnings(category=ExperimentalWarning, action="ignore"):
        return QMCSampler(seed=seed, scramble=True, independent_sampler=RandomSampler(seed=own))


def fix(given: Drawn, sampler: BaseSampler) -> BaseSampler:
    """A sampler that gives these values, and for all others asks `sampler`."""
    with warnings.catch_warnings(category=ExperimentalWarning, action="ignore"):
        return PartialFixedSampler(dict(given), sampler)


class GridPoint(BaseSampler):
    """One point of the grid: every turn has its own, in an order that the seed shuffles.

    Where integers make the grid smaller than the budget, its points come again in the same order.
    """

    def __init__(self, space: Space, trials: int, seed: int, turn: int) -> None:
        axes = grid(space, trials)
        points = list(product(*axes.values()))
        place = np.random.default_rng(seed).permutation(len(points))[turn % len(points)]
        self._space, self._point = space, dict(zip(axes, points[place], strict=True))

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All numbers are given together."""
        return distributions(self._space)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The point."""
        return {key: self._point[key] for key in search_space}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """One number of the point."""
        return self._point[param_name]


def close_killed(study: optuna.Study) -> None:
    """Fail the trials that a dead process of this machine left running: their turns come again.

    Only before the workers start: a trial that has just begun does not name its process yet.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not _is_running(trial):
            study.tell(trial.number, state=TrialState.FAIL)


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
"""Of steps that count from 1, epochs or folds done: the median stops a trial after its second one at the earliest,
successive halving looks after one, four, sixteen, and Wilcoxon's test needs two folds."""
