"""Write the report of a pipeline: index.html, README.md, tables/ and figures/, from its folders alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archbench.page import content, formats
from archbench.page.classification import Workplace, classification_sections
from archbench.page.content import Section
from archbench.page.figures import Gallery
from archbench.page.readme import readme
from archbench.page.reference import reference_section
from archbench.page.start import comparisons
from archbench.page.study_figures import study_figures
from archbench.page.summary import summarize
from archbench.results.durations import FILE as DURATIONS
from archbench.results.durations import as_rows, durations
from archbench.results.leaderboard import Board, boards, by_benchmark
from archbench.results.machines import FILE as MACHINES
from archbench.results.machines import machines
from archbench.results.reference import beside_reference
from archbench.results.runs import BrokenRecord, Run, read_runs
from archbench.results.studies import Study, read_study
from archbench.results.table import results_table

SPEED_COLUMNS = ("case", "backend", "ours", "baseline", "ratio", "unit", "n", "note", "machine")
SIGNIFICANT = "%.6g"
"""Digits of every number in a table: more than any score deserves, few enough for small files."""


@dataclass(frozen=True)
class Options:
    """What a report must know beyond what the folders hold."""

    title: str
    seeds: Mapping[str, Sequence[int]]
    """Benchmark -> the seeds it should have, so that a missing one is noticed."""
    study_seeds: Mapping[str, Sequence[int]]
    """Study -> the seeds that its final runs should have."""
    data: Mapping[str, str | None] = field(default_factory=dict)
    """Data set -> the digest of its content as params.yaml asks for it; None where it is prepared, but otherwise, so
    that no run is of it. One that is left out is not prepared here: what its runs were made on is not known."""
    margins: Mapping[str, float] = field(default_factory=dict)
    """Benchmark -> the least gain of test accuracy over softmax regression on the same data."""
    reference: Path | None = None
    """The folder of the report that comes with the project, which need not be there."""


@dataclass(frozen=True)
class Page:
    """All that the template and the README show."""

    title: str
    pipeline: str
    summary: list[str]
    boards: list[Section]
    classification: list[Section]
    studies: list[Section]
    comparisons: list[Section]
    """Across benchmarks: transferred weights, heads together and alone."""
    pictures: list[Section]
    hardware: list[content.Row]
    provenance: list[content.Row]
    speed: list[content.Row]
    reference: Section | None
    gaps: list[content.Row]


def write_report(
    pipeline: str,
    benchmarks: list[str],
    studies: list[str],
    runs: Path,
    studies_folder: Path,
    out: Path,
    options: Options,
) -> Path:
    """Write the report of `pipeline` into `out` and return its index.html.

    `runs`/<benchmark>/seed-<n> and `studies_folder`/<study> are read; `benchmarks` and `studies` say what should be
    there, in the order of params.yaml. `runs`/speed.csv is shown where it exists. What is damaged is named as that.
    """
    read = read_runs(runs, {benchmark: options.seeds[benchmark] for benchmark in benchmarks})
    found = [run if run.is_of(options.data) else replace(run, state="stale") for run in read]
    known, gone = _read_studies(studies, studies_folder, options)
    try:
        speed = _read_speed(runs)
    except BrokenRecord as error:
        speed, gone["speed.csv"] = None, ("damaged", error.fault)
    ranked = boards(found)
    try:
        reference = beside_reference(ranked, options.reference / "tables") if options.reference else []
    except BrokenRecord as error:
        reference, gone["the reference"] = [], ("damaged", f"{error.path.name} {error.fault}")
    _clear(out)
    page = Page(
        title=options.title,
        pipeline=pipeline,
        summary=summarize(found, ranked, known),
        boards=_write_boards(out, found, ranked),
        classification=classification_sections(
            Workplace(Gallery(out / "figures"), partial(_write_table, out)), found, ranked, speed, options.margins
        ),
        studies=[_write_study(out, study) for study in known],
        comparisons=comparisons(found, Gallery(out / "figures"), partial(_write_table, out)),
        pictures=_write_pictures(out, found),
        hardware=content.hardware_rows(_write_machines(out, found, known)),
        provenance=content.provenance_rows(found, known),
        speed=_speed_rows(speed, out),
        reference=reference_section(reference),
        gaps=content.gap_rows(found, known, gone),
    )
    took = as_rows(durations(runs, benchmarks, studies_folder, studies, damaged=[]))  # the gaps tell of these
    _write_table(out, DURATIONS, pd.DataFrame(took, columns=["stage", "seconds", "work", "network"]))
    (out / "README.md").write_text(readme(page), encoding="utf-8")
    (out / "index.html").write_text(_render(page), encoding="utf-8")
    return out / "index.html"


def _read_studies(
    names: Sequence[str], folder: Path, options: Options
) -> tuple[list[Study], dict[str, tuple[str, str]]]:
    """The studies that can be shown, and of each of the others its state and what is known of it."""
    known, gone = [], {}
    for name in names:
        try:
            study = read_study(folder / name, name, options.study_seeds[name])
        except BrokenRecord as error:
            gone[name] = ("damaged", f"{error.path.name} {error.fault}")
            continue
        if study is None:
            gone[name] = ("missing", "no trials.csv: the sweep did not end")
        elif not all(run.is_of(options.data) for arm in study.arms for run in arm.runs):
            gone[name] = ("stale", f"made on other data than params.yaml asks for now: dvc repro sweep@{name}")
        else:
            known.append(study)
    return known, gone


def _clear(out: Path) -> None:
    """Remove the figures and tables of an earlier report: one of a benchmark that is gone would look current."""
    for folder, ending in (("figures", "svg"), ("tables", "csv")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for path in (out / folder).glob(f"*.{ending}"):
            path.unlink()


def _write_boards(out: Path, runs: Sequence[Run], ranked: Sequence[Board]) -> list[Section]:
    table = results_table(runs)
    _write_table(out, "results.csv", table)
    return [_write_board(out, board, table) for board in ranked]


def _write_board(out: Path, board: Board, table: pd.DataFrame) -> Section:
    name = f"leaderboard-{formats.file_name(board.dataset, board.task)}.csv"
    _write_table(out, name, board.table())
    return content.board_section(board, Gallery(out / "figures").board(board, table), name)


def _write_study(out: Path, study: Study) -> Section:
    name = f"study-{formats.file_name(study.name)}.csv"
    _write_table(out, name, study.table())
    return content.study_section(study, study_figures(Gallery(out / "figures"), study), name)


def _write_machines(out: Path, runs: Sequence[Run], studies: Sequence[Study]) -> pd.DataFrame:
    """The table of the machines behind the runs and the final runs of the studies."""
    table = machines([*runs, *(run for study in studies for arm in study.arms for run in arm.runs)])
    _write_table(out, MACHINES, table)
    return table


def _write_pictures(out: Path, runs: Sequence[Run]) -> list[Section]:
    """The predictions of the first finished seed of every benchmark."""
    gallery, sections = Gallery(out / "figures"), []
    for benchmark, seeds in by_benchmark(runs).items():
        run = next((run for run in seeds if run.finished), None)
        figures = gallery.pictures(run) if run else []
        if figures:
            sections.append(Section(formats.file_name("pictures", benchmark), benchmark, "", [], figures))
    return sections


def _read_speed(runs: Path) -> pd.DataFrame | None:
    """The rows of speed.csv, where it was measured."""
    path = runs / "speed.csv"
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path)
    except ValueError as error:
        raise BrokenRecord(path, f"cannot be read ({error})", "archbench speed") from error
    if lacking := [name for name in SPEED_COLUMNS if name not in table]:
        raise BrokenRecord(path, f"has no column {', '.join(lacking)}", "archbench speed")
    return table


def _speed_rows(table: pd.DataFrame | None, out: Path) -> list[content.Row]:
    """The measurements as they are shown, copied beside the other tables."""
    if table is None:
        return []
    _write_table(out, "speed.csv", table)
    return [{name: _cell(row[name]) for name in SPEED_COLUMNS} for row in table.to_dict("records")]


def _cell(value: object) -> str:
    if pd.isna(value):
        return formats.NOTHING
    return formats.value(value) if isinstance(value, float) else str(value)


def _write_table(out: Path, name: str, table: pd.DataFrame) -> None:
    table.to_csv(out / "tables" / name, index=False, float_format=SIGNIFICANT, lineterminator="\n")


def _render(page: Page) -> str:
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,  # every name of params.yaml may hold anything
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("index.html")
    return template.render(page=page, style=(folder / "style.css").read_text(encoding="utf-8"), columns=content.columns)
