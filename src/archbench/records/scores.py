"""scores/ beside params.yaml: a handful of numbers of every benchmark and every arm of a study, small enough for git.

`dvc metrics diff` compares with what is committed, and the runs themselves are too large for that. Each has a file of
its own, `scores/lenet5-digits.json` and `scores/optimizers/adam.json`, because `dvc metrics show` has a row for a file
and a column for a number: so they stand below each other. All other scores are in the metrics.json of the runs.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from archbench.records.run_folder import read_metrics, write_json
from archbench.results.interval import mean_interval

FOLDER = "scores"
DIGITS = 6
"""Significant ones: more than any score deserves."""


def summary(folder: Path) -> dict[str, Any]:
    """What the runs in `folder`/seed-<n> are judged by: its mean over the finished seeds, half the width of its 95 %
    interval where there are two, and their number; with the number of weights. Empty where none has finished."""
    ended = [read_metrics(path) for path in sorted(folder.glob("seed-*"))]
    finished = [run for run in ended if run["state"] == "finished"]
    if not finished:
        return {}
    monitor = finished[0]["monitor"]
    score = mean_interval([run["scores"]["test"][monitor] for run in finished])
    numbers = {"mean": score.mean, "half": score.half, "n": score.n, "parameters": finished[0]["parameters"]}
    return {"metric": monitor} | {name: _short(value) for name, value in numbers.items() if value == value}


def _short(value: float | None) -> float | int | None:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def keep(folder: Path, slug: str, found: Mapping[str, Any], known: Collection[str]) -> None:
    """Write the summary of one benchmark in the place of its former one, and drop those of benchmarks not `known`."""
    for path in folder.glob("*.json"):
        if path.stem not in known:
            path.unlink(missing_ok=True)  # another stage may be at it too
    write_json(folder / f"{slug}.json", found)


def keep_study(folder: Path, slug: str, arms: Mapping[str, Mapping[str, Any]], known: Collection[str]) -> None:
    """Write the summaries of the arms of one study, and drop those of other arms and of studies not `known`."""
    for path in folder.glob("*/"):
        if path.name not in known:
            shutil.rmtree(path, ignore_errors=True)
    for path in (folder / slug).glob("*.json"):
        if path.stem not in arms:
            path.unlink(missing_ok=True)
    for arm, found in arms.items():
        write_json(folder / slug / f"{arm}.json", found)
