"""Write the report of a pipeline: index.html, README.md, tables/ and figures/, from its folders alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archbench.page.figures import Gallery
from archbench.page.readme import readme
from archbench.page.section import Section, Workplace, columns
from archbench.page.sections import SECTIONS, sections_of
from archbench.page.summary import summarize
from archbench.results.durations import FILE as DURATIONS
from archbench.results.durations import as_rows
from archbench.results.gathered import Options, gather

SIGNIFICANT = 6
"""Digits of every number in a table: more than any score deserves, few enough for small files."""


@dataclass(frozen=True)
class Page:
    """All that the template and the README show."""

    title: str
    pipeline: str
    summary: list[str]
    sections: list[Section]


def write_report(
    pipeline: str,
    benchmarks: list[str],
    studies: list[str],
    runs: Path,
    studies_folder: Path,
    out: Path,
    options: Options,
) -> Path:
    """Write the report of `pipeline` into `out` and return its index.html; the folders are read by `gather`."""
    results = gather(pipeline, benchmarks, studies, runs, studies_folder, options)
    _clear(out)
    for fault in SECTIONS.faults:
        print(f"left out of the report: {fault}", file=sys.stderr)
    page = Page(
        title=options.title,
        pipeline=pipeline,
        summary=summarize(results.runs, results.boards, results.studies),
        sections=list(sections_of(results, Workplace(Gallery(out / "figures"), partial(_write_table, out)))),
    )
    took = pd.DataFrame(as_rows(results.durations), columns=["stage", "seconds", "work", "network"])
    _write_table(out, DURATIONS, took)
    (out / "README.md").write_text(readme(page), encoding="utf-8")
    (out / "index.html").write_text(_render(page), encoding="utf-8")
    return out / "index.html"


def _clear(out: Path) -> None:
    """Remove the figures and tables of an earlier report: one of a benchmark that is gone would look current."""
    for folder, ending in (("figures", "svg"), ("tables", "csv")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for path in (out / folder).glob(f"*.{ending}"):
            path.unlink()


def _write_table(out: Path, name: str, table: pd.DataFrame, digits: int | None = SIGNIFICANT) -> None:
    written = f"%.{digits}g" if digits else None
    table.to_csv(out / "tables" / name, index=False, float_format=written, lineterminator="\n")


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
    return template.render(page=page, style=(folder / "style.css").read_text(encoding="utf-8"), columns=columns)
