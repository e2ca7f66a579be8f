"""What the sections about classifiers share."""

from __future__ import annotations

from archbench.page import formats
from archbench.results.facts import ONE_CLASS
from archbench.results.gathered import Results
from archbench.results.interval import Interval
from archbench.results.leaderboard import Board, Place

NOT_RUN = "not run"


def classifiers(results: Results) -> list[Board]:
    """The boards of tasks that ask for one class."""
    return [board for board in results.boards if board.question == ONE_CLASS]


def here(at: Place | None) -> str:
    """`0.9910 ± 0.0032, n=3` of a place on a board."""
    return f"{formats.score(at.score)}, n={at.score.n}" if at else NOT_RUN


def numbers(name: str, interval: Interval) -> dict[str, float]:
    """Three columns of a table: a mean and the ends of its interval."""
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
