"""Transferred weights: what starts from a benchmark beside the same networks from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from archbench.figures.start import score_by_size
from archbench.page import formats
from archbench.page.answers import is_better, sure_words
from archbench.page.figures import better
from archbench.page.section import Answer, Figures, File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.standings import PAIRED, standing_cells
from archbench.results.gathered import Results
from archbench.results.start import SCRATCH, Transfer, transfers


@section("transfer", order=400, needs=("runs",), source="Yosinski et al. 2014, arXiv:1411.1792")
def transfer(results: Results, place: Workplace) -> Iterator[Section]:
    """Every source of transfers: scores by the size of the new training split and by how much trains."""
    for found in transfers(results.runs):
        yield _transfer(found, place)


def _transfer(found: Transfer, place: Workplace) -> Section:
    remark = (
        f"{found.architecture}, trained on other data as {found.source}, then on few examples of new ones. Only a last "
        "layer is new in each; what is not trained is frozen, batch normalization included. From scratch: the same "
        "network and data without the source. Validation and test splits are whole at every size."
    )
    return by_size_section(found, place, "transfer", f"Transfer from {found.source}", remark)


def by_size_section(found: Transfer, place: Workplace, kind: str, title: str, remark: str) -> Section:
    """Scores by the size of the new training split, after a `remark`, with and without the source; `kind` names files.

    Recipes and how it is compared are told after it.
    """
    stem, table, metric = formats.file_name(kind, found.source), found.table(), formats.words(found.metric)
    place.write_table(f"{stem}.csv", table)
    drawn = partial(score_by_size, table, metric=metric)
    caption = (
        f"Test {metric} ({better(found.maximize)}) against the size of the new training split, logarithmic. Marker: "
        "mean over seeds, each started from the source's weights of its own seed; bar: its 95\u00a0% interval, none "
        "for a single seed. Lines: how much of the network trains on the new data. What differs surely, the table says."
    )
    told = (
        f"{remark} Trained with: {'; '.join(f'{way}, {recipe}' for way, recipe in found.recipes.items())}. Each is "
        f"compared with training from scratch on the same data, {PAIRED}"
    )
    shown = place.gallery.keep(drawn, stem, title, caption)
    blocks = [Text(told), Table(_by_size(found)), File(f"{stem}.csv"), Figures([shown])]
    return Section(stem, title, blocks, answer=_answer(found))


def _answer(found: Transfer) -> Answer | None:
    """The best way where examples are fewest, which is what a transfer is for."""
    few = min(point.training_examples for point in found.points)
    known = [point for point in found.points if point.training_examples == few and point.standing.whole]
    if not known:
        return None
    best = (max if found.maximize else min)(known, key=lambda point: point.score.mean)
    gain, usual = best.standing.comparison, best.way == SCRATCH
    return Answer(
        question=f"Start from {found.source}, with {few} examples?",
        choose=[best.way],
        gain="the usual choice" if usual else f"{formats.gain(gain.difference)} over {SCRATCH}",
        n=str(best.score.n),
        sure="nothing is shown to be better" if usual else sure_words(gain, found.maximize),
        shows=not usual and is_better(gain, found.maximize),
    )


def _by_size(found: Transfer) -> list[Row]:
    points = sorted(
        found.points, key=lambda point: (point.training_examples, point.dataset, found.ways.index(point.way))
    )
    return [
        {
            "Data set": point.dataset,
            "Training examples": str(point.training_examples),
            "Trains": point.way,
            f"Test {formats.words(found.metric)}": formats.score(point.score),
            "Seeds": formats.seeds(point.score),
            **standing_cells(point.standing, "Minus from scratch"),
        }
        for point in points
    ]
