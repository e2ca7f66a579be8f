"""A page for every architecture that was run: what it is, where it comes from, its runs, and what its paper says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from archbench.figures.sketched import network_sketch
from archbench.figures.style import short_number
from archbench.page import formats
from archbench.page.data_links import data_link
from archbench.page.known import ARCHITECTURE, ROOT
from archbench.page.known import Facts as KnownFacts
from archbench.page.papers import paper_rows, under_lines
from archbench.page.section import Block, Facts, Figures, Folded, Heading, Link, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.page.sections.health import health_rows
from archbench.page.standings import seeds
from archbench.results.facts import families, lineage
from archbench.results.gathered import Results
from archbench.results.health import watched
from archbench.results.leaderboard import Board, Place
from archbench.results.runs import Run

Runs = Sequence[tuple[Board, Place]]
UNKNOWN = "other"
"""The family of an architecture that families.csv does not name."""
IN_MLFLOW = "The links of the last column open while archbench ui runs on this machine."


@section("architectures", order=145, needs=("runs",), source="archbench")
def architectures(results: Results, place: Workplace) -> Iterator[Section]:
    """A table of everything that was trained, and a page for each of its architectures."""
    runs_of: dict[str, list[tuple[Board, Place]]] = {}
    for board in results.boards:
        for entry in board.places:
            runs_of.setdefault(entry.architecture, []).append((board, entry))
    if not runs_of:
        return
    rows = [_overview_row(*one, results) for own in runs_of.values() for one in own]
    lead = f"{formats.plural(len(runs_of), 'architecture')} in {formats.plural(len(rows), 'benchmark')}."
    yield Section("architectures", "All architectures", [Table(rows)], lead=lead)
    for name, own in runs_of.items():
        known = place.known.of(ARCHITECTURE, name)
        blocks = [
            *_drawn(name, known, place),
            *_about(known, place),
            *_curves(own, place),
            *_tables(name, own, results, place),
            *_pictures(own, place),
        ]
        found = [name, *(text for _, entry in own for text in (entry.label, entry.benchmark))]
        anchor = formats.file_name("architecture", name)
        yield Section(anchor, name, blocks, listed=False, brief=False, names=found, lead=_lead(name, own))


def _overview_row(board: Board, entry: Place, results: Results) -> Row:
    return {
        "Benchmark": entry.benchmark,
        "Architecture": entry.architecture,
        "Family": families().get(entry.architecture, UNKNOWN),
        "Data": data_link(board.dataset, results),
        "Task": board.task.replace("_", " "),
        **_run_cells(board, entry),
    }


def _run_cells(board: Board, entry: Place) -> Row:
    return {
        "Test score": f"{formats.score(entry.score)} {_metric(board)}",
        "Seeds": seeds(entry.runs, entry.score),
        "Scale": entry.scale,
        "Parameters": formats.count(entry.parameters),
        "Multiply-adds": formats.NOTHING if entry.multiply_adds != entry.multiply_adds else _short(entry),
        "Training": formats.seconds(entry.train_seconds),
        "Peak memory": formats.memory(entry.peak_memory_bytes),
        "Recipe": entry.recipe,
    }


def _metric(board: Board) -> str:
    return formats.words(board.monitor) if board.monitor else "score"


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


def _drawn(name: str, known: KnownFacts, place: Workplace) -> list[Block]:
    """Its blocks at the size of its paper; of one whose graph holds no layers nothing."""
    stages = known.get("stages")
    if not stages:
        return []
    between = f" Between the layers: {formats.in_words(known['between'])}." if known["between"] else ""
    caption = (
        f"{name} at the size of its paper, read from the network that is built: layers whose maps are of about one "
        f"size stand in one box. Left: the shape of what a box gives; right: its weights.{between}"
    )
    parts = len({stage["part"] for stage in stages})
    alt = f"The blocks of {name}: {formats.plural(len(stages), 'stage')} in {formats.plural(parts, 'part')}"
    shown = place.gallery.keep(partial(network_sketch, stages), formats.file_name("blocks-of", name), alt, caption)
    return [Figures([shown])]


def _about(known: KnownFacts, place: Workplace) -> list[Block]:
    """What the catalogue says of it, and what it costs in its paper; nothing of one that is no longer there."""
    if not known:
        return []
    swaps = formats.in_words(known["swaps"]) if known["swaps"] else "none"
    shape = " × ".join("any" if side is None else str(side) for side in known["input"])
    pairs = [
        ("In its paper it reads", shape),
        ("Outputs there", str(known["outputs"])),
        *_costs(known),
        ("Parts that may be swapped", swaps),
        ("Written in", place.linked(known["file"], ROOT / known["file"])),
    ]
    return [Text(f"{known['what']}. Source: {known['source']}."), Facts(pairs)]


def _costs(known: KnownFacts) -> list[tuple[str, str]]:
    """What one example costs at the size of the paper; nothing where its shapes alone do not tell."""
    cost = known.get("cost")
    if cost is None:
        return []
    field = cost["receptive_field"]
    return [
        ("Parameters there", formats.count(cost["parameters_total"])),
        ("Of these trained", formats.count(cost["parameters"])),
        ("Multiply-adds of one example", short_number(cost["multiply_adds"])),
        ("Maps of one example, float32", formats.memory(cost["activation_bytes"])),
        ("Weights, float32", formats.memory(4 * cost["parameters_total"])),
        ("Weight layers on the longest way", str(cost["depth"])),
        ("One place of the last map sees", " × ".join(map(str, field)) if field else "no fixed window"),
    ]


def _curves(own: Runs, place: Workplace) -> list[Block]:
    shown = [place.gallery.own_curves(board, entry) for board, entry in own]
    return [Figures(kept)] if (kept := [one for one in shown if one]) else []


def _tables(name: str, own: Runs, results: Results, place: Workplace) -> list[Block]:
    runs = [
        {
            "Data and task": board.name,
            "Data": data_link(board.dataset, results),
            "Benchmark": entry.benchmark,
            **_run_cells(board, entry),
        }
        for board, entry in own
    ]
    each = [_seed_row(run, results, place) for _, entry in own for run in entry.runs]
    linked = [Text(IN_MLFLOW)] if any(isinstance(row["MLflow"], Link) for row in each) else []
    blocks: list[Block] = [Heading("Its runs"), Table(runs), Heading("Every seed"), *linked, Table(each, brief=False)]
    for title, rows in (
        ("Published, and here", under_lines(paper_rows(own, results))),
        ("Its neighbours in the family tree", _neighbours(name)),
    ):
        if rows:
            blocks += [Heading(title), Table(rows)]
    return blocks + _health(own)


def _seed_row(run: Run, results: Results, place: Workplace) -> Row:
    timings, best = run.timings, run.metrics.get("best_epoch")
    folder = f"runs/{results.pipeline}/{run.benchmark}/seed-{run.seed}"
    page = results.options.tracked.get(folder)
    return {
        "Run": f"{run.benchmark}, seed {run.seed}",
        "State": run.state,
        "Test score": formats.value(run.score),
        "Best epoch": formats.NOTHING if best is None else str(best),
        "Training": formats.seconds(timings.get("train_seconds")),
        "Folder": place.linked(folder, run.folder),
        "MLflow": Link(f"{run.benchmark} seed {run.seed}", page) if page else formats.NOTHING,
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


def _health(own: Runs) -> list[Block]:
    """Whether its runs starve, explode or saturate."""
    runs = watched([run for _, entry in own for run in entry.runs])
    if not runs:
        return []
    rows = health_rows(runs)
    healthy = f"None of its {formats.plural(len(runs), 'run')} starves, explodes or saturates."
    return [Heading("Health of training"), Table(rows) if rows else Text(healthy)]


def _pictures(own: Runs, place: Workplace) -> list[Block]:
    """What the first finished seed of every benchmark says about test examples."""
    folded = []
    for _, entry in own:
        if shown := place.gallery.pictures(entry.runs):
            folded.append(Folded(formats.file_name("pictures", entry.benchmark), entry.benchmark, shown, True))
    return [Heading("Predictions"), *folded] if folded else []
