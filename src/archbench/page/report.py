"""Write the report of a pipeline: index.html, README.md, pages/, tables/ and figures/, from its folders alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from archbench.asked import code_state
from archbench.figures.style import one_look_each
from archbench.page.drawn import Drawn
from archbench.page.figures import Gallery
from archbench.page.first_lines import first_lines
from archbench.page.known import Known
from archbench.page.looked import look_at
from archbench.page.readme import readme
from archbench.page.section import Workplace
from archbench.page.sections import SECTIONS, sections_of
from archbench.page.site import Page, write_site
from archbench.page.summary import summarize
from archbench.results.durations import FILE as DURATIONS
from archbench.results.durations import as_rows
from archbench.results.gathered import Options, gather

SIGNIFICANT = 6
"""Digits of every number in a table: more than any score deserves, few enough for small files."""


def write_report(
    pipeline: str,
    benchmarks: list[str],
    studies: list[str],
    runs: Path,
    studies_folder: Path,
    out: Path,
    options: Options,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the report of `pipeline` into `out` and return its index.html; the folders are read by `gather`.

    `tell` gets the lines of it that a reader should know first.
    """
    results = gather(pipeline, benchmarks, studies, runs, studies_folder, options)
    _clear(out)
    for fault in SECTIONS.faults:
        print(f"left out of the report: {fault}", file=sys.stderr)
    known = options.known
    with Drawn(known and known.with_suffix(""), code_state() if known else "") as drawn, one_look_each():
        place = Workplace(Gallery(out / "figures", drawn), partial(_write_table, out), Known(known), out)
        place.gallery.begin(results.boards, [look_at(data) for data in options.data_sets.values() if data.card])
        sections = list(sections_of(results, place))
    place.known.keep()
    page = Page(options.title, pipeline, summarize(results.runs, results.boards), sections)
    took = pd.DataFrame(as_rows(results.durations), columns=["stage", "seconds", "work", "network"])
    _write_table(out, DURATIONS, took)
    (out / "README.md").write_text(readme(page), encoding="utf-8")
    write_site(page, out)
    for line in first_lines(page):
        tell(line)
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
