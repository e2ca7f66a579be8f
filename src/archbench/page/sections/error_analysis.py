"""What networks get wrong: by category, with what ending it could win, and the worst mistakes as they look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archbench.page import formats
from archbench.page.figures import pictures_of_probe
from archbench.page.section import Block, File, Folded, Heading, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results
from archbench.results.mistakes import by_category

REMARK = (
    "Examples of the validation split: who looks at test examples has none left to test with. A category that holds a "
    "larger share of the mistakes than of the examples is harder than others; what ending its mistakes would win at "
    "most says whether it is worth the work. Categories of one kind add up; those of different kinds hold the same "
    "examples again."
)
MOST = 15
"""Categories of a network that the page shows; the table beside it has all."""


@section("error_analysis", order=470, needs=("probes",), source="Ng 2018, Machine Learning Yearning, chapters 14 to 17")
def error_analysis(results: Results, place: Workplace) -> Iterator[Section]:
    """Every analysis of errors: of each network its categories and its worst mistakes."""
    for probe in results.probes:
        if probe.kind == "error_analysis":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    name = formats.file_name("probe", probe.name)
    counted, worst = by_category(probe.tables["categories"]), probe.tables["worst"]
    place.write_table(f"{name}.csv", counted)
    place.write_table(f"{name}-worst.csv", worst)
    blocks: list[Block] = [Text(REMARK)]
    for arm in probe.settings["networks"]:
        own = counted[counted["arm"] == arm] if len(counted) else counted
        blocks.append(Heading(arm))
        blocks += [Table([_row(row) for row in own.head(MOST).itertuples()])] if len(own) else [Text(NONE)]
        listed = worst[worst["arm"] == arm]
        if len(listed):
            blocks.append(Table([_mistake(row) for row in listed.itertuples()], brief=False))
        blocks += _pictures(probe, arm, place, name)
    return Section(
        name,
        f"Error analysis: {probe.name}",
        [*blocks, File(f"{name}.csv", "All categories as CSV"), File(f"{name}-worst.csv", "The worst mistakes as CSV")],
    )


NONE = "There are no mistakes, or nothing tells the examples apart."


def _row(row: Any) -> Row:
    unit = f" of {formats.words(row.score)}" if isinstance(row.score, str) else ""
    return {
        "Category": f"{row.kind.replace('_', ' ')}: {row.category}",
        "Examples": f"{formats.value(row.examples)} ({_percent(row.examples_share)})",
        "Wrong": formats.value(row.wrong),
        "Share of all mistakes": _percent(row.share),
        "Ending them wins at most": f"{row.win:.4f}{unit}" if row.win == row.win else formats.NOTHING,
        "Seeds": f"n={row.seeds}",
    }


def _mistake(row: Any) -> Row:
    return {
        "Example": str(row.row),
        "How far off": formats.value(float(row.mistake)),
        "True": _text(row.true),
        "Answered": _text(row.answered),
        "Categories": _text(row.categories),
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else formats.NOTHING if value != value else str(value)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}\u00a0%"


def _pictures(probe: ProbeFolder, arm: str, place: Workplace, name: str) -> list[Block]:
    task = probe.settings["networks"][arm]["task"]["name"]
    job = pictures_of_probe(task, probe, f"worst-{arm}")
    shown = [
        place.gallery.take(
            one,
            formats.file_name(f"{name}-{arm}-{one.name}"),
            f"{one.name} of validation examples, {arm}",
            f"{arm}, first seed: {one.name.replace('_', ' ')} of the validation split. Single examples are the worst "
            "mistakes, the worst first.",
        )
        for one in (place.gallery.drawn(job) if job else ())
    ]
    return (
        [Folded(formats.file_name(name, arm), f"{arm}: the worst as pictures", shown, is_open=False)] if shown else []
    )
