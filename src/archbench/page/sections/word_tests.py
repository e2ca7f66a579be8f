"""What vectors of words know."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from archbench.page import formats
from archbench.page.section import File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results

FEW = 0.5
"""Below this share of covered questions a score says little."""


@section("word_tests", order=456, needs=("probes",), source="Mikolov et al. 2013, arXiv:1301.3781, section 4")
def word_tests(results: Results, place: Workplace) -> Iterator[Section]:
    """Every probe of words: analogies, and agreement with people, each with how many questions were covered."""
    for probe in results.probes:
        if probe.kind == "word_tests":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    analogies, similarity = probe.tables["analogies"], probe.tables["similarity"]
    name = formats.file_name("probe", probe.name)
    for table, rows in probe.tables.items():
        place.write_table(f"{name}-{table}.csv", rows)
    rows = [_row(arm, analogies[analogies["arm"] == arm], own) for arm, own in similarity.groupby("arm", sort=False)]
    counts = (analogies["covered"], analogies["asked"]), (similarity["covered"], similarity["pairs"])
    remark = (
        "Analogies (a is to b as c is to what: the word nearest to b - a + c) and the rank correlation with how alike "
        "people find two words. Only questions whose words all are in the vocabulary are asked: the share that is "
        "covered stands with each number."
    )
    if min(covered.sum() / whole.sum() for covered, whole in counts) < FEW:
        remark += " Here few are, for the text is small: these numbers mean next to nothing."
    blocks = [Text(remark), Table(rows), *(File(f"{name}-{table}.csv", f"{table} as CSV") for table in probe.tables)]
    return Section(name, f"What vectors of words know: {probe.name}", blocks)


def _row(arm: str, analogies: pd.DataFrame, similarity: pd.DataFrame) -> dict[str, str]:
    """One network, its seeds together: of analogies all answers, of ranks the mean."""
    shown = {"Network": arm, "Seeds": f"n={len(similarity)}"}
    for kind, own in analogies.groupby("kind", sort=False):
        asked, covered, right = (int(own[column].sum()) for column in ("asked", "covered", "right"))
        shown[f"Analogies of {kind}"] = f"{right / covered:.1%}" if covered else formats.NOTHING
        shown[f"Covered of {kind}"] = f"{covered / asked:.1%} of {asked // len(similarity):,}"
    mean = similarity["spearman"].mean()
    shown["Rank correlation"] = formats.NOTHING if pd.isna(mean) else f"{mean:.2f}"
    shown["Covered pairs"] = f"{int(similarity['covered'].mean())} of {int(similarity['pairs'].iloc[0])}"
    return shown
