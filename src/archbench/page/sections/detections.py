"""What detectors find and what they miss: by class, by size, by kind of mistake; and how fast they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from archbench.figures.detections import grouped_bars, precision_curves, score_against_speed
from archbench.figures.gallery import class_names
from archbench.metrics.coco import AREAS
from archbench.metrics.detection_errors import KINDS, TOTALS
from archbench.page import formats
from archbench.page.section import Block, Figures, File, Heading, Section, Table, Text, Workplace
from archbench.page.sections import section
from archbench.results.gathered import Results
from archbench.results.runs import Run, number

WHATS = {"": "boxes", "mask_": "masks"}
"""Before the names of what a run tells -> of what."""
STAGES = {1: "one stage", 2: "two stages"}
LABELS = {"classes": "AP@0.5", "sizes": "mAP", "mistakes": "mAP@0.5 won"}
CAPTIONS = {
    "classes": "Average precision of {what} of each class at an IoU of 0.5, {of_all}; the mean over seeds.",
    "precision": (
        "Precision over recall of {what} at an IoU of 0.5, the mean over classes and seeds, {of_all}: the best "
        "precision at that recall or a higher one. Behind each network: its mAP@0.5, the area below."
    ),
    "sizes": (
        "Mean average precision of {what} over IoU 0.50 to 0.95, {of_all}, by the area of the object: {sizes} (small: "
        "up to 32 x 32 pixels, large: from 96 x 96); the mean over seeds."
    ),
    "mistakes": (
        "How much mAP@0.5 of {what} would grow if all mistakes of a kind were made good, {of_all}; the mean over "
        "seeds. Each kind is for itself, so they do not add up (TIDE). Localization: the class is right, the IoU "
        "between 0.1 and 0.5. Classification: the IoU is enough, with an object of another class. Duplicate: the "
        "object has a surer detection. Background: no object, up to an IoU of 0.1. Both: place and class are wrong. "
        "Missed: an object that no detection means. Last, all wrong detections, and all objects not found."
    ),
}
DIGITS = 3


@section("detections", order=252, needs=("runs",), source="Bolya et al. 2020, arXiv:2008.08115")
def detections(results: Results, place: Workplace) -> Iterator[Section]:
    """Of every data set with objects in boxes: what each network finds."""
    datasets: dict[str, dict[str, list[Run]]] = {}
    for run in results.runs:
        if not np.isnan(run.test_score("map_50")) and "whole_kinds" in run.predictions:
            datasets.setdefault(run.settings["dataset"], {}).setdefault(run.benchmark, []).append(run)
    for dataset, networks in datasets.items():
        blocks: list[Block] = []
        for prefix, what in WHATS.items():
            own = {name: runs for name, runs in networks.items() if f"whole_{prefix}kinds" in runs[0].predictions}
            if own:
                blocks += _found(dataset, own, prefix, what, place)
        yield Section(
            formats.file_name("detections", dataset),
            f"What is found: {dataset}",
            [*blocks, *_speed(dataset, networks, place)],
        )


def _found(
    dataset: str, networks: Mapping[str, Sequence[Run]], prefix: str, what: str, place: Workplace
) -> list[Block]:
    """Tables and figures of the boxes or the masks of several networks."""
    first = next(iter(networks.values()))[0].predictions
    kinds = first[f"whole_{prefix}kinds"]
    named = class_names(first, int(kinds.max(initial=0)) + 1)
    names = [formats.words(named[kind]) for kind in kinds]
    tables = {
        "classes": _means(networks, f"{prefix}class_map_50", names),
        "sizes": _means(networks, f"{prefix}size_map", ["all sizes", *list(AREAS)[1:]]),
        "mistakes": _means(networks, f"{prefix}error_gains", [name.replace("_", " ") for name in (*KINDS, *TOTALS)]),
    }
    counts = _means(networks, f"{prefix}error_counts", tables["mistakes"].columns)
    curves = {
        name: np.mean([run.predictions[f"whole_{prefix}precision"].mean(axis=1) for run in runs], axis=0)
        for name, runs in networks.items()
    }
    objects = first[f"whole_{prefix}size_objects"]
    of_all = f"over all {len(first['whole_mistakes'])} test examples, which have {objects[0]} objects"
    sizes = ", ".join(f"{count} {size}" for size, count in zip(list(AREAS)[1:], objects[1:], strict=True))
    told = {"what": what, "of_all": of_all, "sizes": sizes}
    stem = formats.file_name("found", what, dataset)
    drawn = {
        name: partial(grouped_bars, table.dropna(axis=1, how="all"), LABELS[name]) for name, table in tables.items()
    }
    drawn["precision"] = partial(precision_curves, curves)
    shown = [
        place.gallery.keep(drawn[name], f"{stem}-{name}", f"{name} of {what}", caption.format(**told))
        for name, caption in CAPTIONS.items()
    ]
    files = []
    for name, table in {**tables, "counts": counts}.items():
        place.write_table(f"{stem}-{name}.csv", table.reset_index())
        files.append(File(f"{stem}-{name}.csv", f"{name.capitalize()} as CSV"))
    return [
        Heading(what.capitalize()),
        Text(f"Mistakes of {what} by kind, {of_all}: how many, and in brackets how much mAP@0.5 would grow without."),
        Table([_mistakes(name, counts.loc[name], tables["mistakes"].loc[name], networks[name]) for name in networks]),
        *files,
        Figures(shown),
    ]


def _means(networks: Mapping[str, Sequence[Run]], name: str, columns: Sequence[str]) -> pd.DataFrame:
    """What the runs tell under a name (column,), the mean over the seeds of each network."""
    rows = [np.mean([run.predictions[f"whole_{name}"] for run in runs], axis=0) for runs in networks.values()]
    return pd.DataFrame(rows, index=pd.Index(networks, name="benchmark"), columns=list(columns))


def _mistakes(name: str, counts: pd.Series, gains: pd.Series, runs: Sequence[Run]) -> dict[str, str]:
    cells = {
        kind: f"{formats.value(counts[kind])} ({formats.value(gains[kind], 2)})"
        for kind in counts.index  # the head of a column is its kind
    }
    return {"Network": name, **cells, "Seeds": f"n={len(runs)}"}


def _speed(dataset: str, networks: Mapping[str, Sequence[Run]], place: Workplace) -> list[Block]:
    """Networks of one stage against those of two: how fast they predict, and how well."""
    rows = []
    for name, runs in networks.items():
        told = [number(run.timings.get("predicted_per_second")) for run in runs]
        score = np.mean([run.test_score("map_50") for run in runs])
        stages = STAGES[int(runs[0].predictions["whole_stages"])]
        rows.append({"name": name, "stages": stages, "speed": np.median(told), "score": score, "n": len(runs)})
    points = pd.DataFrame(rows).dropna()
    if points.empty:
        return []
    stem = formats.file_name("pace", dataset)
    drawn = partial(score_against_speed, points, label="test mAP@0.5 of boxes")
    caption = (
        "Speed against accuracy, one stage against two (by colour): test mAP@0.5 of boxes, the mean over seeds, and "
        "the pictures a second that are predicted on this machine, decoding and non-maximum suppression included: "
        "batches of 8 that lie on the device, the median of 15 after the program was compiled, and of these that over "
        "seeds."
    )
    shown = place.gallery.keep(drawn, stem, f"Speed against accuracy on {dataset}", caption)
    place.write_table(f"{stem}.csv", points)
    cells = [
        {
            "Network": point["name"],
            "Stages": point["stages"].split()[0],
            "Pictures a second": formats.value(point["speed"], DIGITS),
            "mAP@0.5": formats.value(point["score"], DIGITS),
            "Seeds": f"n={point['n']}",
        }
        for point in points.to_dict("records")
    ]
    return [Heading("Speed"), Table(cells), File(f"{stem}.csv"), Figures([shown])]
