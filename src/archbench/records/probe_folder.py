"""The folder of a probe: settings, machine, tables and arrays, and last `metrics.json`, which names them all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from archbench.records.read import HalfWritten
from archbench.records.run_folder import (
    check,
    named,
    read_arrays,
    read_record,
    seal_files,
    write_arrays,
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

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """What pictures are drawn from, by its name; empty where there is none of it. Raises `BrokenRecord`."""
        file = f"{name}.npz"
        return read_arrays(self.path / file) if file in self.metrics["files"] else {}


def write_probe(
    folder: Path,
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    found: Mapping[str, pd.DataFrame | Mapping[str, np.ndarray]],
    seconds: float,
) -> None:
    """Write all that a probe found in place of what an earlier one did: tables, and beside them arrays of any shape."""
    shutil.rmtree(folder, ignore_errors=True)
    write_yaml(folder / "settings.yaml", settings)
    write_json(folder / "machine.json", machine)
    names = ["settings.yaml", "machine.json"]
    for name, own in found.items():
        if isinstance(own, pd.DataFrame):
            names.append(f"{name}.csv")
            write_text(folder / names[-1], own.to_csv(index=False, lineterminator="\n"))
        else:
            names.append(f"{name}.npz")
            write_arrays(folder / names[-1], own)
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
