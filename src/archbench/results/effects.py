"""What each choice gains over the usual one: the numbers behind a table of questions and its forest plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archbench.results.facts import usual_choices
from archbench.results.leaderboard import Place
from archbench.results.ranking import Kind, hindrance, scores
from archbench.results.statistics import Comparison, compare_all
from archbench.results.studies import Arm

Competitor = Place | Arm
OPEN = (Kind.BEST, Kind.TIE, Kind.BETTER)
"""What cannot be told from the best; one that every seed puts as far behind cannot be tested, and is no tie."""
SAME_COST = 1.25
"""The ratio of seconds up to which two trainings cost the same: that far apart are runs of one network."""


@dataclass(frozen=True)
class Effects:
    """The competitors of one question beside the usual choice."""

    usual: Competitor
    gains: Mapping[str, Comparison]
    """Label of every other one whose every seed has a score -> that one minus the usual one, seed by seed."""


def effects(entries: Sequence[Competitor]) -> Effects | None:
    """The gains of `entries`, which stand in the order of params.yaml.

    The usual choice is the one that usual.csv names, or else the first; its every seed has a score. The p are adjusted
    for all that are compared with it. None where there is nobody to compare.
    """
    whole = [entry for entry in entries if not hindrance(entry.runs)]
    if len(whole) < 2:
        return None
    usual = _usual(whole)
    others = [entry for entry in whole if entry is not usual]
    compared = compare_all([(scores(entry.runs), scores(usual.runs)) for entry in others])
    return Effects(usual, dict(zip([entry.label for entry in others], compared, strict=True)))


def _usual(whole: Sequence[Competitor]) -> Competitor:
    """The first that usual.csv names; of those it does not the first."""
    names = usual_choices()
    return min(whole, key=lambda entry: names.index(entry.label) if entry.label in names else len(names))


def choices(entries: Sequence[Competitor]) -> list[Competitor]:
    """Those of `entries`, which stand in the order of params.yaml, that cannot be told from the best, cheapest first.

    What takes at most `SAME_COST` times the cheapest's seconds costs the same, as arms of one network do whose seconds
    differ by what else the machine did: of those the fewest parameters, then the usual choice, then the order given.
    """
    if not any(entry.standing.kind is Kind.BEST for entry in entries):
        return []
    usual = _usual([entry for entry in entries if not hindrance(entry.runs)])
    left = [entry for entry in entries if entry.standing.kind in OPEN]
    ordered: list[Competitor] = []
    while left:
        most = SAME_COST * min(map(_seconds, left))
        alike = [entry for entry in left if _seconds(entry) <= most]
        left = [entry for entry in left if not _seconds(entry) <= most]
        ordered += sorted(alike, key=lambda entry: (_parameters(entry), entry is not usual))
    return ordered


def _seconds(entry: Competitor) -> float:
    """Of training; what is not known is dear."""
    return math.inf if math.isnan(entry.train_seconds) else entry.train_seconds


def _parameters(entry: Competitor) -> float:
    return math.inf if math.isnan(entry.parameters) else entry.parameters
