"""Which choice is best over several studies, settings or data sets: mean ranks with groups; performance profiles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pandas as pd

from archbench.figures.mean_ranks import critical_differences, performance_profile
from archbench.page import formats
from archbench.page.figures import MOST_LINES, Shown
from archbench.page.known import ARCHITECTURE, CATALOGUES
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.interval import LEVEL
from archbench.results.mean_ranks import (
    Ranks,
    Setting,
    board_scores,
    profile,
    rank_over,
    setting_costs,
    setting_scores,
    settings_of,
)

WHY = (
    "A score on one data set tells nothing of the next, so what is compared here are ranks: in every row 1 is the best "
    "mean test score, and a choice with a seed that has no score is last. Friedman's test says whether any two choices "
    "differ at all (p {p}); where it says so, two are told apart whose mean ranks differ by {critical:.2f} or more "
    "(Nemenyi's critical difference). Few rows tell few choices apart."
)


@section(
    "mean_ranks",
    order=305,
    needs=("runs",),
    source="Demšar 2006, JMLR 7; Dolan and Moré 2002, arXiv:cs/0102001",
)
def mean_ranks(results: Results, place: Workplace) -> Iterator[Section]:
    """A page for every kind of choice that several settings share, and one for networks that several boards share."""
    for kind in CATALOGUES:
        if kind == ARCHITECTURE:
            ranks, settings = rank_over(board_scores(results.boards)), []
        else:
            settings = list(settings_of(results.studies, kind))
            ranks = rank_over(setting_scores(settings))
        if ranks is not None:
            yield _page(kind, ranks, settings, place)


def _page(kind: str, ranks: Ranks, settings: list[Setting], place: Workplace) -> Section:
    stem = f"ranks-{kind}"
    names = list(ranks.each.columns)
    shown = [_diagram(kind, ranks, place, stem)]
    kept = [setting for setting in settings if setting.label in ranks.each.index]
    if kept and (costs := setting_costs(kept, names)).notna().any(axis=None):
        shown.append(_profile(kind, costs, names, place, stem))
    place.write_table(f"{stem}.csv", ranks.each.rename_axis("question").reset_index())
    rows = [
        {
            kind.capitalize(): name,
            "Mean rank": f"{ranks.means[name]:.2f}",
            **{question: f"{rank:g}" for question, rank in ranks.each[name].items()},
        }
        for name in names
    ]
    remark = WHY.format(p=formats.p_value(ranks.p), critical=ranks.critical)
    blocks = [Text(remark), Table(rows), File(f"{stem}.csv"), Figures(shown)]
    return Section(stem, f"Mean ranks: {kind}", blocks, lead=_lead(ranks, kind))


def _lead(ranks: Ranks, kind: str) -> str:
    first = ranks.means.index[0]
    group = next((group for group in ranks.groups if first in group), [first])
    others = [name for name in group if name != first]
    apart = f"cannot be told from {formats.in_words(others)}" if others else "is told apart from all others"
    told = "" if ranks.p < LEVEL else " No choice is shown to differ from any other."
    return (
        f"Over {len(ranks.each)} questions {first} has the best mean rank of {ranks.each.shape[1]}, "
        f"{ranks.means[first]:.2f}, and {apart}.{told}"
    )


def _diagram(kind: str, ranks: Ranks, place: Workplace, stem: str) -> Shown:
    caption = (
        f"Mean ranks over {len(ranks.each)} questions; 1 is the best. A bar joins choices that cannot be told apart: "
        "their mean ranks are closer than the critical difference, or Friedman's test finds none."
    )
    told = ", ".join(f"{name} {rank:.2f}" for name, rank in ranks.means.items())
    drawn = partial(critical_differences, ranks.means, ranks.groups, ranks.critical)
    return place.gallery.keep(drawn, stem, f"Mean ranks of every {kind}: {told}", caption)


def _profile(kind: str, costs: pd.DataFrame, names: list[str], place: Workplace, stem: str) -> Shown:
    lines, shares = names[:MOST_LINES], profile(costs)
    caption = (
        f"Performance profiles over {formats.plural(len(costs.dropna(how='all')), 'problem')}, a setting with a seed "
        "each. A line tells in what share of them a choice reached the target within so many times the training "
        "seconds of the fastest; at the left edge, how often it was the fastest; at the right, how often it got there "
        "at all. The target is the median of the arms' own best validation scores in the study."
    )
    drawn = partial(performance_profile, shares[shares["choice"].isin(lines)], lines)
    return place.gallery.keep(drawn, f"{stem}-profile", f"Performance profile of every {kind}", caption)
