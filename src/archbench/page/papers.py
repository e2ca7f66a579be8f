"""What papers report beside what was found here, in the same unit: on the same data first, and marked so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archbench.page import formats
from archbench.page.data_links import data_link
from archbench.page.section import Row
from archbench.results.facts import Fact, published
from archbench.results.gathered import Results
from archbench.results.interval import Interval
from archbench.results.leaderboard import Board, Place

SAME, OTHER = "On the same test data", "On other data: not to be compared"
Runs = Sequence[tuple[Board, Place]]


def paper_rows(own: Runs, results: Results) -> dict[str, list[Row]]:
    """A row for every published result of the architectures of `own` and each of these that has a score.

    `SAME` and `OTHER`, as far as there are such rows -> those on the data that the paper tested on, and all others.
    """
    results_of: dict[tuple[str, ...], list[Fact]] = {}
    for fact in published():
        results_of.setdefault(tuple(fact[key] for key in ("name", "data", "protocol", "source")), []).append(fact)
    rows: dict[str, list[Row]] = {SAME: [], OTHER: []}
    for (name, *_), facts in results_of.items():
        for board, entry in own:
            if entry.architecture == name and entry.score.n:
                same = _loader(board.dataset, results) == facts[0]["dataset"]
                rows[SAME if same else OTHER].append(_row(facts, board, entry, results))
    return {words: found for words, found in rows.items() if found}


def under_lines(rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of a table, a line with its words above each kind."""
    return [row for words, found in rows.items() for row in ({words: ""}, *found)]


def _loader(slug: str, results: Results) -> str | None:
    """The loader of a data set; a name of params.yaml says nothing: there `digits` may be anybody's."""
    known = results.options.data_sets.get(slug)
    return known.spec["name"] if known else None


def _row(facts: Sequence[Fact], board: Board, entry: Place, results: Results) -> Row:
    return {
        "Net": entry.architecture,
        "Result": ", ".join(map(_told, facts)),
        "Data": facts[0]["data"],
        "Protocol": facts[0]["protocol"],
        "Source": facts[0]["source"],
        "Test, here": _here(facts[0]["metric"], board, entry.score),
        "Data here": data_link(board.dataset, results),
        "Loader": _loader(board.dataset, results) or formats.NOTHING,
        "Scale": entry.scale,
    }


def _told(fact: Fact) -> str:
    """`top-1 error 40.7 %`, on one line."""
    return f"{fact['metric'].removesuffix(' %')} {fact['value']} %".replace(" ", "\u00a0")


def _here(metric: str, board: Board, score: Interval) -> str:
    """The score of a classifier as a published one is given: `error 1.20 ± 0.32 %, n=3`, or its accuracy in %."""
    if board.monitor != "accuracy":
        return f"{formats.words(board.monitor or 'score')} {formats.score(score)}, n={score.n}"
    asked = "error" if "error" in metric else "accuracy"
    mean = 1 - score.mean if asked == "error" else score.mean
    in_percent = Interval(100 * mean, 100 * score.deviation, 100 * score.half, score.n)
    return f"{asked} {formats.score(in_percent)} %, n={score.n}".replace(" ", "\u00a0")
