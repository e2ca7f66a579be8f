"""Our training program with and without XLA: the measurements behind the rule of `xla: auto`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import keras
import numpy as np

from archbench import resolve
from archbench.datasets.derived import open_data
from archbench.speed.pairs import interleave, row
from archbench.speed.workshop import Site, TrialSettings
from archbench.training import order
from archbench.training.run import Workbench

STEPS = 4
"""Steps of one call: with XLA a convolution in a loop can take twenty times as long."""


def table(site: Site) -> Iterator[dict]:
    """A row a benchmark named in `speed.xla`: steps a second with XLA (ours) and without (baseline).

    JAX has no "without", hence no rows.
    """
    if keras.backend.backend() != "jax":
        yield from (_row(site, slug) for slug in site.options.xla)


def _row(site: Site, slug: str) -> dict:
    plan = resolve.resolve(site.config, slug)
    dataset = plan.settings["dataset"]
    prepared = open_data(dataset, site.config.datasets, site.folders.prepared, site.folders.raw)
    settings = plan.trial_settings(plan.seeds[0], prepared.card.sha256, site.folders.runs)
    on, off = (
        Chunk(Workbench(settings | {"xla": xla}, prepared, site.folders.runs), settings) for xla in ("on", "off")
    )
    pair = interleave(on, off, site.options.repeats)
    note = f"ours: XLA on, compiled in {on.compile_seconds:.1f} s; baseline: XLA off, {off.compile_seconds:.1f} s"
    return row(f"xla-{slug}", "steps/s", pair, note)


class Chunk:
    """One call of the compiled program, of `STEPS` steps."""

    def __init__(self, bench: Workbench, settings: TrialSettings) -> None:
        self._program, self._numbers = bench.program, bench.start(settings).numbers
        feed = bench.training.feeds[0]
        rows = order.shuffled((0, 0), feed.examples, settings["batch_size"])
        self._order = np.resize(rows, (STEPS, settings["batch_size"]))
        self._data, _, _ = next(iter(feed.chunks(self._order, STEPS)))
        self.compile_seconds = self._seconds(0)

    def __call__(self) -> float:
        """Steps a second."""
        return STEPS / self._seconds(STEPS)

    def _seconds(self, count: int) -> float:
        start = time.perf_counter()
        self._program.train(self._data, self._order, count, np.full(STEPS, 1e-4), self._numbers)
        return time.perf_counter() - start
