"""The family tree of classifiers: what each step added, and what it bought here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import pandas as pd

from archbench.figures.ancestry import family_tree as draw
from archbench.page import formats
from archbench.page.classifiers import NOT_RUN, classifiers, here, numbers
from archbench.page.section import Figures, File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.ancestry import Step, steps
from archbench.results.facts import lineage
from archbench.results.gathered import Results
from archbench.results.leaderboard import Place


@section("family_tree", order=210, needs=("runs",), source="results/lineage.csv, a source a row")
def family_tree(results: Results, place: Workplace) -> Iterator[Section]:
    """Every classifier beside its parent on the same data, as a tree and a table; none where no step was trained."""
    found = steps(classifiers(results), lineage())
    trained = {step.child for step in found if step.after}
    if not trained:
        return
    titles = {step.child: step.title for step in found}
    place.write_table("family-tree.csv", pd.DataFrame([_step_numbers(step) for step in found]))
    shown = place.gallery.keep(
        partial(draw, _nodes(found, titles)),
        "family-tree",
        "Family tree of classifiers, with what each step added and gained",
        "The family tree: a net stands below one whose idea its paper builds on (where there are several, one is "
        f"drawn), with what it added. Blue: trained here ({len(trained)} of {len(titles)}); hollow: not run. At "
        "the right the mean test accuracy (n seeds) and its difference from the parent's, seed by seed, with half "
        f"its 95\u00a0% interval: green where it is surely above zero, red where surely below ({formats.SURELY}), "
        "else black. Single seeds and unfinished ones are not compared.",
    )
    remark = (
        "What each step added, and what it bought here: test accuracy of the net minus its parent's, on the same data. "
        "Scales stand beside the scores: a small form on small data needs little of what these steps were invented "
        "for, and a gain here tells nothing about the papers' own data. Recipes differ where the table says so; of a "
        "net that was trained several times on the data, the best counts."
    )
    ran, others = ([_step_row(step, titles) for step in found if bool(step.after) == run] for run in (True, False))
    tables = [Table(ran), *([Table(others, brief=False)] if others else [])]
    blocks = [Text(remark), Figures([shown]), *tables, File("family-tree.csv", "These tables as CSV")]
    yield Section("family-tree", "The family tree", blocks)


def _nodes(found: Sequence[Step], titles: Mapping[str, str]) -> pd.DataFrame:
    first = {step.child: step for step in reversed(found)}
    others = {step.child: titles[step.parent] for step in found if step is not first[step.child]}
    main = next(step.dataset for step in found if step.after)
    rows = [
        {
            "name": name,
            "parent": step.parent,
            "title": step.title + (f" (also from {others[name]})" if name in others else ""),
            "year": step.year,
            "added": step.added,
            "score": here(step.after),
            "data": f"on {step.dataset}" if step.after and step.dataset != main else "",
            "gain": _gain(step),
            "sure": step.comparison.sure,
            "run": step.after is not None,
        }
        for name, step in ((name, first[name]) for name in titles)
    ]
    return pd.DataFrame(rows)


def _gain(step: Step) -> str:
    if not (step.after and step.parent):
        return ""
    if not step.before:
        return "parent not run"
    return step.hindrance or formats.gain(step.comparison.difference)


def _step_row(step: Step, titles: Mapping[str, str]) -> Row:
    differs = f"differ in {', '.join(step.recipe)}".replace("_", " ") if step.recipe else "the same"
    return {
        "Net": f"{step.title} ({step.source})",
        "From": titles.get(step.parent, formats.NOTHING),
        "What it added": step.added,
        "Data": step.dataset or formats.NOTHING,
        "Parent here": _scaled(step.before) if step.parent else formats.NOTHING,
        "Net here": _scaled(step.after),
        "Gain": _gain(step) or formats.NOTHING,
        "p": formats.p_value(step.comparison.p_holm),
        "Recipes": differs if step.both else formats.NOTHING,
    }


def _scaled(at: Place | None) -> str:
    return f"{here(at)} ({at.scale})" if at else NOT_RUN


def _step_numbers(step: Step) -> dict[str, object]:
    return {
        "parent": step.parent,
        "child": step.child,
        "year": step.year,
        "added": step.added,
        "source": step.source,
        "dataset": step.dataset,
        "parent_benchmark": step.before.benchmark if step.before else None,
        "child_benchmark": step.after.benchmark if step.after else None,
        "parent_mean": step.before.score.mean if step.before else math.nan,
        "child_mean": step.after.score.mean if step.after else math.nan,
        **numbers("gain", step.comparison.difference),
        "n": step.comparison.difference.n,
        "p_holm": step.comparison.p_holm,
        "sure": step.comparison.sure,
        "recipes_differ_in": " ".join(step.recipe),
    }
