"""The sections on transferred weights and on several heads: a table and a figure each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from archbench.figures.start import heads_side_by_side, score_by_size
from archbench.figures.style import style
from archbench.page import formats
from archbench.page.content import Row, Section
from archbench.page.figures import Gallery, better
from archbench.results.ranking import Standing
from archbench.results.runs import Run
from archbench.results.start import Heads, Transfer, heads, transfers

PAIRED = f"seed by seed: better or worse means {formats.SURELY} over this table."
WriteTable = Callable[[str, pd.DataFrame], None]
"""Writes a table below `tables/` under this name."""


def comparisons(runs: Sequence[Run], gallery: Gallery, write: WriteTable) -> list[Section]:
    """A section for every source of transfers, and for every network of several heads."""
    return [
        *(_transfer_section(found, gallery, write) for found in transfers(runs)),
        *(_heads_section(found, gallery, write) for found in heads(runs)),
    ]


def _transfer_section(found: Transfer, gallery: Gallery, write: WriteTable) -> Section:
    stem, table, metric = formats.file_name("transfer", found.source), found.table(), formats.words(found.metric)
    write(f"{stem}.csv", table)
    title = f"Transfer from {found.source}"
    with style():
        drawn = score_by_size(table, metric=metric)
    caption = (
        f"Test {metric} ({better(found.maximize)}) against the size of the new training split, logarithmic. Marker: "
        "mean over seeds, each started from the source's weights of its own seed; bar: its 95\u00a0% interval, none "
        "for a single seed. Lines: how much of the network trains on the new data. What differs surely, the table says."
    )
    remark = (
        f"{found.architecture}, trained on other data as {found.source}, then on few examples of new ones. Only a last "
        "layer is new in each; what is not trained is frozen, batch normalization included. From scratch: the same "
        "network and data without the source. Validation and test splits are whole at every size. Trained with: "
        f"{'; '.join(f'{way}, {recipe}' for way, recipe in found.recipes.items())}. Each is compared with training "
        f"from scratch on the same data, {PAIRED}"
    )
    return Section(stem, title, remark, _by_size(found), [gallery.keep(drawn, stem, title, caption)], f"{stem}.csv")


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
            **_beside(point.standing, "Minus from scratch"),
        }
        for point in points
    ]


def _beside(standing: Standing, head: str) -> Row:
    return {
        head: formats.gain(standing.comparison.difference),
        "p": formats.p_value(standing.comparison.p_holm),
        "Verdict": standing.verdict,
    }


def _heads_section(found: Heads, gallery: Gallery, write: WriteTable) -> Section:
    stem, table = formats.file_name("heads", found.benchmark), found.table()
    write(f"{stem}.csv", table)
    title = f"Heads together and alone: {found.benchmark}"
    with style():
        drawn = heads_side_by_side(table)
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
            **_beside(head.standing, "Together minus alone"),
        }
        for head in found.scores
    ]
    return Section(stem, title, remark, rows, [gallery.keep(drawn, stem, title, caption)], f"{stem}.csv")
