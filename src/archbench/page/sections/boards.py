"""The leaderboards: the networks of one data set and task side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from archbench.figures.style import short_number
from archbench.page import formats
from archbench.page.answers import answer
from archbench.page.data_links import data_link
from archbench.page.section import Facts, Figures, File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.standings import JUDGED, parted, seeds, standing_cells
from archbench.page.summary import board_words
from archbench.results.gathered import Results
from archbench.results.interval import Interval
from archbench.results.leaderboard import Board, Place, by_benchmark
from archbench.results.table import curves_table, results_table, scores_table

CURVE_DIGITS = 4
"""Of a number of a learning curve."""
NO_SCORE = Interval(math.nan, math.nan, math.nan, 0)


@section("boards", order=100, needs=(), source="archbench")
def boards(results: Results, place: Workplace) -> Iterator[Section]:
    """A leaderboard for every data set and task, single seeds below a line."""
    table = results_table(results.runs)
    place.write_table("results.csv", scores_table(results.runs))
    place.write_table("curves.csv", curves_table(results.runs), digits=CURVE_DIGITS)
    if not results.boards:
        nothing = Text("No run has started, so there is nothing to compare.")
        yield Section("leaderboards", "Leaderboards", [nothing], listed=False, brief=False)
    order = list(by_benchmark(results.runs))
    for board in results.boards:
        name = f"leaderboard-{formats.file_name(board.dataset, board.asked)}.csv"
        place.write_table(name, board.table())
        figures = place.gallery.board(board, table)
        anchor = formats.file_name("board", board.dataset, board.asked)
        data = Facts([("Data set", data_link(board.dataset, results))])
        blocks = [Text(board_remark(board)), Table(board_rows(board)), File(name), data, Figures(figures)]
        listed = sorted(board.places, key=lambda entry: order.index(entry.benchmark))
        asked = answer(f"Which network on {board.name}?", listed, board.maximize)
        yield Section(anchor, board.name, blocks, lead=board_words(board), answer=asked)


def board_rows(board: Board) -> list[Row]:
    """Best first."""
    metric = _metric(board)
    further = list(dict.fromkeys(split for place in board.places for split in place.elsewhere))
    return parted([(place.standing, _board_row(place, metric, further)) for place in board.places])


def _metric(board: Board) -> str:
    return formats.words(board.monitor) if board.monitor else "score"


def _board_row(place: Place, metric: str, further: Sequence[str]) -> Row:
    spent = (formats.seconds(place.train_seconds), formats.memory(place.peak_memory_bytes))
    return {
        "Network (scale)": place.label,
        f"Test {metric}": formats.score(place.score),
        **{f"On {split}": formats.score(place.elsewhere.get(split, NO_SCORE)) for split in further},
        "Recipe": place.recipe,
        "Seeds": seeds(place.runs, place.score),
        **standing_cells(place.standing),
        "Parameters; multiply-adds": f"{formats.count(place.parameters)}; {_short(place.multiply_adds)}",
        "Training; peak memory": "; ".join(text.replace(" ", "\u00a0") for text in spent),
    }


def board_remark(board: Board) -> str:
    """What scores are of, whether recipes are equal, who is ranked by what, and in what else the runs are not alike."""
    return " ".join([*_apart(board), *_recipes(board), _ranking(board), *board.unlike])


def _apart(board: Board) -> list[str]:
    if not board.of:
        return []
    return [f"These scores ({board.of}) cannot be compared with other scores of {formats.words(board.task)}."]


def _recipes(board: Board) -> list[str]:
    trained = [place for place in board.places if place.trains]
    if len(trained) < 2:
        return []
    if not board.recipes_differ_in:
        return [f"All recipes are equal: {trained[0].recipe}."]
    names = formats.in_words([name.replace("_", " ") for name in board.recipes_differ_in])
    return [f"Recipes differ in {names}: what is ranked is a network with its recipe."]


def _ranking(board: Board) -> str:
    if not any(place.score.n for place in board.places):
        return "No run has a test score."
    read = f"{'Higher' if board.maximize else 'Lower'} is better; ± is half the 95\u00a0% interval over n seeds."
    if board.best is None:
        return f"Nothing is ranked: {formats.RANKING_TAKES.format('networks')}. {read}"
    return f"Ranked by mean test {_metric(board)}. {read} {JUDGED}"


def _short(number: float) -> str:
    return formats.NOTHING if number != number else short_number(number)
