"""`archbench check`: whether test scores are what params.yaml says that they will be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from archbench.results.expectations import Expectation

SHORT, UNKNOWN = 1, 2
"""Exit statuses: something is not as expected; nothing is known to be otherwise, but not all could be judged."""


def check(
    tables: Annotated[
        Path | None, typer.Option(help="Judge from this folder of a report's tables, without any run.")
    ] = None,
) -> None:
    """Say of every `expect` and `beats` of params.yaml whether the test scores reach it, a line each.

    ± is half the 95 % interval over n seeds. Exit status 1: something is not reached. 2: something cannot be judged,
    because it is not trained yet, say; the line has the command.
    """
    from archbench.results.expectations import read_expectations

    found = judge_here() if tables is None else read_expectations(tables)
    for one in found:
        print(_line(one))
    if not found:
        print(
            "Nothing is expected. A benchmark says so with expect: {accuracy: 0.9} or beats: {benchmark: NAME, by: 0.1}"
        )
    if any(one.judged and not one.reached for one in found):
        raise typer.Exit(SHORT)
    if not all(one.judged for one in found):
        raise typer.Exit(UNKNOWN)


def judge_here() -> Sequence[Expectation]:
    """From the runs of the pipeline in the current folder."""
    from archbench.results.expectations import judge
    from archbench.results.gathered import gather_runs
    from archbench.stages import open_pipeline, report_options

    config, folders = open_pipeline()
    options = report_options(config, folders)
    names = {name for one in options.expected for name in (one.benchmark, one.against)}
    runs = gather_runs(folders.runs, [slug for slug in config.benchmarks if slug in names], options)
    return judge(runs, options.expected)


def _line(one: Expectation) -> str:
    from archbench.page import formats
    from archbench.page.sections.expectations import expected_words, found_words

    about = f"{one.benchmark}: test {formats.words(one.metric)} {expected_words(one)}"
    if not one.judged:
        return f"not judged   {about}: {one.hindrance}" + (f". Run: {one.mend}" if one.mend else "")
    state = "reached    " if one.reached else "falls short"
    surely = ", surely" if one.sure else ""
    return f"{state}  {about}: {found_words(one)}{surely}".replace("\u00a0", " ")
