"""scores.json beside params.yaml: the mean test scores of a pipeline, small enough for git.

`dvc metrics diff` compares with what is committed, and the runs themselves are too large for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from archbench.records.run_folder import BrokenRecord, read_json, write_json

FILE = "scores.json"
DIGITS = 6
"""Significant ones: more than any score deserves."""
BESIDE = ("states", "trials", "train_seconds")
"""What a summary holds beside test scores."""


def read(path: Path) -> dict[str, Any]:
    """Metric -> mean over the seeds, of the summary that a benchmark ends with; of a study's, by arm."""
    return _means(read_json(path))


def _means(summary: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in summary.items():
        if name in BESIDE:
            continue
        if "mean" not in value:
            found[name] = _means(value)
        elif value["mean"] is not None:
            found[name] = float(f"{value['mean']:.{DIGITS}g}")
    return found


def keep(
    path: Path, kind: Literal["benchmarks", "studies"], slug: str, scores: Mapping[str, Any], known: Iterable[str]
) -> None:
    """Put the scores of one benchmark or study in the place of its former ones, and drop those of a kind not `known`.

    Raises `BrokenRecord`.
    """
    try:
        table = read_json(path) if path.is_file() else {}
        own = {**table.get(kind, {}), slug: scores}
    except (BrokenRecord, AttributeError, TypeError) as error:
        raise BrokenRecord(path, f"cannot be read ({error})", f"git checkout {path}") from error
    write_json(path, {**table, kind: {name: own[name] for name in known if name in own}})
