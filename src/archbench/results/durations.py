"""How long each stage took: from the folders that are here, or from the report that comes with the project."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archbench.records.read import HalfWritten, read_study
from archbench.records.run_folder import BrokenRecord, read_json, read_metrics, read_record
from archbench.records.shapes import SETTINGS

FILE = "durations.csv"
SAME = ("architecture", "dataset", "batch_size", "parts", "precision")
"""Settings in which a run must agree for its seconds to be a measure of another."""


@dataclass(frozen=True)
class Duration:
    """What one stage took, without the start of its process."""

    stage: str
    """As DVC calls it."""
    seconds: float
    work: int
    """Epochs that were asked for, over all seeds; of a study, over all trials of all arms."""
    network: str
    """A digest of the settings in `SAME`; empty for a study."""


def network(settings: Mapping[str, Any]) -> str:
    """A digest of what decides how long an epoch takes."""
    chosen = json.dumps([settings[name] for name in SAME], sort_keys=True)
    return hashlib.sha256(chosen.encode()).hexdigest()[:16]


def durations(
    runs: Path, benchmarks: Iterable[str], studies: Path, names: Iterable[str], damaged: list[str]
) -> list[Duration]:
    """A row a stage that ended, from `runs`/<benchmark> and `studies`/<study>.

    What cannot be read is left out, and added to `damaged` as a line.
    """
    found = [_benchmark(runs / slug, damaged) for slug in benchmarks] + [_study(studies / n, damaged) for n in names]
    return [one for one in found if one is not None]


def read_durations(path: Path) -> list[Duration]:
    """The rows of a report's table; none where there is no such table."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Duration(row["stage"], float(row["seconds"]), int(row["work"]), row["network"])
            for row in csv.DictReader(file)
        ]


def as_rows(found: Iterable[Duration]) -> list[dict[str, Any]]:
    """The rows of the table."""
    return [asdict(one) for one in found]


def _benchmark(folder: Path, damaged: list[str]) -> Duration | None:
    seconds, epochs, networks = 0.0, 0, set()
    for path in sorted(folder.glob("seed-*/metrics.json")):
        try:
            metrics, settings = read_metrics(path.parent), read_record(path.with_name("settings.yaml"), SETTINGS)
            timings = read_json(path.with_name("timings.json"))
        except BrokenRecord as error:
            damaged.append(str(error))
            continue
        if metrics["state"] == "finished":
            networks.add(network(settings))
            seconds, epochs = seconds + timings["total_seconds"], epochs + settings["epochs"]
    return Duration(f"train@{folder.name}", seconds, epochs, networks.pop()) if len(networks) == 1 else None


def _study(folder: Path, damaged: list[str]) -> Duration | None:
    """Seconds of all trials and final runs; workers share them."""
    if not (folder / "metrics.json").exists():  # written last
        return None
    try:
        study = read_study(folder)
    except HalfWritten as error:
        damaged.append(f"{error} Run: dvc repro sweep@{folder.name}")
        return None
    except BrokenRecord as error:
        damaged.append(str(error))
        return None
    seconds = sum(float(row["seconds"]) for row in study.trials if row["seconds"])
    for path in sorted(folder.glob("final/*/seed-*/metrics.json")):
        try:
            read_metrics(path.parent)
            seconds += read_json(path.with_name("timings.json"))["total_seconds"]
        except BrokenRecord as error:
            damaged.append(str(error))
    budget = len(study.settings["arms"]) * study.settings["trials"] * study.settings["epochs"]
    return Duration(f"sweep@{folder.name}", seconds, budget, "")
