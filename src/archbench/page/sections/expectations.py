"""What params.yaml says that test scores will be, and what falls short."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from archbench.page import formats
from archbench.page.section import File, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.expectations import FILE, Expectation, as_rows, judge
from archbench.results.gathered import Results
from archbench.results.interval import Interval

REMARK = (
    "A benchmark that has to beat another is compared with it seed by seed; nothing is sure of what a single seed "
    "says. ± is half the 95\u00a0% interval. Recipes differ between networks, as the leaderboards show."
)


@section("expectations", order=200, needs=("expected",), source="archbench")
def expectations(results: Results, place: Workplace) -> Iterator[Section]:
    """Every `expect` and `beats` with what was found: what falls short first, then what cannot be judged."""
    found = judge(results.runs, results.expected)
    place.write_table(FILE, pd.DataFrame(as_rows(found)), digits=None)  # judged again, it must say what the page says
    groups = {
        "Short of it": [one for one in found if one.judged and not one.reached],
        "Not judged": [one for one in found if not one.judged],
        "Reached": [one for one in found if one.reached],
    }
    blocks = [
        block for title, group in groups.items() if group for block in (Heading(title), Table(expectation_rows(group)))
    ]
    blocks = [Text(REMARK), *blocks, File(FILE, "These tables as CSV")]
    yield Section("expectations", "Expected and found", blocks, lead=_lead(found), at_home=True)


def _lead(found: Sequence[Expectation]) -> str:
    return (
        f"{sum(one.sure > 0 for one in found)} of {formats.plural(len(found), 'expectation')} of params.yaml "
        f"{'is' if len(found) == 1 else 'are'} surely reached: what was found is better than what was expected with "
        f"{formats.SURELY} over all of them. The mean of {sum(one.reached for one in found)} reaches it."
    )


def expectation_rows(found: Sequence[Expectation]) -> list[Row]:
    """A row an expectation."""
    return [
        {
            "Benchmark": one.benchmark,
            "Data": one.dataset or formats.NOTHING,
            "Test score": formats.words(one.metric),
            "Expected": expected_words(one),
            "Score": formats.score(_score(one)),
            "The other's": formats.score(Interval(one.against_score, math.nan, one.against_half, one.n_against)),
            "Seeds": _seeds(one),
            "Better by": formats.gain(_gain(one)) if one.against else formats.NOTHING,
            "p": formats.p_value(one.p_holm),
            "Reached": one.verdict,
        }
        for one in found
    ]


def expected_words(one: Expectation) -> str:
    """`at least 0.75`, `at most 0.01`, `better than softmax-digits by 0.05`."""
    if one.against:
        return f"better than {one.against}" + (f" by {one.needed:.4g}" if one.needed else "")
    return f"at {'least' if one.maximize else 'most'} {one.needed:.4g}"


def found_words(one: Expectation) -> str:
    """What was found, `0.81 ± 0.02 (n=3)` or `better by +0.07 ± 0.01 (n=3, 3)`."""
    if one.against:
        return f"better by {formats.gain(_gain(one))} ({_seeds(one)})"
    return f"{formats.score(_score(one))} ({_seeds(one)})"


def _seeds(one: Expectation) -> str:
    return f"n={one.n}" + (f",\u00a0{one.n_against}" if one.against else "")


def _score(one: Expectation) -> Interval:
    return Interval(one.score, math.nan, one.score_half, one.n)


def _gain(one: Expectation) -> Interval:
    return Interval(one.found, math.nan, one.found_half, min(one.n, one.n_against) if one.judged else 0)
