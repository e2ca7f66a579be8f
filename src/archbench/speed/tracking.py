"""Tracking: the same run with and without the process that copies it to MLflow."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from archbench.config import Training
from archbench.databases import sqlite_url
from archbench.speed.pairs import interleave, row
from archbench.speed.training import LENET, enough_epochs
from archbench.speed.workshop import Site, TrialSettings, digits, workbench
from archbench.tracking.live import live
from archbench.training.run import Pace, Workbench, run_benchmark

STORE = "MLFLOW_TRACKING_URI"


class WholeRun:
    """A run of one seed into its folder, from fresh weights to the end of its last copy."""

    def __init__(self, bench: Workbench, settings: TrialSettings, folder: Path, tracked: bool) -> None:
        self._bench, self._settings = bench, settings
        self._folder, self._tracked = folder, tracked
        self.waits: list[float] = []
        """Seconds of each run that were spent on waiting for the last copy."""

    def __call__(self) -> float:
        """Training images a second, over all of the run."""
        shutil.rmtree(self._folder, ignore_errors=True)  # a finished run would be left as it is
        defaults = Training()
        follower = live(self._folder, defaults.tracking_seconds) if self._tracked else nullcontext()
        pace = Pace(defaults.checkpoint_seconds, lambda run, row, epochs, monitor: None)
        start = time.perf_counter()
        with follower:
            run_benchmark([self._settings], self._bench.prepared, self._folder, pace, bench=lambda: self._bench)
            trained = time.perf_counter()
        end = time.perf_counter()
        self.waits.append(end - trained)
        return self._bench.training.examples * self._settings["epochs"] / (end - start)


def cost(site: Site) -> list[dict]:
    """LeNet-5 on digits for `speed.tracking_run_seconds`, with the copying (ours) and without (baseline)."""
    prepared = digits(32, LENET["batch_size"], site.folder)
    bench, settings = workbench(LENET, prepared)
    epochs = enough_epochs(bench, settings, site.options.tracking_run_seconds)
    settings = {**settings, "epochs": epochs}
    with store_at(site.folder / "mlflow.db"):
        tracked = WholeRun(bench, settings, site.folder / "tracked", tracked=True)
        alone = WholeRun(bench, settings, site.folder / "alone", tracked=False)
        pair = interleave(tracked, alone, site.options.repeats)
    percent = 100 * (1 / pair.ratio - 1)
    note = (
        f"tracking costs {percent:.1f} % of a run of about {site.options.tracking_run_seconds:g} s ({epochs} epochs), "
        f"of which the wait for the last copy is {statistics.median(tracked.waits[1:]):.1f} s"
    )
    return [row("tracking", "images/s", pair, note)]


@contextmanager
def store_at(database: Path) -> Iterator[None]:
    """Track into a database of its own meanwhile: what is measured is no result."""
    before = os.environ.get(STORE)
    os.environ[STORE] = sqlite_url(database)
    try:
        yield
    finally:
        if before is None:
            del os.environ[STORE]
        else:
            os.environ[STORE] = before
