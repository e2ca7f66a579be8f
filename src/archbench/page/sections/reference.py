"""How far these runs came out from those of the reference."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.page import formats
from archbench.page.section import Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.reference import Beside, beside_reference

HEAD = "Network (scale)"
SAME = "as in the reference"
REMARK = (
    "The reference is the report that comes with the project. With equal settings, code and data every seed comes out "
    "with the same score as there, on a processor of the same kind. Difference: now minus the reference, seed by seed, "
    "± half its 95\u00a0% interval over the n seeds that both have."
)


@section("reference", order=550, needs=("reference",), source="archbench")
def reference(results: Results, place: Workplace) -> Iterator[Section]:
    """Every benchmark of the boards with what the reference says of it."""
    found = beside_reference(results.boards, results.reference)
    if found:
        blocks = [Text(REMARK), Table(reference_rows(found))]
        yield Section("reference", "Beside the reference", blocks, lead=_lead(found), at_home=True)


def reference_rows(found: list[Beside]) -> list[Row]:
    """A row a benchmark, board by board."""
    rows: list[Row] = []
    for number, one in enumerate(found):
        if not number or one.board != found[number - 1].board:
            rows.append({f"{one.board}: test {formats.words(one.metric)}": ""})
        rows.append(_row(one))
    return rows


def _row(one: Beside) -> Row:
    return {
        HEAD: one.label,
        "Score": formats.score(one.now),
        "In the reference": formats.score(one.then),
        "Rank": _rank(one.rank_now),
        "Rank there": _rank(one.rank_then),
        "Difference": _difference(one),
    }


def _rank(rank: int | None) -> str:
    return formats.NOTHING if rank is None else str(rank)


def _difference(one: Beside) -> str:
    if one.same:
        return SAME
    if not one.then.n:
        return "not in the reference"
    if not one.difference.n:
        return "no seed in common with a score"
    return f"{formats.gain(one.difference)}, n={one.difference.n}"


def _lead(found: list[Beside]) -> str:
    same, known = sum(one.same for one in found), sum(one.then.n > 0 for one in found)
    return (
        f"{same} of {formats.plural(known, 'benchmark')} that the reference knows came out as there, every seed with "
        "the same score."
    )
