"""The sentences of a report, computed from its tables: what ended and where, and the answer of each page."""

from __future__ import annotations

from collections.abc import Sequence

from archbench.page import formats
from archbench.results.leaderboard import Board, Place, count_states
from archbench.results.ranking import Kind
from archbench.results.runs import Run
from archbench.results.studies import Arm, Study

NAMED = 3
"""Competitors that are named one by one where many cannot be told apart."""


def summarize(runs: Sequence[Run], boards: Sequence[Board]) -> list[str]:
    """What ended, on what data and machines; that nothing is compared where no test score exists."""
    return [_outcome(runs), *_data(boards), *_where(runs)]


def _outcome(runs: Sequence[Run]) -> str:
    if not runs:
        return "No benchmark is listed in params.yaml."
    benchmarks = formats.plural(len({run.benchmark for run in runs}), "benchmark")
    gaps = [run for run in runs if not run.finished]
    others = f" ({count_states(gaps)})" if gaps else ""
    done = len(runs) - len(gaps)
    return f"{done} of {formats.plural(len(runs), 'run')} of {benchmarks} finished{others}."


def _data(boards: Sequence[Board]) -> list[str]:
    if not any(place.score.n for board in boards for place in board.places):
        return ["No test score exists yet, so nothing is compared."]
    datasets = dict.fromkeys(board.dataset for board in boards)
    return [f"Data: {formats.in_words(list(datasets))}."]


def board_words(board: Board) -> str:
    """Which network is best on a board, and what cannot be told from it."""
    if board.best is None:
        return f"Nothing is ranked on {board.name}: {formats.RANKING_TAKES.format('networks')}."
    return f"Best mean on {_winner(board)}{_rivals(board.ranked, 'networks')}."


def _winner(board: Board) -> str:
    best = board.best
    return (
        f"{board.name}: {best.label}, test {formats.words(board.monitor)} "
        f"{formats.score(best.score)} ({formats.seeds(best.score)})"
    )


def _rivals(ranked: Sequence[Place | Arm], noun: str) -> str:
    """What the verdicts of the ranked competitors say, those that are worse in number only."""
    names: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for entry in ranked:
        names[entry.standing.kind].append(entry.label)
    said = [
        f"{words} {_names(names[kind])}"
        for kind, words in (
            (Kind.TIE, "not distinguishable from it:"),
            (Kind.UNTESTED, "without a test against it:"),
            (Kind.BETTER, "better over the seeds of both:"),
        )
        if names[kind]
    ]
    for kind, words in ((Kind.WORSE, "worse"), (Kind.UNFINISHED, "ranked last for seeds without a score")):
        if names[kind]:
            said.append(f"{len(names[kind])} {words}")
    return f", of {len(ranked)} {noun} with several seeds; {'; '.join(said)}"


def _names(names: Sequence[str]) -> str:
    if len(names) > NAMED + 1:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return formats.in_words(names)


def study_words(study: Study) -> str:
    """Which arm of a study is best, and what cannot be told from it."""
    if not study.equal:
        return f"In the study {study.name} the arms had different budgets, so they are not ranked."
    if not any(arm.score.n for arm in study.arms):
        return f"The study {study.name} has no final scores yet."
    if study.best is None:
        return f"In the study {study.name} nothing is ranked: {formats.RANKING_TAKES.format('arms')}."
    best = study.best
    return (
        f"In the study {study.name}, at equal budget, {best.name} has the best mean test "
        f"{formats.words(study.monitor)}: {formats.score(best.score)} ({formats.seeds(best.score)})"
        f"{_rivals([arm for arm in study.arms if arm.standing.ranked], 'arms')}."
    )


def _where(runs: Sequence[Run]) -> list[str]:
    machines = [run.machine for run in runs if run.machine]
    if not machines:
        return []
    devices = sorted({machine["device"] for machine in machines})
    backends = sorted({f"{machine['backend']} {machine['backend_version']}" for machine in machines})
    commits = sorted({(machine["git_commit"] or "no commit")[:10] for machine in machines})
    dirty = ", with uncommitted changes" if any(machine["git_dirty"] for machine in machines) else ""
    at = f"commit {commits[0]}" if len(commits) == 1 else f"{len(commits)} commits"
    days = sorted({machine["started"][:10] for machine in machines})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return [f"Trained on {', '.join(devices)} with {', '.join(backends)} at {at}{dirty}, {when}."]
