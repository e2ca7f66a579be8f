"""How long an arm takes to a score that half of the arms reach."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from archbench.results.runs import Run
from archbench.results.studies import Study


def common_target(study: Study) -> float:
    """The median over the arms of the mean, over seeds, of the best validation score; NaN where nothing finished."""
    means = [
        np.mean([best_validation(run, study) for run in arm.runs if run.finished])
        for arm in study.arms
        if any(run.finished for run in arm.runs)
    ]
    return float(np.median(means)) if means else math.nan


def time_to_target(study: Study, target: float) -> pd.DataFrame:
    """Columns arm, seed, seconds, epochs of every final run: training time until its validation score reached `target`.

    Compilation and evaluation are left out. NaN where the run never got there, or did not finish.
    """
    rows = [(arm.name, run.seed, *_reached(run, study, target)) for arm in study.arms for run in arm.runs]
    return pd.DataFrame(rows, columns=["arm", "seed", "seconds", "epochs"])


def _reached(run: Run, study: Study, target: float) -> tuple[float, float]:
    """Seconds and epochs until the target."""
    if not run.finished:
        return math.nan, math.nan
    scores = run.history[f"validation_{study.monitor}"].to_numpy()
    there = np.flatnonzero(scores >= target if study.maximize else scores <= target)
    seconds = (run.history["input_seconds"] + run.history["step_seconds"]).cumsum()
    return (float(seconds.iloc[there[0]]), float(there[0] + 1)) if len(there) else (math.nan, math.nan)


def best_validation(run: Run, study: Study) -> float:
    """The best validation score of a run, over its epochs."""
    scores = run.history[f"validation_{study.monitor}"]
    return float(scores.max() if study.maximize else scores.min())
