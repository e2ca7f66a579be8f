"""The run folder: everything that one trained seed leaves behind, and the only record of it.

A folder without `metrics.json` belongs to a run that is still going or was killed; that file is written last, under
a temporary name that is renamed, so a half-written run is never taken for a finished one. It names every other file
of the run with its size and digest: a run is finished when all of them are there as it wrote them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import yaml

from archbench.errors import UserError
from archbench.records.shapes import METRICS, SETTINGS, misfit

DEEP = 1_000
"""Brackets in a text, or characters in a line of it, below which nothing lies so deep that a reader in C breaks."""
WEIGHTS = "model.keras"
"""The file of a run that may stay where it was trained: its scores are known without it."""
WITHOUT_WEIGHTS = "its weights stayed where it was trained"
"""What is said of a run without that file; `archbench merge` takes it from a bundle that has the weights."""
FILES = (
    "settings.yaml", "machine.json", "history.csv", "timings.json", "predictions.npz", WEIGHTS, "signature.json",
    "snapshots.npz",
)  # fmt: skip
"""What a run leaves beside its metrics.json; one that diverged has no predictions and no model,
and one that was not asked to keep them no snapshots."""
UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, RuntimeError, MemoryError,
    IsADirectoryError, NotADirectoryError, zipfile.BadZipFile, zlib.error, csv.Error, yaml.YAMLError,
)  # fmt: skip
"""What the readers of JSON, YAML, CSV and .npz raise where there is something else."""


STAGES = {"runs": "train", "studies": "sweep", "probes": "probe"}
"""A folder of the project -> the stages whose records are below it."""


class BrokenRecord(UserError):
    """A file of a run, study or probe folder that is not what its writer wrote."""

    def __init__(self, path: Path, fault: str, mend: str | None = None) -> None:
        self.path, self.fault = path, fault
        self.mend = mend or f"dvc repro {_stage_of(path)}"
        """The command that makes the file anew."""
        super().__init__(f"{path} {fault}. Run: {self.mend}")


def _stage_of(path: Path) -> str:
    """The stage that writes a file below runs/<pipeline>, studies/<pipeline> or probes/<pipeline>."""
    parts = path.absolute().parts[::-1]
    for place, part in enumerate(parts):
        if part in STAGES and place > 1:
            return f"{STAGES[part]}@{parts[place - 2]}"
    return ""


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Raise `BrokenRecord` for `path` where the body, which reads it, can make no sense of it."""
    try:
        yield
    except UNREADABLE as error:
        raise BrokenRecord(path, f"cannot be read ({(str(error) or type(error).__name__).splitlines()[0]})") from error


@contextmanager
def written_whole(path: Path, mode: str, **how: Any) -> Iterator[IO]:
    """A file that stands at `path` when the body has ended; where that fails, a full disk keeps nothing of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, mode, **how) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with written_whole(path, "w", encoding="utf-8") as file:
        file.write(text)


def remove(path: Path) -> None:
    """Remove a file of the record, or the folder that stands in its place, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clear(folder: Path, kept: Collection[str]) -> None:
    """Remove all that an earlier run left in its folder but the files `kept`, `metrics.json` first."""
    if folder.is_dir():
        for path in sorted(folder.iterdir(), key=lambda path: path.name != "metrics.json"):
            if path.name not in kept:
                remove(path)


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; NaN and infinity, which JSON lacks, become null."""
    write_text(path, json.dumps(_finite(value), indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises `BrokenRecord`, and `FileNotFoundError`, as all that read here."""
    with named(path):
        return json.loads(path.read_text(encoding="utf-8"))


def read_yaml(path: Path) -> Any:
    """The content of a YAML file."""
    with named(path):
        return parsed_yaml(path.read_text(encoding="utf-8"))


def parsed_yaml(text: str) -> Any:
    """What a YAML text says.

    PyYAML's reader in C takes a tenth of the time, and a report reads a thousand files; but what is nested too deeply
    ends its process.
    """
    flat = text.count("[") + text.count("{") < DEEP and max(map(len, text.splitlines()), default=0) < DEEP
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader) if flat else yaml.SafeLoader)


def read_record(path: Path, shape: Mapping[Any, Any]) -> dict[str, Any]:
    """The mapping in a JSON or YAML file, which must have this shape."""
    content = read_yaml(path) if path.suffix == ".yaml" else read_json(path)
    if fault := misfit(content, shape):
        raise BrokenRecord(path, f"is not what its writer writes: {fault}")
    return content


def write_yaml(path: Path, value: Any) -> None:
    """Write YAML whole or not at all, keys in the order given."""
    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an .npz without pickles, whole or not at all."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"{name} would have to be pickled.")
    with written_whole(path, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz, never unpickling."""
    with named(path), np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def read_shown(folder: Path) -> dict[str, np.ndarray]:
    """What pictures are drawn from: the arrays of predictions.npz, and as `snapshot_<name>` those of snapshots.npz.

    Empty where the run wrote no predictions.
    """
    predictions, snapshots = folder / "predictions.npz", folder / "snapshots.npz"
    if not predictions.is_file():
        return {}
    kept = read_arrays(snapshots) if snapshots.is_file() else {}
    return {**read_arrays(predictions), **{f"snapshot_{name}": values for name, values in kept.items()}}


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
    """The rows of a history, which are its epochs in order; an unfinished last line is left out."""
    if not path.exists():
        return []
    rows = read_table(path, {"epoch": int}, growing=True)
    with named(path):
        history = [{name: float(value) if value else math.nan for name, value in row.items()} for row in rows]
    epochs = [int(row["epoch"]) for row in history]
    if epochs != list(range(1, len(epochs) + 1)):
        raise BrokenRecord(path, "does not hold the epochs 1, 2, 3 and so on, once each")
    return history


def read_table(path: Path, columns: Mapping[str, Callable[[str], Any]], growing: bool = False) -> list[dict[str, str]]:
    """The rows of a CSV file, as text; the unfinished last line of one that is `growing` is left out.

    `columns` gives those that it must have, each with what must be able to read its cells.
    """
    with named(path):
        text = path.read_text(encoding="utf-8")
        if not growing and not text.endswith("\n"):
            raise ValueError("it is empty" if not text else "it ends within a line")
        table = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
        rows = list(table)
        heads = table.fieldnames or ()
        if lacking := [name for name in columns if name not in heads and (heads or not growing)]:
            raise ValueError(f"it has no column {lacking[0]}")
        for row in rows:
            if None in row or None in row.values():
                raise ValueError(f"a row has {'more' if None in row else 'fewer'} cells than the table has columns")
            for name, read in columns.items():
                read(row[name])
    return rows


def seal(folder: Path, metrics: Mapping[str, Any]) -> None:
    """End a run: write its `metrics.json`, which names all other files with their size and digest."""
    seal_files([folder / name for name in FILES if (folder / name).exists()], metrics)


def seal_files(paths: Sequence[Path], metrics: Mapping[str, Any]) -> None:
    """Write the `metrics.json` beside these files, with size and digest of each."""
    files = {path.name: {"bytes": path.stat().st_size, "sha256": digest_of(path)} for path in paths}
    write_json(paths[0].with_name("metrics.json"), {**metrics, "files": files})


def read_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of a run that ended, whose files all have the size that it wrote.

    Quick, for whoever looks often; `check` reads the files. Raises `BrokenRecord`, and `FileNotFoundError` where the
    run has not ended.
    """
    return _sized(folder, METRICS)


def _sized(folder: Path, shape: Mapping[str, Any]) -> dict[str, Any]:
    """A `metrics.json` of this shape, whose files all have the size that it gives."""
    metrics = read_record(folder / "metrics.json", shape)
    for name, written in metrics["files"].items():
        path = folder / name
        if name == WEIGHTS and lacks_weights(folder, metrics):
            continue
        if not path.is_file():
            raise BrokenRecord(path, "is missing")
        if (size := path.stat().st_size) != written["bytes"]:
            raise BrokenRecord(path, f"has {size} bytes, the run wrote {written['bytes']}")
    return metrics


def check(folder: Path, shape: Mapping[str, Any] = METRICS) -> dict[str, Any]:
    """The metrics of a run that ended, whose files all are as it wrote them; raises as `read_metrics` does."""
    metrics = _sized(folder, shape)
    for name, written in metrics["files"].items():
        if name == WEIGHTS and lacks_weights(folder, metrics):
            continue
        if digest_of(folder / name) != written["sha256"]:
            raise BrokenRecord(folder / name, "is not what the run wrote: it has another digest")
    return metrics


def lacks_weights(folder: Path, metrics: Mapping[str, Any]) -> bool:
    """Whether a run of these `metrics` left weights that are not in its folder: all its numbers are known without."""
    return WEIGHTS in metrics["files"] and not (folder / WEIGHTS).exists()


def finished_metrics(folder: Path, trial: str, tell: Callable[[str], None] = print) -> dict[str, Any] | None:
    """The metrics of a run that ended under exactly these settings and is whole, weights too, else None.

    `tell` gets a line where it would be but for a file that is damaged, or for the weights.
    """
    if not (folder / "metrics.json").exists():
        return None
    try:
        if not (folder / "settings.yaml").exists():
            raise BrokenRecord(folder / "settings.yaml", "is missing")
        if read_record(folder / "settings.yaml", SETTINGS)["id"] != trial:
            return None
        metrics = check(folder)
        if lacks_weights(folder, metrics):
            raise BrokenRecord(folder / WEIGHTS, f"is missing: {WITHOUT_WEIGHTS}")
        return metrics
    except BrokenRecord as error:
        tell(f"{error.path} {error.fault}: the run is trained again")
        return None


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
