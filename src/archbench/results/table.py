"""The tidy table: one row a number, whatever became of the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import pandas as pd

from archbench.results.runs import Run, number

COLUMNS = (
    "benchmark",
    "architecture",
    "scale",
    "dataset",
    "optimizer",
    "seed",
    "split",
    "metric",
    "epoch",
    "value",
    "state",
)
"""What is known of a number. `split` is train, validation, test or run. `epoch` is given for learning curves and
empty for the scores of the chosen weights and for the costs of the whole run."""
CURVES = ("benchmark", "seed", "epoch", "train_loss", "validation_loss", "monitor", "train", "validation")
"""The columns of curves.csv, a row an epoch; `train` and `validation` are of what `monitor` names."""
COSTS = ("train_seconds", "total_seconds", "step_milliseconds", "examples_per_second", "peak_memory_bytes")
"""The entries of timings.json that the table carries."""
SIZES = ("parameters", "parameters_total", "multiply_adds", "epochs_run")
"""The entries of metrics.json that the table carries beside the scores."""


def results_table(runs: Iterable[Run]) -> pd.DataFrame:
    """All `runs` with the columns `COLUMNS`; a run without numbers has one row with an empty metric and its state."""
    return _table(runs, _history_numbers, _score_numbers, _cost_numbers)


def _table(runs: Iterable[Run], *numbers: Callable[[Run], Iterator[tuple]]) -> pd.DataFrame:
    rows = [row for run in runs for row in _run_rows(run, numbers)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"seed": "int64", "epoch": "Int64", "value": "float64"})


def scores_table(runs: Iterable[Run]) -> pd.DataFrame:
    """The rows of results.csv: as in `results_table`, without what is of a single epoch.

    The scale of a network, a long text, stands in the tables of boards, once.
    """
    return _table(runs, _score_numbers, _cost_numbers).drop(columns=["epoch", "scale"])


def curves_table(runs: Iterable[Run]) -> pd.DataFrame:
    """The learning curves of all `runs` in the columns `CURVES`, of diverged and killed ones as far as they came."""
    tables = []
    for run in runs:
        monitor = run.metrics["monitor"] if run.metrics else None
        own = run.history.reindex(columns=["epoch", "train_loss", "validation_loss"])
        for split in ("train", "validation"):
            own[split] = run.history.get(f"{split}_{monitor}", math.nan)
        tables.append(own.assign(benchmark=run.benchmark, seed=run.seed, monitor=monitor or ""))
    return pd.concat(tables, ignore_index=True)[list(CURVES)] if tables else pd.DataFrame(columns=list(CURVES))


def _run_rows(run: Run, numbers: Sequence[Callable[[Run], Iterator[tuple]]]) -> list[dict]:
    facts = {"benchmark": run.benchmark, **describe(run), "seed": run.seed, "state": run.state}
    found = [number for of in numbers for number in of(run)] or [(None, None, None, math.nan)]
    return [
        {**facts, "split": split, "metric": metric, "epoch": epoch, "value": value}
        for split, metric, epoch, value in found
    ]


def describe(run: Run) -> dict[str, str | None]:
    """What a run compares: architecture, scale, dataset and optimizer; None where the run left no settings."""
    settings = run.settings
    if not settings:
        return dict.fromkeys(("architecture", "scale", "dataset", "optimizer"))
    return {
        "architecture": settings["architecture"]["name"],
        "scale": settings["scale"],
        "dataset": settings["dataset"],
        "optimizer": settings["optimizer"]["name"],
    }


def _history_numbers(run: Run) -> Iterator[tuple]:
    """Losses and the monitored score, epoch by epoch; history.csv in the run folder has the rest."""
    history = run.history
    monitor = [run.metrics["monitor"]] if run.metrics else []
    for split in ("train", "validation"):
        for metric in dict.fromkeys(("loss", *monitor)):
            if f"{split}_{metric}" in history:
                values = zip(history["epoch"], history[f"{split}_{metric}"], strict=True)
                yield from ((split, metric, int(epoch), value) for epoch, value in values)


def _score_numbers(run: Run) -> Iterator[tuple]:
    for split, scores in run.scores.items():
        yield from ((split, name, None, number(value)) for name, value in scores.items())


def _cost_numbers(run: Run) -> Iterator[tuple]:
    for record, names in ((run.metrics, SIZES), (run.timings, COSTS)):
        yield from (("run", name, None, number(record[name])) for name in names if name in record)
