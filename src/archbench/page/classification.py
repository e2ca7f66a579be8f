"""The part of a report that is about classifiers: margins, the family tree, the papers' numbers, depth and XLA."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from archbench.figures.ancestry import degradation, family_tree
from archbench.figures.style import style
from archbench.page import formats
from archbench.page.content import Part, Row, Section
from archbench.page.figures import Gallery, better
from archbench.results.ancestry import Step, steps
from archbench.results.depths import depth_board, depth_table
from archbench.results.facts import Fact, lineage, published
from archbench.results.leaderboard import Board, Place
from archbench.results.margins import Margin, margins
from archbench.results.runs import Run
from archbench.results.statistics import Interval
from archbench.results.xla import xla_table

NOT_RUN = "not run"


@dataclass(frozen=True)
class Workplace:
    """Where the figures and the tables of a report go."""

    gallery: Gallery
    write_table: Callable[[str, pd.DataFrame], None]
    """Takes the name of a file and the table."""


def classification_sections(
    place: Workplace,
    runs: Sequence[Run],
    boards: Sequence[Board],
    speed: pd.DataFrame | None,
    least: Mapping[str, float],
) -> list[Section]:
    """Only those there is anything to say in. `least`: benchmark -> its margin; `speed`: the rows of speed.csv."""
    asked = [board for board in boards if board.task == "classification"]
    sections = [
        _margins(place, margins(runs, least)),
        _family_tree(place, steps(asked, lineage())),
        _published(place, asked),
        _degradation(place, asked),
        _xla(place, xla_table(runs, speed)),
    ]
    return [section for section in sections if section is not None]


def _margins(place: Workplace, judged: Sequence[Margin]) -> Section | None:
    if not judged:
        return None
    place.write_table("margins.csv", pd.DataFrame([_margin_numbers(margin) for margin in judged]))
    groups = {
        "Mean short of the margin": [margin for margin in judged if margin.judged and not margin.reached],
        "Not judged: single seeds, or seeds without a score": [margin for margin in judged if not margin.judged],
        "Mean at the margin or above": [margin for margin in judged if margin.reached],
    }
    remark = (
        f"{sum(margin.beaten for margin in judged)} of {formats.plural(len(judged), 'benchmark')} surely beat softmax "
        "regression on the same data by the margin that params.yaml declares for them: the difference of test "
        f"accuracies, seed by seed, is above the margin with {formats.SURELY}. The mean difference of "
        f"{sum(margin.reached for margin in judged)} reaches it. ± is half the 95\u00a0% interval. Recipes differ "
        "between networks, as the leaderboards show."
    )
    parts = [Part(title, [_margin_row(margin) for margin in group]) for title, group in groups.items() if group]
    section = Section("margins", "Against softmax regression", remark, [], [], "margins.csv")
    return replace(section, parts=parts)


def _margin_row(margin: Margin) -> Row:
    return {
        "Benchmark": margin.benchmark,
        "Data": margin.dataset or formats.NOTHING,
        "Test accuracy": formats.score(margin.score),
        "Softmax regression": formats.score(margin.baseline),
        "Seeds": f"n={margin.score.n},\u00a0{margin.baseline.n}",
        "Gain": formats.gain(margin.gain),
        "Margin": f"+{margin.least:.4g}",
        "p": formats.p_value(margin.comparison.p_holm),
        "Beaten": margin.verdict,
    }


def _margin_numbers(margin: Margin) -> dict[str, object]:
    return {
        "benchmark": margin.benchmark,
        "architecture": margin.architecture,
        "dataset": margin.dataset,
        "accuracy": margin.score.mean,
        "baseline": margin.baseline.mean,
        **_numbers("gain", margin.gain),
        "n": margin.score.n,
        "n_baseline": margin.baseline.n,
        "margin": margin.least,
        "p_holm": margin.comparison.p_holm,
        "reached": margin.reached,
        "beaten": margin.beaten,
        "verdict": margin.verdict,
    }


def _family_tree(place: Workplace, found: Sequence[Step]) -> Section | None:
    trained = {step.child for step in found if step.after}
    if not trained:
        return None
    titles = {step.child: step.title for step in found}
    place.write_table("family-tree.csv", pd.DataFrame([_step_numbers(step) for step in found]))
    with style():
        shown = place.gallery.keep(
            family_tree(_nodes(found, titles)),
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
    rows = [_step_row(step, titles) for step in found]
    return Section("family-tree", "The family tree", remark, rows, [shown], "family-tree.csv")


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
            "score": _here(step.after),
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


def _here(at: Place | None) -> str:
    return f"{formats.score(at.score)}, n={at.score.n}" if at else NOT_RUN


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
    return f"{_here(at)} ({at.scale})" if at else NOT_RUN


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
        **_numbers("gain", step.comparison.difference),
        "n": step.comparison.difference.n,
        "p_holm": step.comparison.p_holm,
        "sure": step.comparison.sure,
        "recipes_differ_in": " ".join(step.recipe),
    }


def _published(place: Workplace, boards: Sequence[Board]) -> Section | None:
    groups: dict[tuple[str, ...], list[Fact]] = {}
    for fact in published():
        groups.setdefault(tuple(fact[key] for key in ("name", "data", "protocol", "source")), []).append(fact)
    ours: dict[str, list[tuple[str, Place]]] = {}
    for board in boards:
        for entry in board.places:
            if entry.score.n:
                ours.setdefault(entry.architecture, []).append((board.dataset, entry))
    rows = [_published_row(key, facts, *one) for key, facts in groups.items() for one in ours.get(key[0], ())]
    if not rows:
        return None
    place.write_table("published.csv", pd.DataFrame(rows))
    remark = (
        "The paper's number and ours stand side by side to show the difference in scale and data; they answer "
        "different questions and are not to be subtracted. The source says where each published number was read: one "
        "from memory is unverified."
    )
    section = Section("published", "Published and here", remark, rows, [], "published.csv")
    return replace(section, groups=[("", 1), ("Published, at full size", 4), ("Here, at the scale given", 3)])


def _published_row(key: tuple[str, ...], facts: Sequence[Fact], dataset: str, entry: Place) -> Row:
    name, data, protocol, source = key
    return {
        "Net": name,
        "Result": ", ".join(_percent(fact) for fact in facts),
        "Data": data,
        "Protocol": protocol,
        "Source": source,
        "Test accuracy": _here(entry),
        "Data here": dataset,
        "Scale": entry.scale,
    }


def _percent(fact: Fact) -> str:
    """`top-1 error 40.7 %`, on one line."""
    return f"{fact['metric'].removesuffix(' %')} {fact['value']} %".replace(" ", "\u00a0")


def _degradation(place: Workplace, boards: Sequence[Board]) -> Section | None:
    board = depth_board(boards)
    if board is None:
        return None
    table = depth_table(board)
    place.write_table("degradation.csv", table)
    seeds = formats.between(table["n"])
    with style():
        shown = place.gallery.keep(
            degradation(table, metric=formats.words(board.monitor)),
            "degradation",
            f"Plain and residual nets by depth, on {board.dataset}",
            f"Plain nets against residual ones of the same depth and width on {board.name}; {seeds} seeds a point. "
            f"Left: mean test {formats.words(board.monitor)} ({better(board.maximize)}). Right: mean training loss of "
            "the last epoch (lower is better). Bar: 95\u00a0% interval. Hollow: a single seed, or seeds without a "
            "score. Degradation is a training loss that is higher for the deeper plain net.",
        )
    rows = [
        {
            "Kind": row.family,
            "Weight layers": str(row.depth),
            f"Test {formats.words(board.monitor)}": formats.score(_interval(row.mean, row.interval_high, row.n)),
            "Training loss, last epoch": formats.score(_interval(row.loss, row.loss_high, row.n)),
            "Seeds": f"n={row.n}" + ("" if row.whole else f" ({row.states})"),
            "Scale": row.scale,
        }
        for row in table.itertuples()
    ]
    remark = (
        "Plain nets are the residual ones without their shortcuts (He et al. 2015, arXiv:1512.03385, section 4.2). The "
        "paper finds, on CIFAR-10, that plain nets get worse with depth and residual ones do not."
    )
    return Section(
        "degradation", "Degradation: depth with and without shortcuts", remark, rows, [shown], "degradation.csv"
    )


def _interval(mean: float, high: float, n: int) -> Interval:
    return Interval(mean, math.nan, high - mean, n)


def _xla(place: Workplace, table: pd.DataFrame) -> Section | None:
    if table.empty:
        return None
    place.write_table("xla.csv", table)
    rows = [
        {
            "Benchmark": row.benchmark,
            "Backend": f"{row.backend}, {row.device}",
            "XLA": row.xla,
            "Seeds": f"n={row.n}",
            "Compile": formats.seconds(row.compile_seconds),
            "Step, ms": formats.value(row.step_milliseconds, 3),
            "Examples/s": formats.value(row.examples_per_second, 3),
            "On: compile": formats.seconds(row.on_compile_seconds),
            "On: step, ms": formats.value(row.on_step_milliseconds, 3),
            "Off: compile": formats.seconds(row.off_compile_seconds),
            "Off: step, ms": formats.value(row.off_step_milliseconds, 3),
            "Speed on/off": formats.value(row.on_over_off, 3),
        }
        for row in table.itertuples()
    ]
    remark = (
        "Left: the mode that each run had (XLA auto chooses it), its mean step, the examples (images, for most) that "
        "it trained on a second, and the largest compile time of its seeds. Right: the same benchmark measured in both "
        "modes in turn, a few steps a call, at another time and perhaps on another machine, which the table of speed "
        "names: compare right with right only. A dash: not measured."
    )
    section = Section("xla", "XLA on and off", remark, rows, [], "xla.csv")
    return replace(section, groups=[("", 2), ("In its runs", 5), ("Both modes in turn", 5)])


def _numbers(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
