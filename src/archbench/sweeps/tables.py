"""What a study leaves behind as tables: every trial, every curve, and the best setting of every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from archbench.config import Choices, Space
from archbench.records import run_folder
from archbench.sweeps import space

if TYPE_CHECKING:
    from archbench.config import Study
    from archbench.sweeps.study import ArmPlan

STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def best_complete(trials: Sequence[FrozenTrial], maximize: bool) -> FrozenTrial | None:
    """The first of the best complete trials; None where every trial diverged or was stopped early."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return (max if maximize else min)(complete, key=lambda trial: trial.value, default=None)


def arm_rows(plans: Sequence[ArmPlan], study: Study) -> list[dict[str, Any]]:
    """What every arm was given: a network, the same budget, a sampler, and its place on the axes of a crossed study."""
    return [
        {
            "arm": plan.name,
            "architecture": plan.trials[0]["architecture"]["name"],
            "scale": plan.trials[0]["scale"],
            "trials": study.trials,
            "epochs": study.epochs,
            "folds": study.folds or "",
            "seeds": len(plan.trials),
            "sampler": plan.sampler,
            "pruner": study.pruner,
            **{f"axis_{key}": value for key, value in plan.cell.items()},
        }
        for plan in plans
    ]


def fold_rows(trials: Mapping[str, Sequence[FrozenTrial]]) -> list[dict[str, Any]]:
    """The score of every fold of every trial."""
    return [
        {"arm": arm, "number": number, "fold": fold, "value": value}
        for arm, own in trials.items()
        for number, trial in enumerate(own)
        for fold, value in enumerate(trial.user_attrs.get("fold_scores", ()))
    ]


def trial_rows(
    plans: Sequence[ArmPlan], trials: Mapping[str, Sequence[FrozenTrial]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every trial as a row, and every epoch of every trial as a row.

    `same_as` is the number of the trial that tried the same point before, whose result a trial has; it was not
    trained again.
    """
    names = sorted({name for plan in plans for name in plan.space})
    rows, curves = [], []
    for plan in plans:
        for number, trial in enumerate(trials[plan.name]):
            tuned = _cells(trial.params, plan.space)
            scores = {} if "fold_scores" in trial.user_attrs else trial.intermediate_values
            rows.append(
                {
                    "study": plan.trials[0]["benchmark"].rpartition("/")[0],
                    "arm": plan.name,
                    "number": number,
                    "state": STATES[trial.state],
                    "value": trial.value if trial.state == TrialState.COMPLETE else "",
                    "epochs_run": trial.user_attrs.get("epochs_run", max(scores, default=0)),
                    "seconds": round(trial.user_attrs["seconds"], 3),
                    "worker": trial.user_attrs["part"],
                    "enqueued": "enqueued" in trial.user_attrs,
                    "same_as": _same_as(trial, trials[plan.name]),
                    **{f"param_{name}": tuned.get(name, "") for name in names},
                }
            )
            curves += [
                {"arm": plan.name, "number": number, "epoch": epoch, "value": value}
                for epoch, value in sorted(scores.items())
            ]
    return rows, curves


def _cells(drawn: space.Drawn, given: Space) -> dict[str, Any]:
    """What a trial had, as it stands in a table: numbers as they are meant, of choices their names."""
    values = space.values_of(drawn, given)
    return {key: drawn[key] if isinstance(given[key], Choices) else value for key, value in values.items()}


def _same_as(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int | str:
    """The number of the trial whose result another one has; none where it has its own, or that one does not count."""
    turns = [one.user_attrs["turn"] for one in trials]
    turn = trial.user_attrs.get("same_as")
    return turns.index(turn) if turn in turns else ""


def summarize_arms(
    plans: Sequence[ArmPlan], trials: Mapping[str, Sequence[FrozenTrial]], maximize: bool, folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The best setting of every arm, and its scores over all seeds.

    An arm without a complete trial stays in both, with null in the place of its setting.
    """
    best, summary = {}, {}
    for plan in plans:
        states = [STATES[trial.state] for trial in trials[plan.name]]
        budget = {state: states.count(state) for state in STATES.values()}
        trial = best_complete(trials[plan.name], maximize)
        if trial is None:
            best[plan.name] = {"params": None, "value": None, "number": None}
            summary[plan.name] = {"trials": budget}
            continue
        best[plan.name] = {
            "params": space.values_of(trial.params, plan.space),
            "value": trial.value,
            "number": trials[plan.name].index(trial),
        }
        summary[plan.name] = {
            "trials": budget,
            **run_folder.read_json(folder / "final" / plan.name / "metrics.json"),
        }
    return best, summary
