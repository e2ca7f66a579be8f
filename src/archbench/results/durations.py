"""How long each stage took: from the folders that are here, or from the report that comes with the project."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archbench.config import Study
from archbench.records.read import HalfWritten, RunFolder, digest, read_run, read_study
from archbench.records.run_folder import BrokenRecord

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
    """A digest of what it was: `network`, or of a study `networks`; empty where its record does not tell."""


def network(settings: Mapping[str, Any]) -> str:
    """A digest of what decides how long an epoch takes."""
    return digest([settings[name] for name in SAME])


def networks(study: Study, arms: Mapping[str, Mapping[str, Any]]) -> str:
    """The same of a study, whose `arms` have these settings: with what they tune, and how trials are chosen and scored.

    How many trials, epochs and workers there are is left out, as the epochs and the seeds of a benchmark are: seconds
    can be scaled by these.
    """
    spaces = {arm: {key: number.model_dump() for key, number in study.space_of(arm).items()} for arm in arms}
    samplers = {arm: study.arms[arm].sampler or study.sampler for arm in arms}
    how = study.model_dump(include={"folds", "pruner", "side_by_side"})
    return digest([{arm: network(settings) for arm, settings in arms.items()}, spaces, samplers, how])


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
    for run in _ended(folder.glob("seed-*/"), damaged):
        if run.state == "finished":
            networks.add(network(run.settings))
            seconds, epochs = seconds + run.timings["total_seconds"], epochs + run.settings["epochs"]
    return Duration(f"train@{folder.name}", seconds, epochs, networks.pop()) if len(networks) == 1 else None


def _ended(folders: Iterable[Path], damaged: list[str]) -> Iterator[RunFolder]:
    """The runs that have ended; those that are damaged are added to `damaged`."""
    for run in (read_run(folder, digests=False) for folder in sorted(folders)):
        if run.fault is not None:
            damaged.append(str(run.fault))
        elif run.metrics is not None:
            yield run


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
    seconds += sum(run.timings["total_seconds"] for run in _ended(folder.glob("final/*/seed-*/"), damaged))
    budget = len(study.settings["arms"]) * study.settings["trials"] * study.settings["epochs"]
    return Duration(f"sweep@{folder.name}", seconds, budget, study.settings.get("network", ""))
