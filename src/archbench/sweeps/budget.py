"""Which trials of an arm count. Each has a turn, from 0, and a budget of n trials is the turns before n.

What else an earlier sweep left behind, with more trials or another number of workers, changes nothing: it is there
again when the budget is made larger.
"""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial, TrialState


def ended(trial: FrozenTrial) -> bool:
    """Whether a trial came to its end: complete, stopped early or diverged, and not cut off by a kill."""
    done = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    return done or (trial.state == TrialState.FAIL and "diverged_at_step" in trial.user_attrs)


def counted(study: optuna.Study, trials: int) -> list[FrozenTrial]:
    """The trials that a budget of so many holds, by their turns: those of them that have ended."""
    found: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        if ended(trial) and trial.user_attrs["turn"] < trials:
            found.setdefault(trial.user_attrs["turn"], trial)
    return [found[turn] for turn in sorted(found)]


def next_turns(study: optuna.Study, trials: int, part: int, parts: int, together: int) -> list[int]:
    """The turns that one of `parts` workers asks for next, at most `together` of them; none when its share is done.

    The workers take turns. A group that a kill cut off is made whole before the next one begins, so that each trial
    knows the scores that it would know without the kill.
    """
    done = {trial.user_attrs["turn"] for trial in counted(study, trials)}
    own = range(part, trials, parts)
    for start in range(0, len(own), together):
        if left := [turn for turn in own[start : start + together] if turn not in done]:
            return left
    return []


def cut_off(study: optuna.Study, turn: int, names: set[str]) -> dict[str, float] | None:
    """The numbers that an earlier try at a turn drew before it was cut off; None if there was none, or not all."""
    tries = [t for t in study.get_trials(deepcopy=False) if t.user_attrs.get("turn") == turn and not ended(t)]
    return next((trial.params for trial in reversed(tries) if set(trial.params) == names), None)
