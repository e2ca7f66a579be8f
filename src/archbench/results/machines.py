"""On which machines the runs of a report were made: results repeat to the bit on a processor of the same kind alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from archbench.results.runs import Run

PROCESSOR = ("cpu", "cpu_extensions", "cores")
"""What decides how a CPU rounds."""
FACTS = (
    "device", "device_kind", *PROCESSOR, "memory_bytes", "platform", "python",
    "backend", "backend_version", "keras_version", "archbench_version",
)  # fmt: skip
FILE = "machines.csv"


def machines(runs: Iterable[Run]) -> pd.DataFrame:
    """A row for every different machine and set of versions: `FACTS`, and how many `runs` it did."""
    described = [{"cpu_extensions": "", **run.machine} for run in runs if run.machine]  # older records do not name them
    known = [{name: _plain(machine[name]) for name in FACTS} for machine in described]
    if not known:
        return pd.DataFrame(columns=[*FACTS, "runs"])
    return pd.DataFrame(known).groupby(list(FACTS), as_index=False, sort=True).size().rename(columns={"size": "runs"})


def other_processors(tables: Path, here: dict[str, object]) -> list[str]:
    """What tells the processors behind the report in `tables` from this one, `here`; empty where nothing does.

    A report made on several machines has a line for each that is another than `here`.
    """
    path = tables / FILE
    if not path.is_file():
        return []
    own = {name: str(_plain(here[name])) for name in PROCESSOR}
    made = pd.read_csv(path, dtype=str, keep_default_na=False)[list(PROCESSOR)].drop_duplicates().to_dict("records")
    return [_told(other, own) for other in made if other != own]


def _told(other: dict[str, str], own: dict[str, str]) -> str:
    differences = []
    if other["cpu"] != own["cpu"]:
        differences.append(f"{other['cpu']}, here {own['cpu']}")
    if other["cpu_extensions"] != own["cpu_extensions"]:
        theirs, ours = set(other["cpu_extensions"].split()), set(own["cpu_extensions"].split())
        lacking, further = " ".join(sorted(theirs - ours)), " ".join(sorted(ours - theirs))
        differences.append(f"with {lacking or 'nothing'} that is not here, without {further or 'nothing'} that is")
    if other["cores"] != own["cores"]:
        differences.append(f"{other['cores']} cores, here {own['cores']}")
    return "; ".join(differences)


def _plain(value: object) -> object:
    """A list as one text, as it stands in a table."""
    return " ".join(value) if isinstance(value, list) else value
