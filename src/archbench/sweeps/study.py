"""A study: every arm gets the same trials and epochs, then its best setting is trained over all seeds."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from archbench import tuning
from archbench.architectures.scale import describe_scale
from archbench.config import Sampler, Space, Study
from archbench.datasets.store import Prepared
from archbench.errors import UserError
from archbench.records import run_folder
from archbench.resolve import identify
from archbench.sweeps import budget, space, storage
from archbench.sweeps.benches import Benches
from archbench.sweeps.tables import arm_rows, best_complete, fold_rows, summarize_arms, trial_rows
from archbench.sweeps.trial import run_trials, take_result
from archbench.training.build import Settings
from archbench.training.run import Pace, run_benchmark

POLL_SECONDS = 0.5
TABLES = ("arms.csv", "trials.csv", "trials_history.csv", "trials_folds.csv", "best.yaml", "metrics.json")
"""What `write_tables` writes."""


class StudyFailed(UserError):
    """A sweep whose workers did not finish the study that was begun."""


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
    shape: tuple[int, ...] | None = None
    """Of one input, which belongs to the scale."""
    words: str | None = None
    """What the base itself says of its scale."""

    def settings(self, numbers: tuning.Values) -> list[dict[str, Any]]:
        """The settings of every seed with the tuned numbers in their places."""
        changed = [tuning.with_values(trial, numbers) for trial in self.trials]
        return [
            {
                **trial,
                "id": identify({**trial, "id": None, "scale": None}),
                "scale": describe_scale(trial["architecture"], self.shape, self.words),
            }
            for trial in changed
        ]


def shares(arms: Sequence[str], workers: int) -> list[list[tuple[str, int, int]]]:
    """What each worker does: (arm, part of it, number of parts).

    Whole arms are dealt out in turn, so that a sweep does not depend on which worker is faster; only where there
    are more workers than arms do several share one.
    """
    parts = max(1, workers // len(arms))
    slots = [(arm, part, parts) for part in range(parts) for arm in arms]
    return [share for worker in range(workers) if (share := slots[worker::workers])]


def record(slug: str, study: Study, scale: str, network: str) -> dict[str, Any]:
    """What a study's settings.yaml holds: its part of params.yaml, with the scale of its base's network.

    `network` is the digest by which a later plan knows that its seconds are of the same study.
    """
    written = study.model_dump(mode="json")
    return {"study": slug, **written, "base": {**written["base"], "scale": scale}, "network": network}


def open_arms(study: Study, journal: Path, names: Iterable[str], maximize: bool) -> None:
    """Make the storage ready before the workers start: a study an arm, without trials of killed processes."""
    shared = storage.open_storage(journal)
    for name in names:
        storage.close_killed(storage.open_study(shared, name, maximize, study.pruner))


def search_arm(
    plan: ArmPlan, study: Study, benches: Benches, journal: Path, name: str, maximize: bool, share: tuple[int, int]
) -> None:
    """Run one part of an arm's trials, `share` = (part, parts): those that are still missing from its budget.

    A point that an earlier trial of the arm tried is not trained again: its trial gets the result of that one, which
    it would have to the bit. Raises `Full` between two trials where a fresh process should go on.
    """
    part, parts = share
    optuna_study = storage.open_study(storage.open_storage(journal), name, maximize, study.pruner)
    while turns := budget.next_turns(optuna_study, study.trials, part, parts, study.side_by_side):
        benches.check_room()
        asked = [_ask(optuna_study, plan, study, part, turn) for turn in turns]
        known = {str(trial.params) for trial in budget.counted(optuna_study, study.trials)}
        fresh, again = [], []
        for trial, settings in asked:
            (again if str(trial.params) in known else fresh).append((trial, settings))
            known.add(str(trial.params))
        if fresh:
            run_trials(optuna_study, fresh, benches, study.folds)
        for trial, _ in again:
            first = next(t for t in budget.counted(optuna_study, study.trials) if t.params == trial.params)
            take_result(optuna_study, trial, first)


def _ask(
    optuna_study: optuna.Study, plan: ArmPlan, study: Study, part: int, turn: int
) -> tuple[optuna.Trial, Settings]:
    """The trial of a turn, with its settings.

    Its numbers are those that the same turn drew before a kill, where one did; the first one has the paper's.
    """
    default = turn == 0 and plan.sampler != "grid"
    given = budget.cut_off(optuna_study, turn, set(plan.space))
    if given is None:
        given = space.paper_default(plan.space, plan.trials[0]) if default else {}
    sampler = storage.make_sampler(plan.sampler, plan.space, study.trials, study.seed, turn)
    optuna_study.sampler = storage.fix(given, sampler)
    trial = optuna_study.ask()
    owner = {"turn": turn, "part": part, "host": platform.node(), "pid": os.getpid()}
    # The process last: a trial that names it names its machine too, whenever a kill comes.
    for key, value in {**({"enqueued": True} if default else {}), **owner}.items():
        trial.set_user_attr(key, value)
    return trial, plan.settings(space.suggest(trial, plan.space))[0]


def wait_for_parts(study: Study, journal: Path, name: str, maximize: bool) -> None:
    """Wait until the workers that share an arm have spent its budget."""
    optuna_study = storage.open_study(storage.open_storage(journal), name, maximize, study.pruner)
    while len(budget.counted(optuna_study, study.trials)) < study.trials:
        time.sleep(POLL_SECONDS)


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
    best, final = best_complete(budget.counted(optuna_study, study.trials), maximize), folder / "final" / plan.name
    if best is None:
        shutil.rmtree(final, ignore_errors=True)  # of an earlier search, under other settings
        return
    trials = plan.settings(space.values_of(best.params, plan.space))
    run_benchmark(trials, prepared, final, pace, bench=lambda: benches.get(trials[0]))


def write_tables(
    plans: Sequence[ArmPlan], study: Study, journal: Path, names: Mapping[str, str], maximize: bool, folder: Path
) -> None:
    """The tables, best.yaml and metrics.json of a study, from the trials that count."""
    shared = storage.open_storage(journal)
    trials = {plan.name: _all_trials(shared, names[plan.name], plan.name, study.trials) for plan in plans}
    rows, curves = trial_rows(plans, trials)
    run_folder.write_table(folder / "arms.csv", arm_rows(plans, study))
    run_folder.write_table(folder / "trials.csv", rows)
    for name, table in (("trials_history.csv", curves), ("trials_folds.csv", fold_rows(trials))):
        if table:
            run_folder.write_table(folder / name, table)
    best, summary = summarize_arms(plans, trials, maximize, folder)
    run_folder.write_yaml(folder / "best.yaml", best)
    run_folder.write_json(folder / "metrics.json", summary)


def _all_trials(shared: BaseStorage, name: str, arm: str, trials: int) -> list[FrozenTrial]:
    """The trials of an arm whose workers are done; raises if they worked on another one."""
    known = name in optuna.get_all_study_names(shared)
    found = budget.counted(optuna.load_study(study_name=name, storage=shared), trials) if known else []
    if len(found) < trials:
        raise StudyFailed(
            f"The arm {arm!r} has {len(found)} of its {trials} trials under the settings, the code and the "
            "data that the sweep began with: they were changed while it ran. Run the same command again."
        )
    return found


def clear_folder(folder: Path, arms: Iterable[str]) -> None:
    """Remove what an earlier sweep left in a study's folder and this one may not write: tables, and arms of before."""
    for name in (*TABLES, "settings.yaml", "machine.json"):
        run_folder.remove(folder / name)
    for final in set(folder.glob("final/*")) - {folder / "final" / arm for arm in arms}:
        shutil.rmtree(final)
