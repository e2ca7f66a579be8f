"""Degradation: plain nets against residual ones of the same depth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from archbench.results.facts import ONE_CLASS
from archbench.results.leaderboard import Board, Place
from archbench.results.statistics import Interval, mean_interval

DEPTHS = (20, 32, 44, 56, 110)
NETWORKS = {f"{family}{depth}": (family, depth) for family in ("plain", "resnet") for depth in DEPTHS}
"""He et al. 2015, arXiv:1512.03385, section 4.2: architecture -> with or without shortcuts, weight layers."""
COLUMNS = (
    "family", "depth", "mean", "interval_low", "interval_high", "n", "loss", "loss_low", "loss_high", "scale", "whole",
    "states",
)  # fmt: skip


def depth_board(boards: Sequence[Board]) -> Board | None:
    """The board of single classes with most of the nets, with both kinds among them; None where there is none."""
    candidates = [board for board in boards if board.question == ONE_CLASS and len(_families(board)) == 2]
    return max(candidates, key=lambda board: len(_places(board)), default=None)


def depth_table(board: Board) -> pd.DataFrame:
    """A row a net, by family and depth: mean test score and mean training loss of the last epoch, with intervals.

    `whole`: every seed, of at least two, has a score.
    """
    rows = []
    for place in sorted(_places(board), key=lambda place: NETWORKS[place.architecture]):
        loss = _last_loss(place)
        family, depth = NETWORKS[place.architecture]
        score = place.score
        numbers = (score.mean, score.low, score.high, score.n, loss.mean, loss.low, loss.high)
        rows.append((family, depth, *numbers, place.scale, place.standing.whole, place.states))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _families(board: Board) -> set[str]:
    return {NETWORKS[place.architecture][0] for place in _places(board)}


def _places(board: Board) -> list[Place]:
    """The best place of each net that was trained from scratch: a second one would be another recipe."""
    found: dict[str, Place] = {}
    for place in board.places:
        if place.architecture in NETWORKS and place.score.n and place.from_scratch:
            found.setdefault(place.architecture, place)
    return list(found.values())


def _last_loss(place: Place) -> Interval:
    finished = [run.history for run in place.runs if run.finished and "train_loss" in run.history]
    return mean_interval([float(history["train_loss"].iloc[-1]) for history in finished] or [math.nan])
