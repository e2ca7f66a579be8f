"""curves/ beside params.yaml: the losses of every benchmark by epoch, which `dvc plots show` draws.

A small file each, `curves/lenet5-digits.csv`, of the means over the seeds. The runs have the histories themselves, but
those of a pipeline in a folder of its own lie outside the repository that DVC has there, where it draws nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from archbench.records.run_folder import read_history, write_table

FOLDER = "curves"
LOSSES = ("train_loss", "validation_loss")


def mean_losses(folder: Path) -> list[dict[str, float]]:
    """Epoch by epoch the mean of each loss over the seeds in `folder`/seed-<n> that came so far and have a number."""
    histories = [read_history(path / "history.csv") for path in sorted(folder.glob("seed-*"))]
    longest = max(map(len, histories), default=0)
    rows = []
    for epoch in range(longest):
        reached = [history[epoch] for history in histories if epoch < len(history)]
        rows.append(
            {"epoch": epoch + 1, **{loss: _mean([row.get(loss, math.nan) for row in reached]) for loss in LOSSES}}
        )
    return rows


def _mean(values: Sequence[float]) -> float | str:
    known = [value for value in values if math.isfinite(value)]
    return float(f"{math.fsum(known) / len(known):.6g}") if known else ""


def keep(folder: Path, slug: str, rows: Sequence[Mapping[str, float]], known: Collection[str]) -> None:
    """Write the curves of one benchmark in the place of its former ones, and drop those of benchmarks not `known`."""
    for path in folder.glob("*.csv"):
        if path.stem not in known:
            path.unlink(missing_ok=True)  # another stage may be at it too
    if rows:
        write_table(folder / f"{slug}.csv", rows)
