"""Labels that are likely wrong: how many, which, and where wrong ones were planted, how many of these were found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archbench.page import formats
from archbench.page.figures import pictures_of_probe
from archbench.page.section import Block, File, Folded, Row, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.records.probe_folder import ProbeFolder
from archbench.results.gathered import Results

REMARK = (
    "Confident learning: training and validation examples whose label the networks doubt that were not trained on "
    "them. They are to be looked at, and not to be taken for wrong. Where wrong labels were planted, recall is the "
    "share of these that is found, and precision the share of the suspects that are such; a label that was wrong "
    "before counts against it."
)
MOST = 12


@section("suspected_labels", order=480, needs=("probes",), source="Northcutt, Jiang, Chuang 2021, arXiv:1911.00068")
def suspected_labels(results: Results, place: Workplace) -> Iterator[Section]:
    """Every search for wrong labels."""
    for probe in results.probes:
        if probe.kind == "suspected_labels":
            yield _section(probe, place)


def _section(probe: ProbeFolder, place: Workplace) -> Section:
    name, title = formats.file_name("probe", probe.name), f"Labels that are likely wrong: {probe.name}"
    summary, suspects = probe.tables["summary"], probe.tables["suspects"]
    place.write_table(f"{name}.csv", suspects)
    blocks: list[Block] = [
        Text(REMARK),
        Table([_row(row) for row in summary.to_dict("records")]),
        Table([_suspect(row) for row in suspects.head(MOST).to_dict("records")], brief=False),
        File(f"{name}.csv", "All of them as CSV"),
    ]
    for arm, network in probe.settings["networks"].items():
        job = pictures_of_probe(network["task"]["name"], probe, f"suspects-{arm}")
        shown = [
            place.gallery.take(
                one,
                formats.file_name(f"{name}-{arm}-{one.name}"),
                f"{one.name} of held-out examples, {arm}",
                f"{arm}, first seed: {one.name} of what the held-out networks say against the labels; of single "
                "examples the suspects, the least credible first.",
            )
            for one in (place.gallery.drawn(job) if job else ())
        ]
        if shown:
            blocks.append(Folded(formats.file_name(name, arm), f"{arm}: suspects as pictures", shown, is_open=False))
    return Section(name, title, blocks)


def _row(row: dict[str, Any]) -> Row:
    told = {
        "Network": row["arm"],
        "Seed": str(row["seed"]),
        "Examples": formats.count(row["examples"]),
        "Suspected": formats.count(row["suspected"]),
        "Held-out agreement": formats.value(row["agreement"]),
    }
    if "planted" not in row:
        return told
    return {
        **told,
        "Planted": formats.count(row["planted"]),
        "Found": formats.count(row["found"]),
        "Recall": formats.value(row["recall"], 3),
        "Precision": formats.value(row["precision"], 3),
    }


def _suspect(row: dict[str, Any]) -> Row:
    told = {
        "Network": row["arm"],
        "Example": f"{row['split']} {row['row']}",
        "Label": str(row["label"]),
        "Likeliest": str(row["likeliest"]),
        "Credibility of the label": formats.value(row["credibility"], 3),
    }
    return told if row["planted"] != row["planted"] else {**told, "Planted": "yes" if row["planted"] else "no"}
