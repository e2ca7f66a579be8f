"""What the report says of padding and of the programs that examples of unlike length take."""

from pathlib import Path
from types import SimpleNamespace

from archbench.page.section import Workplace
from archbench.page.sections.padding import padding
from archbench.results.runs import Run


def _run(benchmark, seed, share, programs, seconds, state="finished", **task):
    settings = {"task": {"name": "translation", **task}}
    metrics = {"padding": share, "programs": programs} if state == "finished" else {}
    return Run(benchmark, seed, Path(), state, settings, {}, metrics, {"compile_seconds": seconds})


def _sections(*runs):
    written = {}
    place = Workplace(None, lambda name, table, **_: written.update({name: table}))
    return list(padding(SimpleNamespace(runs=runs), place)), written


def test_padding_is_told_of_benchmarks_that_have_any():
    """The mean of two seeds is 25 %; the second one had compiled nothing anew, and a third did not finish."""
    (section,), written = _sections(
        _run("words", 0, 0.2, 4, 9.0, buckets=4),
        _run("words", 1, 0.3, 0, 0.0, buckets=4),
        _run("words", 2, 0.0, 0, 0.0, state="missing"),
        _run("pictures", 0, 0.0, 1, 3.0),
    )
    (row,) = next(block.rows for block in section.blocks if block.kind == "table")
    assert [row[name] for name in ("Benchmark", "Buckets", "Padding", "Programs", "Seeds")] == [
        "words", "4", "25.0%", "4", "n=2",
    ]  # fmt: skip
    assert len(written["padding.csv"]) == 1


def test_there_is_no_section_where_nothing_is_padded():
    assert _sections(_run("pictures", 0, 0.0, 1, 3.0), _run("words", 0, 0.0, 0, 0.0, state="missing")) == ([], {})
