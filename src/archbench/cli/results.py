"""`archbench results` and `archbench compare`: the tables of the report and two of their rows, at the terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archbench.cli import display
from archbench.cli.entries import Json
from archbench.errors import UserError

if TYPE_CHECKING:
    from archbench.cli.pair import Pair
    from archbench.results.leaderboard import Board
    from archbench.results.runs import Run

MISSING = "-"
"""Of a setting that one of two benchmarks does not have."""


class NothingTrained(UserError):
    """Tables that would be empty."""


class OneFormat(UserError):
    """Two formats for one output."""


def results(
    benchmark: Annotated[
        list[str] | None, typer.Argument(help="Only the rows of these benchmarks of params.yaml; else all of them.")
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV, a row a benchmark, numbers not rounded.")] = False,
) -> None:
    """Print the leaderboards: scores, costs and recipes.

    A table for every data set and task, as in the report: the best first, ± half the 95 % interval over n seeds, single
    seeds below a line. Verdicts are those of the whole table, also where only some of its rows are shown.
    """
    if as_json and as_csv:
        raise OneFormat("--json and --csv are two formats. Leave one of them out.")
    runs = _runs(benchmark)
    from archbench.results.leaderboard import boards

    wanted = set(benchmark or [run.benchmark for run in runs])
    found = [board for board in boards(runs) if any(place.benchmark in wanted for place in board.places)]
    if not found:
        first = (benchmark or [run.benchmark for run in runs] or ["NAME"])[0]
        raise NothingTrained(
            f"Nothing is trained yet, so there is no table. Run: dvc repro, or: archbench train {first}"
        )
    if as_json:
        display.print_json([_as_json(board, wanted) for board in found])
    elif as_csv:
        _print_csv(found, wanted)
    else:
        _print_boards(found, wanted)
    shown = {place.benchmark for board in found for place in board.places}
    for name in [name for name in benchmark or [] if name not in shown]:
        print(f"note: {name} is not trained yet: dvc repro train@{name}", file=sys.stderr)


def compare(
    first: Annotated[str, typer.Argument(help="A benchmark of params.yaml.")],
    second: Annotated[str, typer.Argument(help="Another one, of the same data and task.")],
    as_json: Json = False,
) -> None:
    """Compare two trained benchmarks: first minus second, seed by seed.

    The difference of their test scores with its 95 % interval and the p of the paired t test, what each of them costs,
    and every setting in which they differ. Other data, another task or another metric are refused.
    """
    runs = _runs([first, second], only=True)
    from archbench.cli.pair import pair

    found = pair(runs, first, second)
    if as_json:
        display.print_json(_pair_as_json(found))
    else:
        _print_pair(found)


def _runs(names: Sequence[str] | None, only: bool = False) -> list[Run]:
    """The runs of the pipeline here, `only` those of `names` or all of them."""
    from archbench.config import check_name
    from archbench.results.gathered import gather_runs
    from archbench.stages import open_pipeline, report_options

    config, folders = open_pipeline()
    for name in names or ():
        check_name("benchmark", name, config.benchmarks)
    options = report_options(config, folders)
    chosen = dict.fromkeys(names) if only and names else config.benchmarks
    return gather_runs(folders.runs, list(chosen), options)


def _print_boards(found: Sequence[Board], wanted: Collection[str]) -> None:
    from archbench.page.section import columns
    from archbench.page.sections.boards import board_rows

    for number, board in enumerate(found):
        if number:
            print()
        display.print_title(board.name)
        rows, names = board_rows(board), {place.label: place.benchmark for place in board.places}
        heads = columns(rows)
        lines: list[list[str]] = []
        for row in rows:
            cells = [_plain(cell) for cell in row.values()]
            if len(row) < len(heads):  # what follows are single seeds
                lines.append([f"({next(iter(row)).lower()})", *[""] * len(heads)])
            elif names[cells[0]] in wanted:
                lines.append([names[cells[0]], *cells])
        while lines[-1][0].startswith("("):  # none of them is wanted
            lines.pop()
        display.print_table(["Benchmark", *heads], lines)


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def _table(board: Board, wanted: Collection[str]) -> Any:
    """The rows of a board as leaderboard-*.csv has them, with what they are of."""
    table = board.table()
    table.insert(0, "dataset", board.dataset)
    table.insert(1, "task", board.asked)
    return table[table["benchmark"].isin(list(wanted))]


def _as_json(board: Board, wanted: Collection[str]) -> dict[str, Any]:
    rows = _table(board, wanted).to_dict("records")
    places = [{name: _finite(value) for name, value in row.items()} for row in rows]
    return {
        "dataset": board.dataset,
        "task": board.asked,
        "metric": board.monitor,
        "higher_is_better": board.maximize,
        "benchmarks": places,
    }


def _print_csv(found: Sequence[Board], wanted: Collection[str]) -> None:
    import pandas as pd

    table = pd.concat([_table(board, wanted) for board in found], ignore_index=True)
    print(table.to_csv(index=False, lineterminator="\n"), end="")


def _finite(value: Any) -> Any:
    """JSON has no word for what is not a number."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_pair(found: Pair) -> None:
    from archbench.page import formats

    first, second = found.first, found.second
    metric = f"test {formats.words(found.board.monitor)}"
    better = "higher" if found.board.maximize else "lower"
    display.print_title(f"{found.board.name}, by {metric}: {better} is better")
    rows = [
        [metric, formats.score(first.score), formats.score(second.score), ""],
        ["seeds", str(first.score.n), str(second.score.n), ""],
        ["training", *_cost(found, "train_seconds", formats.seconds)],
        ["peak memory", *_cost(found, "peak_memory_bytes", formats.memory)],
        ["parameters", *_cost(found, "parameters", formats.count)],
        ["multiply-adds", *_cost(found, "multiply_adds", formats.count)],
    ]
    display.print_table(
        ["", first.benchmark, second.benchmark, "first / second"], [[_plain(c) for c in row] for row in rows]
    )
    print(f"\n{first.benchmark} minus {second.benchmark}: {_plain(difference_words(found))}")
    for note in found.notes:
        print(f"note: {note}")
    print()
    if not found.settings:
        print("No setting differs.")
        return
    display.print_title("Settings that differ")
    told = [[name, _value(one), _value(other)] for name, (one, other) in found.settings.items()]
    display.print_table(["", first.benchmark, second.benchmark], told)


def difference_words(found: Pair) -> str:
    """`+0.0037 ± 0.0106, n=3, p = 0.27: not distinguishable with n=3`."""
    from archbench.page import formats

    difference, p = found.comparison.difference, found.comparison.p
    if not difference.n:
        return f"no seed in common; {found.verdict}"
    tested = "" if math.isnan(p) else f", p {formats.p_value(p) if p < 0.001 else '= ' + formats.p_value(p)}"
    return f"{formats.gain(difference)}, {formats.seeds(difference)}{tested}: {found.verdict}"


def _cost(found: Pair, name: str, shown: Any) -> list[str]:
    one, other = getattr(found.first, name), getattr(found.second, name)
    ratio = f"{one / other:.3g}" if math.isfinite(one) and math.isfinite(other) and other else MISSING
    return [shown(one), shown(other), ratio]


def _value(value: Any) -> str:
    import json

    if value is None:
        return MISSING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pair_as_json(found: Pair) -> dict[str, Any]:
    from archbench.cli.pair import COSTS

    difference = found.comparison.difference
    return {
        "dataset": found.board.dataset,
        "task": found.board.asked,
        "metric": found.board.monitor,
        "higher_is_better": found.board.maximize,
        **{
            side: {
                "benchmark": place.benchmark,
                "mean": _finite(place.score.mean),
                "interval_low": _finite(place.score.low),
                "interval_high": _finite(place.score.high),
                "n": place.score.n,
                **{name: _finite(getattr(place, name)) for name in COSTS},
            }
            for side, place in (("first", found.first), ("second", found.second))
        },
        "difference": {
            "mean": _finite(difference.mean),
            "interval_low": _finite(difference.low),
            "interval_high": _finite(difference.high),
            "n": difference.n,
            "p": _finite(found.comparison.p),
            "verdict": found.verdict,
        },
        "settings": {name: {"first": one, "second": other} for name, (one, other) in found.settings.items()},
        "notes": found.notes,
    }
