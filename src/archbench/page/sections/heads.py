"""Several heads on one trunk beside a net for each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from archbench.figures.start import heads_side_by_side
from archbench.page import formats
from archbench.page.section import Answer, Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.standings import PAIRED, standing_cells
from archbench.results.gathered import Results
from archbench.results.ranking import Kind
from archbench.results.start import Heads
from archbench.results.start import heads as find_heads


@section("heads", order=410, needs=("runs",), source="Caruana 1997, Multitask Learning, Machine Learning 28")
def heads(results: Results, place: Workplace) -> Iterator[Section]:
    """Every network of several heads: the score of each head together with the others and alone."""
    for found in find_heads(results.runs):
        yield _heads(found, place)


def _heads(found: Heads, place: Workplace) -> Section:
    stem, table = formats.file_name("heads", found.benchmark), found.table()
    place.write_table(f"{stem}.csv", table)
    title = f"Heads together and alone: {found.benchmark}"
    drawn = partial(heads_side_by_side, table)
    caption = (
        "Test score of every head (higher is better): trained with the others on one trunk, and by itself in a net of "
        "the same size. Bar: 95\u00a0% interval over seeds, none for a single seed."
    )
    apart = formats.count(sum(found.parameters_alone))
    remark = (
        f"{found.architecture} ({found.scale}) on {found.dataset}. Together it has {formats.count(found.parameters)} "
        f"parameters for all heads; the nets of one head have {apart} between them. Together is compared with alone, "
        f"{PAIRED}"
    )
    rows = [
        {
            "Head": formats.words(head.name),
            "Together": formats.score(head.together),
            "Alone": formats.score(head.alone),
            "Seeds": f"n={head.together.n},\u00a0{head.alone.n}",
            **standing_cells(head.standing, "Together minus alone"),
        }
        for head in found.scores
    ]
    shown = place.gallery.keep(drawn, stem, title, caption)
    blocks = [Text(remark), Table(rows), File(f"{stem}.csv"), Figures([shown])]
    return Section(stem, title, blocks, answer=_answer(found))


def _answer(found: Heads) -> Answer:
    """Together, which costs less, unless a head surely loses by it."""
    kinds = [head.standing.kind for head in found.scores]
    better, worse = kinds.count(Kind.BETTER), kinds.count(Kind.WORSE)
    gains = [f"{formats.words(head.name)} {formats.gain(head.standing.comparison.difference)}" for head in found.scores]
    return Answer(
        question=f"{found.benchmark}: one trunk for its {len(kinds)} heads, or a net each?",
        choose=["a net each" if worse else "one trunk"],
        gain=f"together minus alone: {', '.join(gains)}",
        cost=f"{formats.count(found.parameters)} parameters, not {formats.count(sum(found.parameters_alone))}",
        n=formats.between({head.standing.comparison.difference.n for head in found.scores}),
        sure=f"{better} of {formats.plural(len(kinds), 'head')} surely better together, {worse} surely worse",
    )
