"""How long each stage took: from the folders that are here, or from the report that comes with the project."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from archbench.tracking.run_folder import read_json

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


def durations(runs: Path, benchmarks: Iterable[str], studies: Path, names: Iterable[str]) -> list[Duration]:
    """A row a stage that ended, from `runs`/<benchmark> and `studies`/<study>; what cannot be read is left out."""
    found = [_benchmark(runs / slug) for slug in benchmarks] + [_study(studies / name) for name in names]
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


def _benchmark(folder: Path) -> Duration | None:
    seconds, epochs, networks = 0.0, 0, set()
    for path in sorted(folder.glob("seed-*/metrics.json")):
        with suppress(OSError, ValueError, KeyError, TypeError, yaml.YAMLError):  # damaged: others tell of it
            metrics, timings = read_json(path), read_json(path.with_name("timings.json"))
            settings = yaml.safe_load(path.with_name("settings.yaml").read_text(encoding="utf-8"))
            if metrics["state"] == "finished":
                networks.add(network(settings))
                seconds, epochs = seconds + timings["total_seconds"], epochs + settings["epochs"]
    return Duration(f"train@{folder.name}", seconds, epochs, networks.pop()) if len(networks) == 1 else None


def _study(folder: Path) -> Duration | None:
    """Seconds of all trials and final runs; workers share them."""
    with suppress(OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        read_json(folder / "metrics.json")  # written last
        settings = yaml.safe_load((folder / "settings.yaml").read_text(encoding="utf-8"))
        with (folder / "trials.csv").open(newline="", encoding="utf-8") as file:
            trials = [float(row["seconds"]) for row in csv.DictReader(file) if row["seconds"]]
        finals = [read_json(path)["total_seconds"] for path in folder.glob("final/*/seed-*/timings.json")]
        budget = len(settings["arms"]) * settings["trials"] * settings["epochs"]
        return Duration(f"sweep@{folder.name}", sum(trials) + sum(finals), budget, "")
    return None
