"""All measurements, and the table they end in: runs/<pipeline>/speed.csv."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras

from archbench.config import Config, Speed
from archbench.errors import UserError
from archbench.project import Folders
from archbench.records import run_folder
from archbench.speed import side_by_side, steps, sweep, tracking, training, words, xla
from archbench.speed.workshop import Site

Row = Mapping[str, Any]

CASES: Mapping[str, Callable[[Site], Iterable[Row]]] = {
    "lenet5-digits": partial(training.lenet5, size=32),
    "lenet5-digits-16px": partial(training.lenet5, size=16),
    "resnet20-cifar": training.resnet20,
    "steps": steps.table,
    "xla": xla.table,
    "tracking": tracking.cost,
    "sweep": sweep.trials_a_minute,
    "side-by-side": side_by_side.trials_a_minute,
    "word-pairs": words.pairs,
}
"""Name -> the measurement: from its site to rows, the first named like the case or after it."""


class UnknownCase(UserError):
    """A measurement that does not exist."""


def measure(config: Config, folders: Folders, only: list[str] | None = None) -> Path:
    """Run the measurements named in `only`, or all, and return the path of speed.csv.

    The file is written after each row. Rows of measurements that are not run, and of another backend, stay.
    Raises `UnknownCase`.
    """
    path = folders.runs / "speed.csv"
    for name in _checked(only):
        with tempfile.TemporaryDirectory(prefix="archbench-speed-") as folder:
            rows = []
            for row in CASES[name](Site(config.speed or Speed(), Path(folder), config, folders)):
                pair = f"{row['ours']:.4g} against {row['baseline']:.4g} {row['unit']}"
                print(f"{row['case']}: {pair}, {row['ratio']:.2f} times", flush=True)
                rows.append(row)
                _write(path, name, rows)
            _write(path, name, rows)  # where there was none, too: the former ones are no measurement of now
    return path


def _checked(only: list[str] | None) -> list[str]:
    for name in only or ():
        if name not in CASES:
            near = difflib.get_close_matches(name, CASES, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UnknownCase(f"There is no measurement {name!r}.{hint} There are: {', '.join(CASES)}.")
    return [name for name in CASES if not only or name in only]


def _write(path: Path, name: str, rows: Sequence[Row]) -> None:
    """Put the rows of a measurement in the place of its former ones."""
    measured = {(keras.backend.backend(), name), *((row["backend"], name) for row in rows)}
    kept = [row for row in _read(path) if (row["backend"], _case_of(row["case"])) not in measured]
    order = list(CASES)
    # Sorting is stable: the rows of one measurement keep their order.
    merged = sorted(
        [*kept, *rows], key=lambda row: (row["backend"] != "tensorflow", order.index(_case_of(row["case"])))
    )
    if merged:
        run_folder.write_table(path, merged)


def _read(path: Path) -> list[dict[str, str]]:
    """The rows of the table as it stands; those of measurements that exist no longer are dropped."""
    if not path.is_file():
        return []
    try:
        rows = run_folder.read_table(path, {"case": str, "backend": str})
    except run_folder.BrokenRecord as error:
        print(f"{path} {error.fault}: its rows are dropped", flush=True)
        return []
    return [row for row in rows if _case_of(row["case"]) in CASES]


def _case_of(row: str) -> str:
    """The measurement that a row belongs to: `xla-unet` to `xla`, `side-by-side-mlp` to `side-by-side`."""
    return max((name for name in CASES if f"{row}-".startswith(f"{name}-")), key=len, default=row)
