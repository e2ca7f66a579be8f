"""A page for every optimizer, schedule and part that studies compare: what it is, and how it did in each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from archbench.figures.choices import function_and_slope, rates_by_epoch
from archbench.page import formats
from archbench.page.figures import MOST_LINES
from archbench.page.known import ARCHITECTURE, CATALOGUES
from archbench.page.known import Facts as KnownFacts
from archbench.page.section import Block, Figures, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.standings import seeds
from archbench.results.effects import effects
from archbench.results.gathered import Results
from archbench.results.mean_ranks import chosen
from archbench.results.statistics import NO_COMPARISON
from archbench.results.studies import Arm, Study

KINDS = tuple(kind for kind in CATALOGUES if kind != ARCHITECTURE)
"""What arms of a study differ in that has pages here."""
Found = tuple[Study, Arm]


@section("choices", order=310, needs=("studies",), source="archbench")
def choices(results: Results, place: Workplace) -> Iterator[Section]:
    """Every choice with the studies that have it; none where no study compares any of these kinds."""
    found: dict[tuple[str, str], list[Found]] = {}
    for study in results.studies:
        for kind in KINDS:
            named = {arm.name: name for arm in study.listed if (name := chosen(arm, kind))}
            if len(set(named.values())) > 1:
                for arm in study.arms:
                    if arm.name in named:
                        found.setdefault((kind, named[arm.name]), []).append((study, arm))
    if not found:
        return
    rows = [_overview_row(kind, name, own) for (kind, name), own in found.items()]
    yield Section("choices", "All choices of the studies", [Table(rows)])
    for (kind, name), own in found.items():
        known = place.known.of(kind, name)
        drawn = _drawn(kind, name, own, known, place)
        blocks = [*_about(known), *drawn, Heading("In the studies"), Table(_rows(own))]
        anchor = formats.file_name("choice", kind, name)
        names = [name] if _is_meant(name, own, results.studies) else []
        yield Section(anchor, f"{name} ({kind})", blocks, listed=False, brief=False, names=names)


def _is_meant(name: str, own: Sequence[Found], studies: Sequence[Study]) -> bool:
    """Whether every arm of that name is this choice: `none` may be no normalization, or no regularizer."""
    here = {(study.name, arm.name) for study, arm in own}
    return all((study.name, arm.name) in here for study in studies for arm in study.arms if arm.name == name)


def _about(known: KnownFacts) -> list[Block]:
    """What the catalogue says of it; nothing of one that is no longer there."""
    return [Text(f"{known['what']}. Source: {known['source']}.")] if known else []


def _drawn(kind: str, name: str, own: Sequence[Found], known: KnownFacts, place: Workplace) -> list[Block]:
    """An activation by its function, a schedule by the rates of its runs; of other kinds nothing."""
    if "y" in known:
        drawn = partial(function_and_slope, np.array(known["x"]), np.array(known["y"]), name=name)
        caption = f"{name} (line) and its slope (dashes)."
    elif kind == "schedule" and (rates := _rates(own)):
        drawn = partial(rates_by_epoch, rates)
        caption = f"The learning rates that runs with {name} had after each epoch."
    else:
        return []
    shown = place.gallery.keep(drawn, formats.file_name("choice", kind, name), f"{name}, drawn", caption)
    return [Figures([shown])]


def _rates(own: Sequence[Found]) -> dict[str, list[float]]:
    """Arm -> the rates of its first finished run, of as many arms as lines can be told apart."""
    rates = {}
    for study, arm in own[:MOST_LINES]:
        run = next((run for run in arm.runs if run.finished and "learning_rate" in run.history), None)
        if run is not None and run.history["learning_rate"].max() > 0:
            rates[f"{study.name} / {arm.name}"] = list(run.history["learning_rate"])
    return rates


def _overview_row(kind: str, name: str, own: Sequence[Found]) -> Row:
    return {
        "Choice": f"{name} ({kind})",
        "Kind": kind,
        "Studies": formats.in_words(list(dict.fromkeys(study.name for study, _ in own))),
        "Arms": str(len(own)),
    }


def _rows(own: Sequence[Found]) -> list[Row]:
    return [_row(study, arm) for study, arm in own]


def _row(study: Study, arm: Arm) -> Row:
    found = effects(study.listed) if study.equal else None
    gain = found.gains.get(arm.label, NO_COMPARISON) if found else NO_COMPARISON
    compared = found is not None and gain.difference.n > 0
    return {
        "Study": f"Study: {study.name}",
        "Arm": arm.name,
        "Test score": f"{formats.score(arm.score)} {formats.words(study.monitor or 'score')}",
        "Seeds": seeds(arm.runs, arm.score),
        "Gain over the usual choice": f"{formats.gain(gain.difference)} over {found.usual.label}"
        if compared
        else formats.NOTHING,
        "p": formats.p_value(gain.p_holm),
        "Verdict beside the best": arm.standing.verdict,
        "Tuned setting": arm.best_setting or formats.NOTHING,
    }
