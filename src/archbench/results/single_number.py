"""Boards ranked by one number: the score less the price of what a network costs, or the score within limits of that.

Ng 2018, Machine Learning Yearning, chapters 8 and 9: what is optimised, and what need only be good enough.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from archbench.config import SingleNumber
from archbench.results.interval import Interval, mean_interval
from archbench.results.leaderboard import Board, Place, standing_numbers
from archbench.results.ranking import Standing, rank
from archbench.results.runs import Run, number


@dataclass(frozen=True)
class Worth:
    """One network of a board."""

    label: str
    score: Interval
    number: Interval
    """The single number over its seeds."""
    costs: Mapping[str, float]
    """Those that are priced or limited, as means over the finished seeds."""
    over: str | None
    """The first cost that is above its limit, or is not known; None where all are within theirs."""
    standing: Standing | None
    """Among those within the limits; None where it is over one."""
    place: int | None
    """From 1, by the number; None where it is not ranked."""
    place_by_score: int | None

    @property
    def moved(self) -> bool:
        """Whether it stands at another place than by its score, or at none."""
        return self.place != self.place_by_score


@dataclass(frozen=True)
class Ranking:
    """One board ranked by one number, the best first, those over a limit last."""

    name: str
    board: Board
    worths: tuple[Worth, ...]

    def table(self) -> pd.DataFrame:
        """As written to single-number-*.csv."""
        return pd.DataFrame(
            [
                {
                    "network": one.label,
                    "score": one.score.mean,
                    "number": one.number.mean,
                    "interval_low": one.number.low,
                    "interval_high": one.number.high,
                    "n": one.number.n,
                    **one.costs,
                    "over": one.over,
                    "place": one.place,
                    "place_by_score": one.place_by_score,
                    **({} if one.standing is None else standing_numbers(one.standing)),
                }
                for one in self.worths
            ]
        )


def rankings(boards: Sequence[Board], rules: Mapping[str, SingleNumber]) -> list[Ranking]:
    """Every board with two ranked networks or more, by every number."""
    fit = [board for board in boards if board.best is not None]
    return [_ranking(board, name, rule) for board in fit for name, rule in rules.items()]


def _ranking(board: Board, name: str, rule: SingleNumber) -> Ranking:
    costs = {place.label: _costs(place, rule) for place in board.places}
    over = {label: _over(found, rule) for label, found in costs.items()}
    sign = -1 if board.maximize else 1
    priced = {
        place.label: [_priced(run, sign * _price(run, rule)) for run in place.runs]
        for place in board.places
        if over[place.label] is None
    }
    standings = rank(priced, maximize=board.maximize)
    by_score = _places({place.label: place.standing for place in board.places})
    places, of = _places(standings), {place.label: place for place in board.places}
    return Ranking(
        name,
        board,
        tuple(
            Worth(
                label,
                of[label].score,
                mean_interval([run.score for run in priced.get(label, ())]),
                costs[label],
                over[label],
                standings.get(label),
                places.get(label),
                by_score.get(label),
            )
            for label in [*standings, *(label for label in of if label not in standings)]
        ),
    )


def _places(standings: Mapping[str, Standing]) -> dict[str, int]:
    ranked = [label for label, standing in standings.items() if standing.ranked]
    return {label: place for place, label in enumerate(ranked, start=1)}


def _costs(place: Place, rule: SingleNumber) -> dict[str, float]:
    finished = [run for run in place.runs if run.finished]
    return {name: mean_interval([cost(run, name) for run in finished]).mean for name in {**rule.price, **rule.limit}}


def _over(costs: Mapping[str, float], rule: SingleNumber) -> str | None:
    """The first cost that is not known to be within its limit, or that is priced and not known."""
    beyond = (name for name, found in costs.items() if not found <= rule.limit.get(name, math.inf))
    return next(beyond, None)


def _price(run: Run, rule: SingleNumber) -> float:
    return sum(price * cost(run, name) for name, price in rule.price.items())


def _priced(run: Run, more: float) -> Run:
    """The run as if its score were `more`, which ranks by the same rules as scores do."""
    if not run.finished:
        return run
    monitor = run.metrics["monitor"]
    test = {**run.scores["test"], monitor: run.score + more}
    return replace(run, metrics={**run.metrics, "scores": {**run.scores, "test": test}})


def cost(run: Run, name: str) -> float:
    """What a finished run costs; NaN where it was not measured.

    `parameters` are all numbers that a network answers with: frozen weights too, and the examples that nearest
    neighbours keep. `milliseconds` are those of an example of the validation split, answered in batches and scored: the
    median over the epochs, so that compiling does not count.
    """
    if name == "milliseconds":
        examples = run.metrics.get("scored_examples", {}).get("validation", math.nan)
        seconds = [row["evaluation_seconds"] for row in run.rows if "evaluation_seconds" in row]
        return 1e3 * statistics.median(seconds) / examples if seconds else math.nan
    if name == "megabytes":
        return number(run.timings["peak_memory_bytes"]) / 1e6
    if name == "parameters":
        return number(run.metrics["parameters_total"])
    return number((run.timings if name == "train_seconds" else run.metrics)[name])
