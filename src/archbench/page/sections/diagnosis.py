"""What to do next with every benchmark: which part of its error is the largest, and what is known to help."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from archbench.page import formats
from archbench.page.section import File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results import diagnosis as gaps
from archbench.results.diagnosis import Diagnosis, diagnoses
from archbench.results.facts import advice
from archbench.results.gathered import Results

REMARK = (
    "A score on each split beside the one before: what could be reached, training examples (as many as there are for "
    "validation), examples cut from the training data that were not trained on (train-dev, where the data have such), "
    "validation, test. A gap is how much worse the later one is; a negative one, that it is better. ± is half the "
    "95\u00a0% interval over seeds and, of scores between 0 and 1, over the examples of both splits too; of a single "
    "seed over the examples alone. The largest gap is that of those whose interval lies above 0."
)
UNTOLD = (
    "What could be reached is given in params.yaml (report.best); where it is not, it is in brackets: what answers "
    "without error would give. Of a loss nobody can tell."
)


@section("diagnosis", order=160, needs=("runs",), source="Ng 2018, Machine Learning Yearning, chapters 20 to 43")
def diagnosis(results: Results, place: Workplace) -> Iterator[Section]:
    """Every benchmark with a finished run: its gaps, and what follows from the largest."""
    found = diagnoses(results.runs, results.options.best)
    if not found:
        return
    place.write_table("diagnosis.csv", gaps.table(found))
    blocks = [
        Text(f"{REMARK} {UNTOLD}"),
        Table(_advice(found)),
        Table([_row(one) for one in found], brief=False),
        File("diagnosis.csv", "The gaps as CSV"),
    ]
    yield Section("diagnosis", "Diagnosis: what to do next", blocks)


def _advice(found: Sequence[Diagnosis]) -> list[Row]:
    """What each gap calls for, and where it is the largest."""
    return [
        {
            "Largest gap": fact["name"],
            "Benchmarks": str(sum(one.largest == fact["gap"] for one in found)),
            "What helps": fact["advice"],
            "Source": fact["source"],
        }
        for fact in advice()
    ]


def _row(one: Diagnosis) -> Row:
    names = {fact["gap"]: fact for fact in advice()}
    return {
        "Benchmark": one.benchmark,
        "Score": formats.words(one.metric),
        "Best": _best(one),
        **{head: _level(one, level) for head, level in zip(HEADS, gaps.LEVELS, strict=True)},
        **{fact["name"].capitalize(): _gap(one, name) for name, fact in names.items()},
        "Seeds": f"n={next(iter(one.levels.values())).n}",
        "Largest gap, and what helps": _verdict(one, names),
    }


HEADS = ("Train", "Train-dev", "Validation", "Test")


def _best(one: Diagnosis) -> str:
    if math.isnan(one.best):
        return formats.NOTHING
    return formats.value(one.best) if one.given else f"({formats.value(one.best)})"


def _level(one: Diagnosis, level: str) -> str:
    return formats.value(one.levels[level].mean) if level in one.levels else formats.NOTHING


def _gap(one: Diagnosis, name: str) -> str:
    return formats.gain(one.gaps[name]) if name in one.gaps else formats.NOTHING


def _verdict(one: Diagnosis, names: dict[str, dict[str, str]]) -> str:
    if one.largest:
        return f"{names[one.largest]['name']}: {names[one.largest]['advice']}"
    return "no gap is surely one" if one.judged else "no interval with a single seed"
