"""Boards ranked by one number that counts costs too, beside the ranking by the score alone."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.config import SingleNumber
from archbench.page import formats
from archbench.page.section import Block, File, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.single_number import Ranking, Worth, rankings

UNITS = {
    "milliseconds": "milliseconds an example",
    "parameters": "parameters",
    "multiply_adds": "multiply-adds an example",
    "train_seconds": "seconds of training",
    "megabytes": "MB of memory",
}
REMARK = (
    "Which network is the best hangs on what it may cost. Each board is ranked by the numbers that params.yaml names "
    "(report.single_number), and verdicts are of that number, seed by seed. What is over a limit is not ranked. "
    "Parameters are all numbers that a network answers with, trained or not: frozen weights count, and so does the "
    "training set that a nearest-neighbour classifier keeps. "
    "Milliseconds are those of an example of the validation split, answered in batches and scored, on the machine that "
    "trained: they, seconds and memory are measured, and differ from run to run."
)


@section("single_number", order=140, needs=("runs",), source="Ng 2018, Machine Learning Yearning, chapters 8 and 9")
def single_number(results: Results, place: Workplace) -> Iterator[Section]:
    """Every board with several ranked networks, by every number of params.yaml."""
    rules = results.options.single_number
    found = rankings(results.boards, rules)
    if not found:
        return
    blocks: list[Block] = [Text(REMARK)]
    for ranking in found:
        name = formats.file_name("single-number", ranking.name, ranking.board.dataset, ranking.board.asked)
        place.write_table(f"{name}.csv", ranking.table())
        rows = [_row(worth, ranking) for worth in ranking.worths]
        said = Text(f"{told(rules[ranking.name], ranking)} {changed(ranking)}")
        heading = Heading(f"{ranking.name}, on {ranking.board.name}")
        blocks += [heading, said, Table(rows, brief=False), File(f"{name}.csv")]
    yield Section("single-number", "One number to rank by", blocks)


def told(rule: SingleNumber, ranking: Ranking) -> str:
    """The rule in words."""
    sign = "minus" if ranking.board.maximize else "plus"
    prices = [f"{price:g} x {UNITS[name]}" for name, price in rule.price.items()]
    limits = [f"at most {limit:,g} {UNITS[name]}" for name, limit in rule.limit.items()]
    number = f" {sign} ".join([f"Test {formats.words(ranking.board.monitor)}", *prices])
    return f"{number}{f', with {formats.in_words(limits)}' if limits else ''}."


def changed(ranking: Ranking) -> str:
    """Who is the best now, and how many others stand elsewhere than by the score."""
    ranked = [worth for worth in ranking.worths if worth.place is not None]
    if not ranked:
        return "No network is within the limits and ranked."
    first = ranked[0]
    before = "as by the score" if not first.moved else f"by the score at place {first.place_by_score}"
    before = before if first.place_by_score else "not ranked by the score"
    moved = sum(worth.moved for worth in ranking.worths)
    of = formats.plural(len(ranking.worths), "network")
    return f"First is {first.label}, {before}. At another place than by the score: {moved} of {of}."


def _row(worth: Worth, ranking: Ranking) -> Row:
    verdict = f"over the limit: {UNITS[worth.over]}" if worth.standing is None else worth.standing.verdict
    return {
        "Network (scale)": worth.label,
        f"Test {formats.words(ranking.board.monitor)}": formats.score(worth.score),
        **{UNITS[name].capitalize(): formats.value(found) for name, found in worth.costs.items()},
        "Number": formats.score(worth.number),
        "Place": _place(worth.place),
        "By the score": _place(worth.place_by_score),
        "Seeds": formats.seeds(worth.score),
        "Verdict": verdict,
    }


def _place(place: int | None) -> str:
    return formats.NOTHING if place is None else str(place)
