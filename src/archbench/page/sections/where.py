"""What ran where: machines, versions, commits, times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from archbench.page import formats
from archbench.page.section import File, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.leaderboard import by_benchmark, count_states
from archbench.results.machines import FILE, machines
from archbench.results.runs import Run
from archbench.results.studies import Study


@section("where", order=800, needs=(), source="archbench")
def where(results: Results, place: Workplace) -> Iterator[Section]:
    """Every machine with the runs it did, and every benchmark and arm with its backend, commit and time."""
    table = machines([*results.runs, *results.final_runs])
    place.write_table(FILE, table)
    title = "What ran where"
    if table.empty:
        yield Section("where", title, [Text("No run has started.")], brief=False)
        return
    repeats = (
        ". Results repeat bit for bit on a processor of the same model, vector extensions and cores; another one "
        "rounds otherwise."
    )
    provenance = Table(provenance_rows(results.runs, results.studies), brief=False)
    yield Section("where", title, [Table(hardware_rows(table)), File(FILE, after=repeats), provenance])


def hardware_rows(table: pd.DataFrame) -> list[Row]:
    """Every different machine and set of versions, with the runs it did; `table` as `machines` makes it."""
    return [
        {
            "Device": f"{row['device']} ({row['device_kind']})",
            "Processor": row["cpu"],
            "Vector extensions": row["cpu_extensions"] or formats.NOTHING,
            "Cores": str(row["cores"]),
            "Memory": f"{row['memory_bytes'] / 2**30:.0f} GiB",
            "System": row["platform"],
            "Python": row["python"],
            "Backend": f"{row['backend']} {row['backend_version']}, Keras {row['keras_version']}",
            "archbench": row["archbench_version"],
            "Runs": str(row["runs"]),
        }
        for row in table.to_dict("records")
    ]


def provenance_rows(runs: Sequence[Run], studies: Sequence[Study]) -> list[Row]:
    """For every benchmark and every arm: backend, XLA with its rule, precision, commit, seconds."""
    arms = {f"{study.name} / {arm.name}": list(arm.runs) for study in studies for arm in study.arms}
    return [row for name, seeds in {**by_benchmark(runs), **arms}.items() for row in _provenance(name, seeds)]


def _provenance(name: str, seeds: list[Run]) -> list[Row]:
    groups: dict[tuple, list[Run]] = {}
    for run in seeds:
        if run.machine:
            facts = run.machine
            commit = (facts["git_commit"] or "none")[:10] + (" + changes" if facts["git_dirty"] else "")
            xla = f"{'on' if facts['xla'] else 'off'} ({facts['xla_rule']})"
            key = (facts["host"], f"{facts['backend']}, {facts['device_kind']}", xla, facts["precision"], commit)
            groups.setdefault(key, []).append(run)
    names = ("Host", "Backend", "XLA", "Precision", "Commit")
    return [
        {
            "Run": name,
            "Seeds": ", ".join(str(run.seed) for run in group),
            **dict(zip(names, key, strict=True)),
            "Total time": formats.seconds(_total(group)),
            "Started": min(run.machine["started"] for run in group),
            "Ended": count_states(group),
        }
        for key, group in groups.items()
    ]


def _total(group: list[Run]) -> float:
    known = [run.timings["total_seconds"] for run in group if run.timings]
    return sum(seconds for seconds in known if seconds is not None) if known else float("nan")
