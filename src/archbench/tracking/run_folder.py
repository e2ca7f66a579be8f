"""The run folder: everything that one trained seed leaves behind, and the only record of it.

A folder without `metrics.json` belongs to a run that is still going or was killed; that file is written last, under
a temporary name that is renamed, so a half-written run is never taken for a finished one.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def clear_unfinished(folder: Path) -> None:
    """Remove what writers that were killed left under temporary names."""
    for pattern in (".*.tmp", ".unfinished.*"):
        for path in folder.glob(pattern):
            path.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; NaN and infinity, which JSON lacks, become null."""
    write_text(path, json.dumps(_finite(value), indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_yaml(path: Path, value: Any) -> None:
    """Write YAML whole or not at all, keys in the order given."""
    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz without pickles, whole or not at all."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"{name} would have to be pickled.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz, never unpickling."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with the same keys as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_history(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows of a history as CSV, whole or not at all: how a resumed run takes its history back."""
    path.unlink(missing_ok=True)
    if rows:
        write_table(path, [{name: _cell(value) for name, value in row.items()} for row in rows])


def append_history(path: Path, row: Mapping[str, Any]) -> None:
    """Add one epoch to a history; a line cut off by a kill is put right when the run resumes."""
    fresh = not path.exists()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a history; an unfinished last line is left out."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    rows = list(csv.DictReader(whole.splitlines()))
    return [{name: float(value) if value else math.nan for name, value in row.items()} for row in rows]


def finished_metrics(folder: Path, trial: str) -> dict[str, Any] | None:
    """The metrics of a run that ended under exactly these settings, else None."""
    try:
        settings = yaml.safe_load((folder / "settings.yaml").read_text(encoding="utf-8"))
        metrics = read_json(folder / "metrics.json")
    except FileNotFoundError:
        return None
    return metrics if settings["id"] == trial else None


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "nan"
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
