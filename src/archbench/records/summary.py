"""The metrics.json of a benchmark: what its seeds come to together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archbench.datasets.store import SPLITS
from archbench.records.run_folder import read_json, read_metrics, write_json


def write_summary(folder: Path, seeds: Sequence[Path]) -> None:
    """Write `folder`/metrics.json from the folders of its `seeds`, all of which have ended. Raises `BrokenRecord`."""
    ended = [read_metrics(path) for path in seeds]
    timings = [read_json(path / "timings.json") for path in seeds]
    write_json(folder / "metrics.json", summarize(ended, timings))


def summarize(metrics: Sequence[Mapping[str, Any]], timings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean, deviation, minimum, maximum and n of every test metric over the finished seeds.

    Scores of further splits have the split before their name: `train_dev/accuracy`.
    """
    finished = [
        {**_flat(run["scores"]), "train_seconds": timing["train_seconds"]}
        for run, timing in zip(metrics, timings, strict=True)
        if run["state"] == "finished"
    ]
    states = [run["state"] for run in metrics]
    summary: dict[str, Any] = {"states": {state: states.count(state) for state in sorted(set(states))}}
    for name in finished[0] if finished else ():
        values = np.array([run[name] for run in finished], dtype=float)
        summary[name] = {
            "mean": values.mean(),
            "deviation": values.std(ddof=1) if len(values) > 1 else None,
            "minimum": values.min(),
            "maximum": values.max(),
            "n": len(values),
        }
    return summary


def _flat(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Test scores by their names, and those of further splits behind the split's."""
    further = {split: own for split, own in scores.items() if split not in SPLITS}
    return scores["test"] | {f"{split}/{name}": value for split, own in further.items() for name, value in own.items()}
