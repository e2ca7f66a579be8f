"""What is not there to be compared: runs that did not finish, studies that cannot be shown."""

from __future__ import annotations

from collections.abc import Iterator

from archbench.page import formats
from archbench.page.section import Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.runs import Run

NAMED = 6
"""Benchmarks and studies that are named one by one."""
DROPPED_NOWHERE = (
    "They have no scores to average, count as worst where networks and arms are ranked, and are dropped nowhere."
)


@section("gaps", order=600, needs=(), source="archbench")
def gaps(results: Results, place: Workplace) -> Iterator[Section]:
    """Every run and study without scores, with what is known of it."""
    if rows := gap_rows(results):
        blocks = [Text(DROPPED_NOWHERE), Table(rows)]
        yield Section("gaps", "Runs that did not finish", blocks, listed=False, lead=_lead(rows), at_home=True)


def _lead(rows: list[Row]) -> str:
    """How many there are, and which."""
    names = list(dict.fromkeys(row["Run"] for row in rows))
    more = len(names) - NAMED
    shown = names if more < 2 else [*names[:NAMED], f"{more} more"]
    return f"{formats.plural(len(rows), 'run')} without a result: {formats.in_words(shown)}."


def gap_rows(results: Results) -> list[Row]:
    """Every run that did not finish, final runs of studies included, and every study that is not shown."""
    finals = [
        (f"{study.name} / {run.benchmark}", run) for study in results.studies for arm in study.arms for run in arm.runs
    ]
    gaps = [(name, run) for name, run in [*((run.benchmark, run) for run in results.runs), *finals] if not run.finished]
    rows = [
        {"Run": name, "Seed": str(run.seed), "State": run.state, "What is known": _reason(run)} for name, run in gaps
    ]
    unseen = [
        {"Run": name, "Seed": formats.NOTHING, "State": state, "What is known": known}
        for name, (state, known) in results.gone.items()
    ]
    return rows + unseen


def _reason(run: Run) -> str:
    if run.damage:
        return run.damage
    if run.state == "missing":
        return "no run folder: it was never started"
    if run.state == "stale":
        return f"made on other data than params.yaml asks for now: dvc repro train@{run.benchmark}"
    if run.state == "killed":
        return f"{formats.plural(len(run.history), 'epoch')} written, no metrics.json: killed"
    if run.state == "running":
        return f"{formats.plural(len(run.history), 'epoch')} written: still running on {run.machine['host']}"
    step = run.metrics["diverged_at_step"]
    where = f" at step {step}" if step is not None else ""
    return f"{run.metrics['message'] or run.state}{where if run.metrics['message'] is None else ''}"
