"""What each choice gains over the usual one: the numbers behind a table of questions and its forest plots."""

from __future__ import annotations

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
    usual = min(whole, key=_unusual)
    others = [entry for entry in whole if entry is not usual]
    compared = compare_all([(scores(entry.runs), scores(usual.runs)) for entry in others])
    return Effects(usual, dict(zip([entry.label for entry in others], compared, strict=True)))


def _unusual(entry: Competitor) -> int:
    """Its place in usual.csv; behind all of them where it is not there."""
    names = usual_choices()
    return names.index(entry.label) if entry.label in names else len(names)


def choices(entries: Sequence[Competitor]) -> list[Competitor]:
    """Those that cannot be told from the best, the cheapest first: by training seconds, then by parameters."""
    if not any(entry.standing.kind is Kind.BEST for entry in entries):
        return []
    return sorted((entry for entry in entries if entry.standing.kind in OPEN), key=_cost)


def _cost(entry: Competitor) -> tuple[bool, float, float, str]:
    """What is not known is dear."""
    seconds, parameters = entry.train_seconds, entry.parameters
    known = seconds == seconds
    return not known, seconds if known else 0.0, parameters if parameters == parameters else 0.0, entry.label
