"""The folder of a probe: its settings, its machine, its tables, and last `metrics.json`, which names them all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from archbench.records.read import HalfWritten
from archbench.records.run_folder import (
    check,
    named,
    read_record,
    seal_files,
    write_json,
    write_text,
    write_yaml,
)
from archbench.records.shapes import MACHINE, PROBE, PROBED


@dataclass(frozen=True)
class ProbeFolder:
    """What the folder of a probe that ended holds."""

    path: Path
    settings: Mapping[str, Any]
    machine: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The probe's name in params.yaml."""
        return self.path.name

    @property
    def kind(self) -> str:
        """Its name in the catalogue."""
        return self.settings["probe"]["name"]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Its tables by name. Raises `BrokenRecord`."""
        return {Path(name).stem: _read(self.path / name) for name in self.metrics["files"] if name.endswith(".csv")}


def write_probe(
    folder: Path,
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    seconds: float,
) -> None:
    """Write all that a probe found in place of what an earlier one did."""
    shutil.rmtree(folder, ignore_errors=True)
    write_yaml(folder / "settings.yaml", settings)
    write_json(folder / "machine.json", machine)
    for name, table in tables.items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    names = ("settings.yaml", "machine.json", *(f"{name}.csv" for name in tables))
    seal_files([folder / name for name in names], {"seconds": seconds})


def read_probe(path: Path) -> ProbeFolder:
    """The folder of a probe that ended; raises `HalfWritten` where it did not, and `BrokenRecord`."""
    path = path.resolve()
    if not (path / "metrics.json").is_file():
        raise HalfWritten(f"{path} is no probe folder (yet): it has no metrics.json.")
    metrics = check(path, PROBED)
    settings = read_record(path / "settings.yaml", PROBE)
    return ProbeFolder(path, settings, read_record(path / "machine.json", MACHINE), metrics)


def _read(path: Path) -> pd.DataFrame:
    with named(path):
        return pd.read_csv(path, float_precision="round_trip")
