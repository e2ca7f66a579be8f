"""Degradation: plain and residual nets by depth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from archbench.figures.ancestry import degradation as draw
from archbench.page import formats
from archbench.page.classifiers import classifiers
from archbench.page.figures import better
from archbench.page.section import Figures, File, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.depths import depth_board, depth_table
from archbench.results.gathered import Results
from archbench.results.interval import Interval


@section("degradation", order=230, needs=("runs",), source="He et al. 2015, arXiv:1512.03385, section 4.2")
def degradation(results: Results, place: Workplace) -> Iterator[Section]:
    """Score and training loss by depth, with shortcuts and without; none where one of the kinds is missing."""
    board = depth_board(classifiers(results))
    if board is None:
        return
    table = depth_table(board)
    place.write_table("degradation.csv", table)
    seeds = formats.between(table["n"])
    shown = place.gallery.keep(
        partial(draw, table, metric=formats.words(board.monitor)),
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
    blocks = [Text(remark), Figures([shown]), Table(rows), File("degradation.csv")]
    yield Section("degradation", "Degradation: depth with and without shortcuts", blocks)


def _interval(mean: float, high: float, n: int) -> Interval:
    return Interval(mean, math.nan, high - mean, n)
