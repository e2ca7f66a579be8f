"""A pipeline's runs beside those of its reference, the report that comes with the project: score and rank of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from archbench.records.run_folder import BrokenRecord
from archbench.results.leaderboard import Board, Place
from archbench.results.ranking import scores as scores_of
from archbench.results.statistics import Interval, Scores, compare_pairs, mean_interval

FILE = "results.csv"
COLUMNS = ("benchmark", "dataset", "seed", "split", "metric", "value")
DIGITS = 6
"""Significant ones of the numbers in a report's tables; what agrees in them is the same."""


@dataclass(frozen=True)
class Beside:
    """One benchmark now and in the reference."""

    board: str
    metric: str
    benchmark: str
    label: str
    now: Interval
    then: Interval
    """Over the reference's own seeds; n is zero where it does not know the benchmark."""
    rank_now: int | None
    """1 is the best mean of its board; None where it is not ranked."""
    rank_then: int | None
    difference: Interval
    """Now minus then, seed by seed, over the seeds that both have."""
    same: bool
    """Whether both have the same seeds, and every seed the same score."""


class Reference(NamedTuple):
    """What the tables of a report say."""

    scores: pd.DataFrame
    """Rows of `COLUMNS`: every score of the test split."""
    ranks: dict[str, int]
    """Benchmark -> its place on its board, of those that are ranked there."""


def read_reference(tables: Path) -> Reference | None:
    """What the report in `tables` says, if it is there; raises `BrokenRecord`."""
    if not (tables / FILE).is_file():
        return None
    table = _read(tables / FILE, COLUMNS)
    return Reference(table[table["split"] == "test"].dropna(subset=["value"]), _ranks(tables))


def beside_reference(boards: Sequence[Board], reference: Reference) -> list[Beside]:
    """Every benchmark of `boards`, in their order, with what the reference says of it."""
    scores, ranks = reference
    return [
        _beside(board, place, scores[scores["benchmark"] == place.benchmark], ranks)
        for board in boards
        if board.monitor
        for place in board.places
    ]


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise BrokenRecord(path, f"cannot be read ({error})", f"git checkout {path.parent}") from error
    if lacking := [name for name in columns if name not in table]:
        raise BrokenRecord(path, f"has no column {lacking[0]}", f"git checkout {path.parent}")
    return table


def _beside(board: Board, place: Place, tests: pd.DataFrame, ranks: dict[str, int]) -> Beside:
    known = tests[(tests["metric"] == board.monitor) & (tests["dataset"] == board.dataset)]
    then = {int(seed): float(value) for seed, value in zip(known["seed"], known["value"], strict=True)}
    now: Scores = {seed: float(f"{score:.{DIGITS}g}") for seed, score in scores_of(place.runs).items()}
    return Beside(
        board=board.name,
        metric=str(board.monitor),
        benchmark=place.benchmark,
        label=place.label,
        now=place.score,
        then=mean_interval(list(then.values())),
        rank_now=_rank(place, board),
        rank_then=ranks.get(place.benchmark) if then else None,
        difference=compare_pairs(now, then).difference,
        same=bool(now) and now == then,
    )


def _rank(place: Place, board: Board) -> int | None:
    return board.ranked.index(place) + 1 if place.standing.ranked else None


def _ranks(tables: Path) -> dict[str, int]:
    ranks: dict[str, int] = {}
    for path in sorted(tables.glob("leaderboard-*.csv")):
        table = _read(path, ("benchmark", "ranked"))
        names = table.loc[table["ranked"].astype(bool), "benchmark"]
        ranks |= {name: number for number, name in enumerate(names, 1)}
    return ranks
