"""What studies are called in Optuna's storage: `tour/optimizers/adam`, an arm of a study of a pipeline.

The trials of an arm are those of one identity: the hash of its settings, code and data, which is an attribute of the
study. Those of another identity are set aside under the name with that hash behind, `tour/optimizers/adam/1f3a...`, and
come back when their settings do. Optuna cannot rename, so moving is copying and then deleting; of a study that a kill
left in both places the one with more trials is the whole one.

No module that makes trials imports this one, so the identities of the trials that are there stay what they are.
"""

from __future__ import annotations

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from archbench.errors import UserError
from archbench.sweeps.storage import _is_running

IDENTITY = "archbench.identity"


class StudyInUse(UserError):
    """A study that another process sweeps with other settings, code or data, in the same storage."""


class StudyTaken(UserError):
    """A study that was set aside by another process while it was swept."""


def settle(storage: BaseStorage, name: str, identity: str, maximize: bool, former: str) -> None:
    """Make the study `name` that of `identity`: as it was left, wherever that is, or else a new one.

    `former` is what it was called before studies had such names. Raises `StudyInUse`.
    """
    occupant = identity_of(storage, name)
    if occupant not in (None, identity):
        _check_idle(storage, name)
        _move(storage, name, f"{name}/{occupant}")
    elsewhere = [other for other in (f"{name}/{identity}", former) if _exists(storage, other)]
    for other in elsewhere:
        _move(storage, other, name)
    if not _exists(storage, name):
        optuna.create_study(storage=storage, study_name=name, direction="maximize" if maximize else "minimize")
    optuna.load_study(study_name=name, storage=storage).set_user_attr(IDENTITY, identity)


def check(storage: BaseStorage, name: str, identity: str) -> None:
    """Raise `StudyTaken` where the study `name` is no longer that of `identity`."""
    if identity_of(storage, name) != identity:
        raise StudyTaken(
            f"The study {name!r} was taken over by another process that sweeps it with other settings, code or data in "
            "the same storage. Give each its own OPTUNA_STORAGE, and run the same command again."
        )


def identity_of(storage: BaseStorage, name: str) -> str | None:
    """The identity of a study; None where there is none of that name, or a move of it was cut off."""
    if not _exists(storage, name):
        return None
    return optuna.load_study(study_name=name, storage=storage).user_attrs.get(IDENTITY)


def _exists(storage: BaseStorage, name: str) -> bool:
    return name in optuna.get_all_study_names(storage)


def _check_idle(storage: BaseStorage, name: str) -> None:
    study = optuna.load_study(study_name=name, storage=storage)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_running(trial):
            where = f"process {trial.user_attrs['pid']} on {trial.user_attrs['host']}"
            raise StudyInUse(
                f"The study {name!r} is swept by {where}, with other settings, code or data. Wait for it, or give this "
                "sweep another OPTUNA_STORAGE."
            )


def _move(storage: BaseStorage, old: str, new: str) -> None:
    if _exists(storage, new):  # one of the two is what a kill left of a copy
        if _trials(storage, new) >= _trials(storage, old):
            optuna.delete_study(study_name=old, storage=storage)
            return
        optuna.delete_study(study_name=new, storage=storage)
    optuna.copy_study(from_study_name=old, from_storage=storage, to_storage=storage, to_study_name=new)
    optuna.delete_study(study_name=old, storage=storage)


def _trials(storage: BaseStorage, name: str) -> int:
    return len(optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False))
