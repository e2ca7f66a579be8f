"""A page for every architecture that was run: what it is, where it comes from, its runs, and what its paper says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archbench.architectures import ARCHITECTURES
from archbench.figures.style import short_number
from archbench.page import formats
from archbench.page.section import Block, Figures, Folded, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.standings import seeds
from archbench.results.facts import families, lineage, published
from archbench.results.gathered import Results
from archbench.results.leaderboard import Board, Place
from archbench.results.runs import Run

Runs = Sequence[tuple[Board, Place]]
UNKNOWN = "other"
"""The family of an architecture that families.csv does not name."""


@section("architectures", order=145, needs=("runs",), source="archbench")
def architectures(results: Results, place: Workplace) -> Iterator[Section]:
    """A table of everything that was trained, and a page for each of its architectures."""
    runs_of: dict[str, list[tuple[Board, Place]]] = {}
    for board in results.boards:
        for entry in board.places:
            runs_of.setdefault(entry.architecture, []).append((board, entry))
    if not runs_of:
        return
    rows = [_overview_row(*one) for own in runs_of.values() for one in own]
    lead = f"{formats.plural(len(runs_of), 'architecture')} in {formats.plural(len(rows), 'benchmark')}."
    yield Section("architectures", "All architectures", [Table(rows)], lead=lead)
    for name, own in runs_of.items():
        blocks = [*_about(name), *_figures(own, place), *_tables(name, own, results), *_pictures(own, place)]
        found = [name, *(text for _, entry in own for text in (entry.label, entry.benchmark))]
        anchor = formats.file_name("architecture", name)
        yield Section(anchor, name, blocks, listed=False, brief=False, names=found, lead=_lead(name, own))


def _overview_row(board: Board, entry: Place) -> Row:
    return {
        "Benchmark": entry.benchmark,
        "Architecture": entry.architecture,
        "Family": families().get(entry.architecture, UNKNOWN),
        "Data": board.dataset,
        "Task": board.task.replace("_", " "),
        **_run_cells(board, entry),
    }


def _run_cells(board: Board, entry: Place) -> Row:
    metric = formats.words(board.monitor) if board.monitor else "score"
    return {
        "Test score": f"{formats.score(entry.score)} {metric}",
        "Seeds": seeds(entry.runs, entry.score),
        "Scale": entry.scale,
        "Parameters": formats.count(entry.parameters),
        "Multiply-adds": formats.NOTHING if entry.multiply_adds != entry.multiply_adds else _short(entry),
        "Training": formats.seconds(entry.train_seconds),
        "Peak memory": formats.memory(entry.peak_memory_bytes),
        "Recipe": entry.recipe,
    }


def _short(entry: Place) -> str:
    return short_number(entry.multiply_adds)


def _lead(name: str, own: Runs) -> str:
    """Where it stands on each board that it is on."""
    said = []
    for board, entry in own:
        rank = [other.benchmark for other in board.ranked].index(entry.benchmark) + 1 if entry.standing.ranked else None
        where = f"{entry.standing.verdict}, place {rank} of {len(board.ranked)}" if rank else entry.standing.verdict
        said.append(f"{board.name}: {formats.score(entry.score)} ({where})")
    return f"{name} on {'; '.join(said[:3])}{f'; and {len(said) - 3} more' if len(said) > 3 else ''}."


def _about(name: str) -> list[Block]:
    """What the catalogue says of it; nothing of one that is no longer there."""
    entry = next((entry for entry in ARCHITECTURES if entry.name == name), None)
    if entry is None:
        return []
    swaps = formats.in_words(entry.facts["swaps"]) if entry.facts["swaps"] else "none"
    file = f"src/{entry.module.replace('.', '/')}.py"
    shape = " × ".join("any" if side is None else str(side) for side in entry.facts["paper_input"])
    facts = f"In its paper it reads {shape}; parts that may be swapped: {swaps}. Written in {file}."
    return [Text(f"{entry.what.rstrip('.')}. Source: {entry.source}."), Text(facts)]


def _figures(own: Runs, place: Workplace) -> list[Block]:
    shown = [place.gallery.own_curves(board, entry) for board, entry in own]
    return [Figures(kept)] if (kept := [one for one in shown if one]) else []


def _tables(name: str, own: Runs, results: Results) -> list[Block]:
    runs = [
        {"Data and task": board.name, "Benchmark": entry.benchmark, **_run_cells(board, entry)} for board, entry in own
    ]
    each = [_seed_row(run, results.pipeline) for _, entry in own for run in entry.runs]
    blocks: list[Block] = [Heading("Its runs"), Table(runs), Heading("Every seed"), Table(each, brief=False)]
    for title, rows in (("Its neighbours in the family tree", _neighbours(name)), ("Published", _published(name))):
        if rows:
            blocks += [Heading(title), Table(rows)]
    return blocks


def _seed_row(run: Run, pipeline: str) -> Row:
    timings, best = run.timings, run.metrics.get("best_epoch")
    return {
        "Run": f"{run.benchmark}, seed {run.seed}",
        "State": run.state,
        "Test score": formats.value(run.score),
        "Best epoch": formats.NOTHING if best is None else str(best),
        "Training": formats.seconds(timings.get("train_seconds")),
        "Folder": f"runs/{pipeline}/{run.benchmark}/seed-{run.seed}",
    }


def _neighbours(name: str) -> list[Row]:
    steps = [step for step in lineage() if name in (step["parent"], step["child"]) and step["parent"]]
    return [
        {
            "Net": step["parent"] if step["child"] == name else step["child"],
            "Is its": "parent" if step["child"] == name else "child",
            "What the child added": step["added"],
            "Source": step["source"],
        }
        for step in steps
    ]


def _published(name: str) -> list[Row]:
    return [
        {
            "Published": f"{fact['metric'].removesuffix(' %')} {fact['value']} %",
            "Data": fact["data"],
            "Protocol": fact["protocol"],
            "Source": fact["source"],
        }
        for fact in published()
        if fact["name"] == name
    ]


def _pictures(own: Runs, place: Workplace) -> list[Block]:
    """What the first finished seed of every benchmark says about test examples."""
    folded = []
    for _, entry in own:
        run = next((run for run in entry.runs if run.finished), None)
        if run and (shown := place.gallery.pictures(run)):
            folded.append(Folded(formats.file_name("pictures", entry.benchmark), entry.benchmark, shown, True))
    return [Heading("Predictions"), *folded] if folded else []
