"""What every table of competitors says of them beside the best one."""

from __future__ import annotations

from collections.abc import Sequence

from archbench.page import formats
from archbench.page.section import Row
from archbench.results.interval import Interval
from archbench.results.leaderboard import count_states
from archbench.results.ranking import Standing
from archbench.results.runs import Run

SINGLE_SEEDS: Row = {"Single seeds, not ranked": ""}
JUDGED = (
    f"Verdicts are of the difference from the best, seed by seed: worse means {formats.SURELY}. A seed without a score "
    "counts as worst."
)
PAIRED = f"seed by seed: better or worse means {formats.SURELY} over this table."


def standing_cells(standing: Standing, head: str = "Minus the best") -> Row:
    """The difference, its p and the verdict."""
    return {
        head: formats.gain(standing.comparison.difference),
        "p": formats.p_value(standing.comparison.p_holm),
        "Verdict": standing.verdict,
    }


def parted(rows: Sequence[tuple[Standing, Row]]) -> list[Row]:
    """The rows of a table, with a line above single seeds."""
    ranked = [row for standing, row in rows if standing.ranked]
    single = [row for standing, row in rows if not standing.ranked]
    return [*ranked, *([SINGLE_SEEDS] if single else []), *single]


def seeds(runs: Sequence[Run], score: Interval) -> str:
    """`n=3`, and how the seeds ended where not all of them finished."""
    whole = all(run.finished for run in runs)
    return formats.seeds(score) + ("" if whole else f": {count_states(runs)}")
