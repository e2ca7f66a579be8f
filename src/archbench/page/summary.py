"""The sentences at the top of a report, computed from its tables."""

from __future__ import annotations

from collections.abc import Sequence

from archbench.page import formats
from archbench.results.leaderboard import Board, Place, count_states
from archbench.results.runs import Run
from archbench.results.studies import Arm, Study

NAMED = 3
"""Arms that are named one by one where many cannot be told apart."""


def summarize(runs: Sequence[Run], boards: Sequence[Board], studies: Sequence[Study]) -> list[str]:
    """What ended, what was best on each board and how surely, what studies found, where it ran."""
    return [_outcome(runs), *_winners(boards), *_found(studies), *_where(runs)]


def _outcome(runs: Sequence[Run]) -> str:
    if not runs:
        return "No benchmark is listed in params.yaml."
    benchmarks = formats.plural(len({run.benchmark for run in runs}), "benchmark")
    gaps = [run for run in runs if not run.finished]
    others = f" ({count_states(gaps)})" if gaps else ""
    done = len(runs) - len(gaps)
    return f"{done} of {formats.plural(len(runs), 'run')} of {benchmarks} finished{others}."


def _winners(boards: Sequence[Board]) -> list[str]:
    won = [board for board in boards if board.best]
    if not won:
        return ["No test score exists yet, so nothing is compared."]
    return [f"Best on {_winner(board)}{_rivals(board)}." for board in won]


def _winner(board: Board) -> str:
    best = board.best
    return (
        f"{board.name}: {best.label}, test {formats.words(board.monitor)} "
        f"{formats.score(best.score)} ({formats.seeds(best.score)})"
    )


def _rivals(board: Board) -> str:
    others = [place for place in board.places[1:] if place.score.n]
    close = _close(board)
    if not others:
        return ""
    if close:
        return f"; {_names(close)} cannot be distinguished from it with these seeds"
    if any(place.score.overlaps(board.best.score) is None for place in others):
        return "; single seeds do not tell how sure that is"
    return "; its interval lies apart from every other one"


def _close(board: Board) -> list[Place]:
    return [place for place in board.places[1:] if place.score.n and place.score.overlaps(board.best.score)]


def _names(places: Sequence[Place]) -> str:
    if len(places) > 3:
        return f"{places[0].label} and {len(places) - 1} more"
    return " and ".join(place.label for place in places)


def _found(studies: Sequence[Study]) -> list[str]:
    return [_study(study) for study in studies]


def _study(study: Study) -> str:
    if not study.equal:
        return f"In the study {study.name} the arms had different budgets, so they are not ranked."
    if study.best is None:
        return f"The study {study.name} has no final scores yet."
    best = study.best
    close = [arm.name for arm in study.arms[1:] if _overlaps(arm, best)]
    more = f" and {len(close) - NAMED} more" if len(close) > NAMED else ""
    caution = f"; not distinguishable from it: {', '.join(close[:NAMED])}{more}" if close else ""
    return (
        f"In the study {study.name}, at equal budget, {best.name} has the best mean test "
        f"{formats.words(study.monitor)}: {formats.score(best.score)} ({formats.seeds(best.score)}){caution}."
    )


def _overlaps(arm: Arm, best: Arm) -> bool:
    return bool(arm.score.n and arm.score.overlaps(best.score))


def _where(runs: Sequence[Run]) -> list[str]:
    machines = [run.machine for run in runs if run.machine]
    if not machines:
        return []
    devices = sorted({machine["device"] for machine in machines})
    backends = sorted({f"{machine['backend']} {machine['backend_version']}" for machine in machines})
    commits = sorted({(machine["git_commit"] or "no commit")[:10] for machine in machines})
    dirty = ", with uncommitted changes" if any(machine["git_dirty"] for machine in machines) else ""
    at = f"commit {commits[0]}" if len(commits) == 1 else f"{len(commits)} commits"
    return [f"Trained on {', '.join(devices)} with {', '.join(backends)} at {at}{dirty}."]
