"""The table of questions: what was asked, what to choose, what it gains and costs, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archbench.page import formats
from archbench.page.section import Answer, Row
from archbench.results.effects import Competitor, choices, effects
from archbench.results.statistics import NO_COMPARISON, Comparison

NAMED = 4
"""Choices that are named where more cannot be told apart."""


def answer(question: str, entries: Sequence[Competitor], maximize: bool) -> Answer | None:
    """The line of a question whose competitors, in the order of params.yaml, are `entries`; None for a single one."""
    if len(entries) < 2:
        return None
    group, found = choices(entries), effects(entries)
    if not group or found is None:
        return Answer(question, (), sure=f"nothing is ranked: {formats.RANKING_TAKES.format('choices')}")
    chosen = group[0]
    gain = found.gains.get(chosen.label, NO_COMPARISON)
    usual = chosen is found.usual
    return Answer(
        question=question,
        choose=[entry.label for entry in group],
        gain="the usual choice" if usual else f"{formats.gain(gain.difference)} over {found.usual.label}",
        cost=cost_words(chosen),
        n=str(chosen.score.n),
        sure=_sure(gain, maximize, usual) + _apart(len(group), len(entries)),
        shows=not usual and is_better(gain, maximize),
    )


def cost_words(entry: Competitor) -> str:
    """`12 s; 310 MiB; 61,706 parameters`."""
    parts = (formats.seconds(entry.train_seconds), formats.memory(entry.peak_memory_bytes))
    count = formats.count(entry.parameters)
    return "; ".join(part.replace(" ", "\u00a0") for part in (*parts, f"{count} parameters"))


def is_better(gain: Comparison, maximize: bool) -> bool:
    """Whether a gain is surely one."""
    return (gain.sure > 0) if maximize else (gain.sure < 0)


def _sure(gain: Comparison, maximize: bool, usual: bool) -> str:
    return "nothing is shown to be better" if usual else sure_words(gain, maximize)


def sure_words(gain: Comparison, maximize: bool) -> str:
    """Whether a gain over the usual choice is shown: `surely better, p = 0.003`."""
    if math.isnan(gain.p_holm):
        return "not tested"
    if not gain.sure:
        return f"no difference shown, p {_equals(gain.p_holm)}"
    better = "better" if is_better(gain, maximize) else "worse than usual"
    return f"surely {better}, p {_equals(gain.p_holm)}"


def _apart(group: int, all_of: int) -> str:
    return "" if group == 1 else f"; {group} of {all_of} cannot be told apart"


def _equals(p: float) -> str:
    shown = formats.p_value(p)
    return shown if shown.startswith("<") else f"= {shown}"


def answer_rows(answers: Sequence[Answer]) -> list[Row]:
    """The table of questions; what cannot be answered stands last."""
    return [
        {
            "Question": one.question,
            "Choose": choice_words(one.choose),
            "Gain over the usual choice": one.gain,
            "Takes": one.cost,
            "n": one.n,
            "How sure": one.sure,
        }
        for one in sorted(answers, key=lambda one: not one.choose)
    ]


def choice_words(names: Sequence[str]) -> str:
    """`a`; of a group `a, or b, c and 3 more`."""
    if not names:
        return formats.NOTHING
    first, *rest = names
    if not rest:
        return first
    shown = rest if len(rest) < NAMED + 1 else [*rest[: NAMED - 1], f"{len(rest) - NAMED + 1} more"]
    return f"{first}, or {formats.in_words(shown)}"
