"""The papers' numbers and ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from archbench.page.classifiers import classifiers, here
from archbench.page.section import File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.facts import Fact
from archbench.results.facts import published as published_facts
from archbench.results.gathered import Results
from archbench.results.leaderboard import Place


@section("published", order=220, needs=("runs",), source="results/published.csv, a source a row")
def published(results: Results, place: Workplace) -> Iterator[Section]:
    """What the paper of a classifier reports beside its score here; none where no such classifier has a score."""
    results_of: dict[tuple[str, ...], list[Fact]] = {}
    for fact in published_facts():
        results_of.setdefault(tuple(fact[key] for key in ("name", "data", "protocol", "source")), []).append(fact)
    ours: dict[str, list[tuple[str, Place]]] = {}
    for board in classifiers(results):
        for entry in board.places:
            if entry.score.n:
                ours.setdefault(entry.architecture, []).append((board.dataset, entry))
    rows = [_published_row(key, facts, *one) for key, facts in results_of.items() for one in ours.get(key[0], ())]
    if not rows:
        return
    place.write_table("published.csv", pd.DataFrame(rows))
    remark = (
        "The paper's number and ours stand side by side to show the difference in scale and data; they answer "
        "different questions and are not to be subtracted. The source says where each published number was read: one "
        "from memory is unverified."
    )
    groups = [("", 1), ("Published, at full size", 4), ("Here, at the scale given", 3)]
    yield Section("published", "Published and here", [Text(remark), Table(rows, groups), File("published.csv")])


def _published_row(key: tuple[str, ...], facts: Sequence[Fact], dataset: str, entry: Place) -> Row:
    name, data, protocol, source = key
    return {
        "Net": name,
        "Result": ", ".join(_percent(fact) for fact in facts),
        "Data": data,
        "Protocol": protocol,
        "Source": source,
        "Test accuracy": here(entry),
        "Data here": dataset,
        "Scale": entry.scale,
    }


def _percent(fact: Fact) -> str:
    """`top-1 error 40.7 %`, on one line."""
    return f"{fact['metric'].removesuffix(' %')} {fact['value']} %".replace(" ", "\u00a0")
